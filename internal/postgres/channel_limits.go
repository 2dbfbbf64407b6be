package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/channel"
)

// EnabledLimits is every channel that is switched on, by id, without its secrets: enough to know what limits it.
func (db *DB) EnabledLimits(ctx context.Context) ([]channel.Channel, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT id, uid, kind, provider, name, settings, version FROM channel WHERE enabled ORDER BY id`)
	if err != nil {
		return nil, translate(err, "list channels")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (channel.Channel, error) {
		c := channel.Channel{Enabled: true}
		var kind string
		err := row.Scan(&c.ID, &c.UID, &kind, &c.Provider, &c.Name, &c.Settings, &c.Version)
		c.Kind = channel.Kind(kind)
		return c, err
	})
	return list, translate(err, "list channels")
}
