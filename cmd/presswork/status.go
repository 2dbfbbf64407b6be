package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
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
	return table[api.Publication]{columns: "ID\tSTATE\tCREATED\tTITLE", row: func(p api.Publication) []any {
		return []any{p.ID, p.State, p.CreatedAt.Format(time.DateTime), p.Title}
	}}.show(c, list, asJSON)
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
