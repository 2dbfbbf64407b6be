package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/client"
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
	return withAPI(command, func(c *cobra.Command, api *client.Client, args []string) error {
		if len(args) == 0 {
			return listStatus(c, api, *asJSON)
		}
		if *watch {
			return watchProgress(c, api, args[0])
		}
		p, err := api.Progress(c.Context(), args[0])
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(c, p)
		}
		return showStatus(c, p)
	})
}

// watchPeriod is how often what has no stream is looked at.
const watchPeriod = 500 * time.Millisecond

func watchProgress(c *cobra.Command, api *client.Client, id string) error {
	last, err := api.Follow(c.Context(), id, progress.New(c.ErrOrStderr()).Show)
	if err != nil || last.State != "failed" {
		return err
	}
	p, err := api.Publication(c.Context(), id)
	if err != nil {
		return err
	}
	return fmt.Errorf("publication %s failed: %s", id, p.Failure)
}

func listStatus(c *cobra.Command, api *client.Client, asJSON bool) error {
	list, err := api.Publications(c.Context(), 20)
	if err != nil {
		return err
	}
	return table[client.Publication]{columns: "ID\tSTATE\tCREATED\tTITLE", row: func(p client.Publication) []any {
		return []any{p.ID, p.State, p.CreatedAt.Format(time.DateTime), p.Title}
	}}.show(c, list, asJSON)
}

func showStatus(c *cobra.Command, p client.Progress) error {
	_, _ = fmt.Fprintln(c.OutOrStdout(), progress.Line(p))
	p.All.Channel = "all"
	return table[client.Counts]{
		columns: "CHANNEL\tTOTAL\tSENT\tPENDING\tFAILED\tSKIPPED\tUNCERTAIN", align: tabwriter.AlignRight,
		row: func(k client.Counts) []any {
			return []any{k.Channel, k.Total, k.Sent, k.Pending + k.Sending, k.Failed, k.Skipped, k.Uncertain}
		},
	}.show(c, append(p.Channels, p.All), false)
}
