package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/internal/app"
	"github.com/presswork/presswork/internal/config"
)

func secretsCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "secrets", Short: "See to the secrets of channels that are sealed in the database",
		Long: "See to the secrets of channels that are sealed in the database. It works on the database itself, with DATABASE_URL,\n" +
			"SECRET_KEY and SECRET_KEY_PREVIOUS, and may be used while everything runs.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	command.AddCommand(secretsStatusCommand(), secretsRotateCommand())
	return command
}

func secretsStatusCommand() *cobra.Command {
	shown := table[app.Seal]{columns: "CHANNEL\tENABLED\tKEY\tSTATE", row: func(s app.Seal) []any {
		return []any{s.Name, s.Enabled, s.Key, s.State}
	}}
	command := &cobra.Command{Use: "status", Short: "List the channels with secrets, and the key that each is sealed with", Args: cobra.NoArgs}
	asJSON := jsonFlag(command)
	return withSecrets(command, func(c *cobra.Command, settings *config.Config) error {
		s, err := app.SecretsStatus(c.Context(), settings)
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(c, s)
		}
		if err := shown.show(c, s.Channels, false); err != nil {
			return err
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "newest key %s: %d sealed with it, %d with a previous one, %d unreadable\n",
			s.NewestKey, s.Newest, s.Previous, s.Unreadable)
		return err
	})
}

func secretsRotateCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "rotate", Short: "Seal with SECRET_KEY what one of SECRET_KEY_PREVIOUS sealed",
		Long: "Seal with SECRET_KEY what one of SECRET_KEY_PREVIOUS sealed. It may be repeated. It fails if there are secrets that none of\n" +
			"the keys opens, after it has seen to the others.",
		Args: cobra.NoArgs,
	}
	asJSON := jsonFlag(command)
	return withSecrets(command, func(c *cobra.Command, settings *config.Config) error {
		r, failed := app.RotateSecrets(c.Context(), settings)
		if r.NewestKey == "" {
			return failed
		}
		var err error
		if *asJSON {
			err = printJSON(c, r)
		} else {
			_, err = fmt.Fprintf(c.OutOrStdout(), "newest key %s: %d resealed, %d were already, %d unreadable %s\n", r.NewestKey, r.Resealed, r.Newest,
				len(r.Unreadable), strings.Join(r.Unreadable, ", "))
		}
		if failed != nil {
			return failed
		}
		return err
	})
}

// withSecrets makes a command one that works on the database with the keys to what is sealed in it.
func withSecrets(command *cobra.Command, do func(*cobra.Command, *config.Config) error) *cobra.Command {
	command.RunE = func(c *cobra.Command, _ []string) error {
		settings, err := app.Environment(c.Context(), config.Secrets)
		if err != nil {
			return err
		}
		return do(c, settings)
	}
	return command
}
