package main

import (
	"github.com/spf13/cobra"

	"github.com/presswork/presswork/internal/app"
)

func apiCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "api",
		Short: "Serve the API, the subscribers' pages and tracking",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return app.Serve(c.Context(), nil, false, app.API)
		},
	}
}
