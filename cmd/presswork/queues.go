package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
)

func queuesCommand() *cobra.Command {
	command := &cobra.Command{Use: "queues", Short: "Show what waits and runs in each queue"}
	shown := table[api.Queue]{
		columns: "QUEUE\tPENDING\tACTIVE\tSCHEDULED\tRETRY\tARCHIVED\tOLDEST\tPAUSED", align: tabwriter.AlignRight,
		row: func(q api.Queue) []any {
			return []any{q.Name, q.Pending, q.Active, q.Scheduled, q.Retry, q.Archived, fmt.Sprintf("%.0fs", q.OldestSeconds), q.Paused}
		},
	}
	return listCommand(command, shown, func(c *cobra.Command, remote *client.Client) ([]api.Queue, error) {
		list, err := remote.ListQueues(c.Context())
		return list.Items, err
	})
}
