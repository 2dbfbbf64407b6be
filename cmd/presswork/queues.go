package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/client"
)

func queuesCommand() *cobra.Command {
	command := &cobra.Command{Use: "queues", Short: "Show what waits and runs in each queue"}
	shown := table[client.Queue]{
		columns: "QUEUE\tPENDING\tACTIVE\tSCHEDULED\tRETRY\tARCHIVED\tOLDEST\tPAUSED", align: tabwriter.AlignRight,
		row: func(q client.Queue) []any {
			return []any{q.Name, q.Pending, q.Active, q.Scheduled, q.Retry, q.Archived, fmt.Sprintf("%.0fs", q.Oldest), q.Paused}
		},
	}
	return listCommand(command, shown, func(c *cobra.Command, api *client.Client) ([]client.Queue, error) {
		return client.List[client.Queue](c.Context(), api, "/queues", nil)
	})
}
