package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/client"
)

func pauseCommand() *cobra.Command {
	return controlCommand("pause", "Stop sending within a second", (*client.Client).Pause, (*client.Client).PausePublication)
}

func resumeCommand() *cobra.Command {
	return controlCommand("resume", "Go on with what is paused: exactly the rest is sent", (*client.Client).Resume, (*client.Client).ResumePublication)
}

// controlCommand does something with a scope or a publication.
func controlCommand(
	name, short string, scope func(*client.Client, context.Context, string) error,
	publication func(*client.Client, context.Context, string) (client.Publication, error),
) *cobra.Command {
	var target apiFlags
	command := &cobra.Command{
		Use:   name + " SCOPE|PUBLICATION",
		Short: short,
		Example: "  presswork " + name + " all\n  presswork " + name + " channel:slack\n  presswork " + name +
			" queue:email-bulk\n  presswork " + name + " 0192f0c4-…",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			api, err := target.open()
			if err != nil {
				return err
			}
			defer api.Close()
			if isScope(args[0]) {
				return scope(api, c.Context(), args[0])
			}
			return tellState(c, api, args[0], publication)
		},
	}
	target.add(command.Flags())
	return command
}

// isScope tells a scope from the id of a publication.
func isScope(text string) bool { return text == "all" || strings.Contains(text, ":") }

// tellState does something with a publication, and says what state that left it in.
func tellState(
	c *cobra.Command, api *client.Client, id string, do func(*client.Client, context.Context, string) (client.Publication, error),
) error {
	p, err := do(api, c.Context(), id)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.OutOrStdout(), p.State)
	return err
}

func cancelCommand() *cobra.Command {
	var target apiFlags
	command := &cobra.Command{
		Use:   "cancel PUBLICATION",
		Short: "End a publication within a second: who is still owed gets nothing",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			api, err := target.open()
			if err != nil {
				return err
			}
			defer api.Close()
			return tellState(c, api, args[0], (*client.Client).CancelPublication)
		},
	}
	target.add(command.Flags())
	return command
}

func pausesCommand() *cobra.Command {
	var target apiFlags
	var asJSON bool
	command := &cobra.Command{
		Use:   "pauses",
		Short: "Show which scopes are paused, since when and by whom",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			api, err := target.open()
			if err != nil {
				return err
			}
			defer api.Close()
			list, err := api.Pauses(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(list)
			}
			table := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
			_, _ = fmt.Fprintln(table, "SCOPE\tSINCE\tBY")
			for _, p := range list {
				_, _ = fmt.Fprintf(table, "%s\t%s\t%s\n", p.Scope, p.At.Format("2006-01-02 15:04:05"), p.By)
			}
			return table.Flush()
		},
	}
	target.add(command.Flags())
	command.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return command
}
