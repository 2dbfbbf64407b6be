package main

import (
	"github.com/spf13/cobra"

	"github.com/presswork/presswork/internal/app"
)

func schedulerCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "scheduler",
		Short: "Start what is due, relay the outbox and close every gap; any number may run",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return app.Serve(c.Context(), nil, false, app.Scheduler)
		},
	}
}
