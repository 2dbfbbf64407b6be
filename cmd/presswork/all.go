package main

import (
	"github.com/spf13/cobra"

	"github.com/presswork/presswork/internal/app"
)

func allCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "all",
		Short: "Run every role in one process; in development with private servers of its own",
		Long: "Run every role in one process. In development, without DATABASE_URL and REDIS_URL, it starts private\n" +
			"PostgreSQL and Redis servers and keeps their data in PRESSWORK_DATA_DIR (.presswork).",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return app.Serve(c.Context(), nil, true, app.API, app.Worker, app.Scheduler)
		},
	}
}
