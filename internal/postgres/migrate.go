package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"

	_ "github.com/jackc/pgx/v5/stdlib" // goose wants a database/sql driver
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/presswork/presswork/migrations"
)

// lockTries is how often, a second apart, a process looks whether another one is done migrating.
const lockTries = 300

// Migrate brings the schema to the newest version. Several processes may call it at once: a session lock,
// on a connection of its own, lets one at a time work and the others find nothing left to do.
func Migrate(ctx context.Context, url string) error {
	return withProvider(ctx, url, func(p *goose.Provider) error {
		_, err := p.Up(ctx)
		return err
	})
}

// SchemaReady is nil if the schema is at least as new as this build, which must be able to run on newer ones.
func (db *DB) SchemaReady(ctx context.Context) error {
	names, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	var applied int
	err = db.pool.QueryRow(ctx, `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`).Scan(&applied)
	if err != nil {
		return translate(err, "read the schema's version: run presswork migrate up")
	}
	if applied < len(names) {
		return fmt.Errorf("the schema is at version %d of %d: run presswork migrate up", applied, len(names))
	}
	return nil
}

// MigrateTo brings the schema up or down to a version; 0 is the empty database.
func MigrateTo(ctx context.Context, url string, version int64) error {
	return withProvider(ctx, url, func(p *goose.Provider) error {
		current, err := p.GetDBVersion(ctx)
		if err != nil {
			return err
		}
		if version < current {
			_, err = p.DownTo(ctx, version)
		} else {
			_, err = p.UpTo(ctx, version)
		}
		return err
	})
}

// Migration is one step of the schema and whether it is applied.
type Migration struct {
	Version int64  `json:"version"`
	Name    string `json:"name"`
	Applied bool   `json:"applied"`
}

// Migrations lists every step.
func Migrations(ctx context.Context, url string) ([]Migration, error) {
	var list []Migration
	err := withProvider(ctx, url, func(p *goose.Provider) error {
		status, err := p.Status(ctx)
		if err != nil {
			return err
		}
		for _, s := range status {
			list = append(list, Migration{
				Version: s.Source.Version, Name: s.Source.Path, Applied: s.State == goose.StateApplied,
			})
		}
		return nil
	})
	return list, err
}

func withProvider(_ context.Context, url string, fn func(*goose.Provider) error) (err error) {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return fmt.Errorf("open the database to migrate: %w", err)
	}
	defer func() { err = firstError(err, db.Close()) }()
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, lockTries))
	if err != nil {
		return fmt.Errorf("make the migration lock: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, migrations.FS, goose.WithSessionLocker(locker))
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	if err := fn(provider); err != nil {
		return translate(err, "migrate the database")
	}
	return nil
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
