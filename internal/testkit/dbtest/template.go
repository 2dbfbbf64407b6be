package dbtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// lockKey names our advisory lock in the maintenance database: whoever holds it
// may make the role and templates. The number is arbitrary.
const lockKey = 7_052_414_301

// ensureTemplate returns the name of a database to which steps are applied, made
// by the first who asks, in whichever process.
func ensureTemplate(ctx context.Context, admin *pgx.Conn, steps fs.FS) (string, error) {
	sum, err := hash(steps)
	if err != nil {
		return "", fmt.Errorf("read the migrations: %w", err)
	}
	name := "template_" + sum
	if there, err := exists(ctx, admin, name); err != nil || there {
		return name, err
	}
	return name, withLock(ctx, admin, func() error {
		if there, err := exists(ctx, admin, name); err != nil || there {
			return err
		}
		if err := ensureRoles(ctx, admin); err != nil {
			return err
		}
		return build(ctx, admin, name, steps)
	})
}

// build makes the template under another name and renames it when it is done:
// what exists is complete.
func build(ctx context.Context, admin *pgx.Conn, name string, steps fs.FS) error {
	building := name + "_new"
	for _, sql := range []string{
		"DROP DATABASE IF EXISTS " + building + " WITH (FORCE)",
		"CREATE DATABASE " + building + " OWNER " + ownerRole,
	} {
		if _, err := admin.Exec(ctx, sql); err != nil {
			return fmt.Errorf("make the template: %w", err)
		}
	}
	address, err := databaseURL(admin.Config().ConnString(), ownerRole, building)
	if err != nil {
		return err
	}
	if err := migrate(ctx, address, steps); err != nil {
		return fmt.Errorf("migrate the template: %w", err)
	}
	for _, sql := range []string{
		// A database that somebody is connected to cannot be cloned.
		"ALTER DATABASE " + building + " ALLOW_CONNECTIONS false",
		"ALTER DATABASE " + building + " RENAME TO " + name,
	} {
		if _, err := admin.Exec(ctx, sql); err != nil {
			return fmt.Errorf("finish the template: %w", err)
		}
	}
	return nil
}

// migrate applies steps as `presswork migrate` does. It does not call that code:
// its tests use this package.
func migrate(ctx context.Context, address string, steps fs.FS) (err error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return err
	}
	db := stdlib.OpenDB(*config)
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, sql := range Grants() {
		if _, err := db.ExecContext(ctx, sql); err != nil {
			return fmt.Errorf("grant: %w", err)
		}
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, steps)
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// Grants is what the owner of a database says before the first migration, so that
// the application's role may use what the migrations will make: docs/operations.md.
func Grants() []string {
	grants := []string{"SELECT, INSERT, UPDATE, DELETE ON TABLES", "USAGE ON SEQUENCES", "EXECUTE ON FUNCTIONS"}
	for i, what := range grants {
		grants[i] = "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT " + what + " TO " + Role
	}
	return grants
}

// ensureRoles makes the roles on a server that lacks them, with the superuser's
// password, if any. Call it under the lock.
func ensureRoles(ctx context.Context, admin *pgx.Conn) error {
	_, err := admin.Exec(ctx, `SELECT set_config('presswork.password', $1, false)`, admin.Config().Password)
	if err != nil {
		return fmt.Errorf("pass the password: %w", err)
	}
	for _, role := range []string{Role, ownerRole} {
		_, err = admin.Exec(ctx, `DO $$ BEGIN
			IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '`+role+`') THEN
				EXECUTE format('CREATE ROLE `+role+` LOGIN PASSWORD %L', nullif(current_setting('presswork.password'), ''));
			END IF;
		END $$`)
		if err != nil {
			return fmt.Errorf("make the role %s: %w", role, err)
		}
	}
	return nil
}

func exists(ctx context.Context, admin *pgx.Conn, database string) (there bool, err error) {
	err = admin.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", database).Scan(&there)
	return there, err
}

func withLock(ctx context.Context, admin *pgx.Conn, do func() error) error {
	if _, err := admin.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(lockKey)); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	err := do()
	if _, unlockErr := admin.Exec(ctx, "SELECT pg_advisory_unlock($1)", int64(lockKey)); unlockErr != nil {
		return errors.Join(err, fmt.Errorf("unlock: %w", unlockErr))
	}
	return err
}

// hash is a fingerprint of the names and contents of the migrations.
func hash(steps fs.FS) (string, error) {
	h := sha256.New()
	err := fs.WalkDir(steps, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(steps, path)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(h, "%s\x00%d\x00%s", path, len(content), content)
		return err
	})
	return hex.EncodeToString(h.Sum(nil)[:8]), err
}
