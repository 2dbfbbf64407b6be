package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/client"
)

func queuesCommand() *cobra.Command {
	var target apiFlags
	var asJSON bool
	command := &cobra.Command{
		Use:   "queues",
		Short: "Show what waits and runs in each queue",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			api, err := target.open()
			if err != nil {
				return err
			}
			defer api.Close()
			list, err := client.List[client.Queue](c.Context(), api, "/queues", nil)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(list)
			}
			return showQueues(c, list)
		},
	}
	target.add(command.Flags())
	command.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return command
}

func showQueues(c *cobra.Command, list []client.Queue) error {
	table := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(table, "QUEUE\tPENDING\tACTIVE\tSCHEDULED\tRETRY\tARCHIVED\tOLDEST\tPAUSED\t")
	for _, q := range list {
		_, _ = fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%.0fs\t%t\t\n", q.Name, q.Pending, q.Active, q.Scheduled, q.Retry, q.Archived, q.Oldest, q.Paused)
	}
	return table.Flush()
}
