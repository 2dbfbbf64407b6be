package app

import (
	"context"
	"fmt"
	"io"

	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/postgres"
)

// migrateURL is the database as the migrating role reaches it.
func migrateURL(c *config.Config) string {
	if c.MigrateURL != "" {
		return c.MigrateURL
	}
	return c.DatabaseURL
}

// Migrate brings the schema to the newest version. Any number of processes may do so at once.
func Migrate(ctx context.Context, c *config.Config) error {
	return postgres.Migrate(ctx, migrateURL(c))
}

// MigrateTo brings the schema to a version, up or down.
func MigrateTo(ctx context.Context, c *config.Config, version int64) error {
	return postgres.MigrateTo(ctx, migrateURL(c), version)
}

// MigrationStatus writes a line for each migration.
func MigrationStatus(ctx context.Context, c *config.Config, out io.Writer) error {
	list, err := postgres.Migrations(ctx, migrateURL(c))
	if err != nil {
		return err
	}
	for _, m := range list {
		state := "pending"
		if m.Applied {
			state = "applied"
		}
		if _, err := fmt.Fprintf(out, "%-8s %s\n", state, m.Name); err != nil {
			return fmt.Errorf("write the list: %w", err)
		}
	}
	return nil
}
