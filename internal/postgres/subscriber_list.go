package postgres

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
)

// filterSubscribers lets rows of s through that a subscriber.Filter ($1 to $3) lets through. Deleted ones
// never pass. A topic that does not exist is NULL and so is contained nowhere.
const filterSubscribers = `
($1 = '' OR s.email LIKE $1)
AND ($2 = '' OR s.topics @> ARRAY(SELECT id FROM topic WHERE slug = $2) AND EXISTS (SELECT FROM topic WHERE slug = $2))
AND ($3 = '' OR s.status = $3)
AND s.email NOT LIKE '%@deleted.invalid'`

func filterArgs(f subscriber.Filter) []any {
	prefix := ""
	if f.EmailPrefix != "" {
		prefix = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(f.EmailPrefix) + "%"
	}
	return []any{prefix, f.Topic, string(f.Status)}
}

// ListSubscribers is at most limit subscribers with ids above after that pass the filter, by id. It is
// one query, however long the list.
func (db *DB) ListSubscribers(ctx context.Context, f subscriber.Filter, after int64, limit int) ([]subscriber.Subscriber, error) {
	rows, err := db.pool.Query(ctx, selectSubscriber+` WHERE `+filterSubscribers+` AND s.id > $4 ORDER BY s.id LIMIT $5`,
		append(filterArgs(f), after, limit)...)
	if err != nil {
		return nil, translate(err, "list subscribers")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (subscriber.Subscriber, error) { return scanSubscriber(row) })
	return list, translate(err, "list subscribers")
}

// CountSubscribers is how many pass the filter.
func (db *DB) CountSubscribers(ctx context.Context, f subscriber.Filter) (int64, error) {
	var n int64
	err := db.pool.QueryRow(ctx, `SELECT count(*) FROM subscriber s WHERE `+filterSubscribers, filterArgs(f)...).Scan(&n)
	return n, translate(err, "count subscribers")
}

// AttributeNames is every attribute that any subscriber has, sorted, at most limit of them.
func (db *DB) AttributeNames(ctx context.Context, limit int) ([]string, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT DISTINCT k COLLATE "C" FROM subscriber s, jsonb_object_keys(s.attributes) AS k ORDER BY 1 LIMIT $1`, limit)
	if err != nil {
		return nil, translate(err, "read the names of attributes")
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return names, translate(err, "read the names of attributes")
}

// RecordAccess notes in the audit log that subscribers were looked at; uid is zero for many.
func (db *DB) RecordAccess(ctx context.Context, verb string, uid ident.UID, count int) error {
	return db.tx(ctx, "note an access to subscribers", func(tx pgx.Tx) error {
		return record(ctx, tx, "subscriber", verb, uid, map[string]any{"count": count})
	})
}
