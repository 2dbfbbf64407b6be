package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
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

func pauseCommand() *cobra.Command {
	return scopeCommand("pause", "Stop sending of a scope within a second", http.MethodPut)
}

func resumeCommand() *cobra.Command {
	return scopeCommand("resume", "Go on with a paused scope", http.MethodDelete)
}

func scopeCommand(name, short, method string) *cobra.Command {
	var target apiFlags
	command := &cobra.Command{
		Use:   name + " SCOPE",
		Short: short + ": all, channel:slack, queue:email-bulk",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			api, err := target.open()
			if err != nil {
				return err
			}
			defer api.Close()
			return api.Call(c.Context(), method, "/pauses/"+url.PathEscape(args[0]), nil, nil)
		},
	}
	target.add(command.Flags())
	return command
}
