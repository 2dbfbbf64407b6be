package devstack

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// oldest is the PostgreSQL version we need: 15 has CREATE DATABASE … STRATEGY
// and NULLS NOT DISTINCT.
const oldest = 15_00_00

// settings are PostgreSQL's, as arguments: they then follow this program's
// version, not that of the data folder.
func (p *postgres) settings() []string {
	pairs := []string{
		"listen_addresses=", // the socket only
		"unix_socket_directories=" + p.socket,
		"port=5432",
		"max_connections=200",
		"max_wal_size=2GB",
		"checkpoint_timeout=15min",
		"jit=off",
		"timezone=UTC", "log_line_prefix=%m [%p] ",
		"log_timezone=UTC",
		"logging_collector=off",
		"log_checkpoints=off",
	}
	if p.durable {
		pairs = append(pairs, "shared_buffers=256MB", "wal_buffers=16MB",
			"fsync=on", "synchronous_commit=on", "full_page_writes=on")
	} else {
		pairs = append(pairs, "shared_buffers=128MB", "wal_level=minimal", "max_wal_senders=0",
			"fsync=off", "synchronous_commit=off", "full_page_writes=off")
	}
	args := make([]string, 0, 2*len(pairs))
	for _, pair := range pairs {
		args = append(args, "-c", pair)
	}
	return args
}

// ping asks the server a question.
func (p *postgres) ping(ctx context.Context) error {
	return p.asAdmin(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "SELECT 1")
		return err
	})
}

// prepare makes the application's role and database where they are missing.
func (p *postgres) prepare(ctx context.Context) error {
	return p.asAdmin(ctx, func(conn *pgx.Conn) error {
		var version int
		var role, database bool
		err := conn.QueryRow(ctx, `SELECT current_setting('server_version_num')::int,
			EXISTS (SELECT FROM pg_roles WHERE rolname = 'presswork'),
			EXISTS (SELECT FROM pg_database WHERE datname = 'presswork')`).Scan(&version, &role, &database)
		if err != nil {
			return fmt.Errorf("look at the cluster: %w", err)
		}
		if version < oldest {
			return fmt.Errorf("found version %d: %w", version/1_00_00, ErrNoPostgres)
		}
		if !role {
			if _, err := conn.Exec(ctx, "CREATE ROLE presswork LOGIN"); err != nil {
				return fmt.Errorf("create the role presswork: %w", err)
			}
		}
		if !database {
			if _, err := conn.Exec(ctx, "CREATE DATABASE presswork OWNER presswork"); err != nil {
				return fmt.Errorf("create the database presswork: %w", err)
			}
		}
		return nil
	})
}

func (p *postgres) asAdmin(ctx context.Context, do func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, p.url("postgres", "postgres"))
	if err != nil {
		return err
	}
	return errors.Join(do(conn), conn.Close(ctx))
}
