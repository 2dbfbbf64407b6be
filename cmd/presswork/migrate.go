package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/internal/app"
	"github.com/presswork/presswork/internal/config"
)

func migrateCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "migrate", Short: "Bring the database's schema up or down",
		Args: cobra.NoArgs, // without it a mistyped command would be taken for a wish for help, and succeed
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	command.AddCommand(
		&cobra.Command{Use: "up", Short: "Migrate to the newest version", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
			settings, err := app.Environment(c.Context(), config.Migrate)
			if err != nil {
				return err
			}
			return app.Migrate(c.Context(), settings)
		}},
		&cobra.Command{Use: "to VERSION", Short: "Migrate up or down to a version; 0 is the empty database",
			Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
				version, err := strconv.ParseInt(args[0], 10, 64)
				if err != nil || version < 0 {
					return fmt.Errorf("%q is not a version", args[0])
				}
				settings, err := app.Environment(c.Context(), config.Migrate)
				if err != nil {
					return err
				}
				return app.MigrateTo(c.Context(), settings, version)
			}},
		&cobra.Command{Use: "status", Short: "List the migrations", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
			settings, err := app.Environment(c.Context(), config.Migrate)
			if err != nil {
				return err
			}
			return app.MigrationStatus(c.Context(), settings, c.OutOrStdout())
		}},
	)
	return command
}
