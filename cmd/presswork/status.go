package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/internal/app"
	"github.com/presswork/presswork/internal/progress"
)

// apiFlags say which API a command talks to.
type apiFlags struct{ address, key string }

func (f *apiFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.address, "api", "", "address of the API (PRESSWORK_API_URL; http://localhost:8080)")
	flags.StringVar(&f.key, "api-key", "", "API key (PRESSWORK_API_KEY; in development the one that was made)")
}

func (f *apiFlags) open() (*client.Client, error) { return app.Client(f.address, f.key) }

func statusCommand() *cobra.Command {
	var target apiFlags
	var asJSON, watch bool
	command := &cobra.Command{
		Use:   "status [PUBLICATION]",
		Short: "Show how far a publication is, or list the newest",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			api, err := target.open()
			if err != nil {
				return err
			}
			defer api.Close()
			if len(args) == 0 {
				return listStatus(c, api, asJSON)
			}
			if watch {
				return watchProgress(c, api, args[0])
			}
			p, err := api.Progress(c.Context(), args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(p)
			}
			return showStatus(c, p)
		},
	}
	target.add(command.Flags())
	command.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	command.Flags().BoolVar(&watch, "watch", false, "show the progress until everything is settled; an error if it fails as a whole")
	return command
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
	if asJSON {
		return json.NewEncoder(c.OutOrStdout()).Encode(list)
	}
	table := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "ID\tSTATE\tCREATED\tTITLE")
	for _, p := range list {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", p.ID, p.State, p.CreatedAt.Format("2006-01-02 15:04:05"), p.Title)
	}
	return table.Flush()
}

func showStatus(c *cobra.Command, p client.Progress) error {
	out := c.OutOrStdout()
	_, _ = fmt.Fprintln(out, progress.Line(p))
	table := tabwriter.NewWriter(out, 0, 4, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(table, "CHANNEL\tTOTAL\tSENT\tPENDING\tFAILED\tSKIPPED\tUNCERTAIN\t")
	for _, k := range append(p.Channels, p.All) {
		if k.Channel == "" {
			k.Channel = "all"
		}
		_, _ = fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t\n", k.Channel, k.Total, k.Sent, k.Pending+k.Sending, k.Failed, k.Skipped, k.Uncertain)
	}
	return table.Flush()
}
