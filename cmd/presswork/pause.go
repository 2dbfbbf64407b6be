package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
)

func pauseCommand() *cobra.Command {
	return controlCommand("pause", "Stop sending within a second", (*client.Client).PauseScope, (*client.Client).PausePublication)
}

func resumeCommand() *cobra.Command {
	return controlCommand("resume", "Go on with what is paused: exactly the rest is sent", (*client.Client).ResumeScope, (*client.Client).ResumePublication)
}

// controlCommand does something with a scope or a publication.
func controlCommand(
	name, short string, scope func(*client.Client, context.Context, string, ...api.Option) error,
	publication func(*client.Client, context.Context, string, ...api.Option) (api.Publication, error),
) *cobra.Command {
	command := &cobra.Command{
		Use:   name + " SCOPE|PUBLICATION",
		Short: short,
		Example: "  presswork " + name + " all\n  presswork " + name + " channel:slack\n  presswork " + name +
			" queue:email-bulk\n  presswork " + name + " 0192f0c4-…",
		Args: cobra.ExactArgs(1),
	}
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		if isScope(args[0]) {
			return scope(remote, c.Context(), args[0])
		}
		return tellState(c, remote, args[0], publication)
	})
}

// isScope tells a scope from the id of a publication.
func isScope(text string) bool { return text == "all" || strings.Contains(text, ":") }

// tellState does something with a publication, and says what state that left it in.
func tellState(
	c *cobra.Command, remote *client.Client, id string, do func(*client.Client, context.Context, string, ...api.Option) (api.Publication, error),
) error {
	p, err := do(remote, c.Context(), id)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.OutOrStdout(), p.State)
	return err
}

func cancelCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "cancel PUBLICATION",
		Short: "End a publication within a second: who is still owed gets nothing",
		Args:  cobra.ExactArgs(1),
	}
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		return tellState(c, remote, args[0], (*client.Client).CancelPublication)
	})
}

func pausesCommand() *cobra.Command {
	command := &cobra.Command{Use: "pauses", Short: "Show which scopes are paused, since when and by whom"}
	shown := table[api.Pause]{columns: "SCOPE\tSINCE\tBY", row: func(p api.Pause) []any {
		return []any{p.Scope, p.PausedAt.Format(time.DateTime), p.PausedBy}
	}}
	return listCommand(command, shown, func(c *cobra.Command, remote *client.Client) ([]api.Pause, error) {
		list, err := remote.ListPauses(c.Context())
		return list.Items, err
	})
}
