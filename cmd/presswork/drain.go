package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/internal/app"
)

func drainCommand() *cobra.Command {
	var url string
	var patience time.Duration
	command := &cobra.Command{
		Use:   "drain",
		Short: "Have a worker take no new task and wait until it has none, before it is stopped",
		Long: "Have a worker take no new task and wait until it has none, before it is stopped: as a preStop hook, or by hand.\n" +
			"It speaks to the operators' listener on this machine that the environment names, or to the one at --url.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			settings, err := app.Environment(c.Context())
			if err != nil {
				return err
			}
			if url == "" {
				if url, err = app.OwnOps(settings.OpsListen); err != nil {
					return err
				}
			}
			key, err := app.KeptKey(settings)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(c.Context(), patience)
			defer cancel()
			return app.Drain(ctx, url, key, func(left int) { _, _ = fmt.Fprintln(c.OutOrStdout(), left, "in flight") })
		},
	}
	command.Flags().StringVar(&url, "url", "", "operators' listener of the worker (default: this machine's, by PRESSWORK_OPS_LISTEN)")
	command.Flags().DurationVar(&patience, "timeout", time.Minute, "how long to wait")
	return command
}
