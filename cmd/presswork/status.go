package main

import (
	"errors"
	"fmt"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
	"github.com/presswork/presswork/internal/domaincheck"
	"github.com/presswork/presswork/internal/progress"
)

func statusCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "status [PUBLICATION]",
		Short: "Show how far a publication is, or list the newest",
		Args:  cobra.MaximumNArgs(1),
	}
	asJSON := jsonFlag(command)
	watch := command.Flags().Bool("watch", false, "show the progress until everything is settled; an error if it fails as a whole")
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		if len(args) == 0 {
			return listStatus(c, remote, *asJSON)
		}
		if *watch {
			return watchProgress(c, remote, args[0])
		}
		p, err := remote.GetProgress(c.Context(), args[0])
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(c, p)
		}
		if err := showStatus(c, p); err != nil || p.All.Deferred == 0 {
			return err
		}
		return showDeferred(c, remote, args[0])
	})
}

// watchPeriod is how often what has no stream is looked at.
const watchPeriod = 500 * time.Millisecond

func watchProgress(c *cobra.Command, remote *client.Client, id string) error {
	last, err := client.Last(remote.Follow(c.Context(), id), progress.New(c.ErrOrStderr()).Show)
	if err != nil || last.State != api.PublicationStateFailed {
		return err
	}
	p, err := remote.GetPublication(c.Context(), id)
	if err != nil {
		return err
	}
	return fmt.Errorf("publication %s failed: %s", id, p.Failure)
}

func listStatus(c *cobra.Command, remote *client.Client, asJSON bool) error {
	list, err := client.Collect(remote.Publications(c.Context(), api.ListPublicationsParams{Limit: 20}), 20)
	if err != nil {
		return err
	}
	err = table[api.Publication]{columns: "ID\tSTATE\tCREATED\tTITLE", row: func(p api.Publication) []any {
		return []any{p.ID, p.State, p.CreatedAt.Format(time.DateTime), p.Title}
	}}.show(c, list, asJSON)
	if err != nil || asJSON {
		return err
	}
	return nameFailingSenders(c, remote)
}

// nameFailingSenders says whose mail receivers refuse, and what to do. It says nothing to whom the API does not tell, as an older
// one does not either.
func nameFailingSenders(c *cobra.Command, remote *client.Client) error {
	const most = 20
	list, err := client.Collect(remote.FailingSenders(c.Context(), api.ListFailingSendersParams{Limit: most}), most)
	var problem *client.Problem
	if errors.As(err, &problem) && (problem.Status == http.StatusForbidden || problem.Status == http.StatusNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, s := range list {
		_, _ = fmt.Fprintf(c.OutOrStdout(), "\nReceivers refuse mail from %s (%s), as was found on %s. When it is mended: POST /api/v1/senders/%s/verify\n",
			oneLine(s.Name), s.FromEmail, s.Verification.CheckedAt.Format(time.DateTime), s.ID)
		if err := printReport(c.OutOrStdout(), failures(s.Verification)); err != nil {
			return err
		}
	}
	return nil
}

// failures are the findings for which receivers refuse mail.
func failures(r api.DomainReport) domaincheck.Report {
	report := domaincheck.Report{Domain: r.Domain, At: r.CheckedAt}
	for _, f := range r.Findings {
		if domaincheck.Level(f.Level) != domaincheck.Failure {
			continue
		}
		one := domaincheck.Finding{Check: string(f.Check), Level: domaincheck.Failure, Code: f.Code, Detail: f.Detail, Advice: f.Advice}
		for _, p := range f.Publish {
			one.Publish = append(one.Publish, domaincheck.Record{Name: p.Name, Type: p.Type, Value: p.Value})
		}
		report.Findings = append(report.Findings, one)
	}
	return report
}

func showStatus(c *cobra.Command, p api.Progress) error {
	_, _ = fmt.Fprintln(c.OutOrStdout(), progress.Line(p))
	p.All.Channel = "all"
	return table[api.Counts]{
		columns: "CHANNEL\tTOTAL\tSENT\tPENDING\tDEFERRED\tFAILED\tSKIPPED\tUNCERTAIN", align: tabwriter.AlignRight,
		row: func(k api.Counts) []any {
			return []any{k.Channel, k.Total, k.Sent, k.Pending + k.Sending, k.Deferred, k.Failed, k.Skipped, k.Uncertain}
		},
	}.show(c, append(p.Channels, p.All), false)
}
