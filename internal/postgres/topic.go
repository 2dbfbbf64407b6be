package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
)

const noTopic = "There is no such topic."

// CreateTopic stores a topic. It returns Conflict if its slug exists.
func (db *DB) CreateTopic(ctx context.Context, t subscriber.Topic) (subscriber.Topic, error) {
	t.UID = ident.New()
	err := db.tx(ctx, "create a topic", func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `INSERT INTO topic (uid, slug, name, description, public) VALUES ($1, $2, $3, $4, $5)
			RETURNING id, version, created_at`, t.UID, t.Slug, t.Name, t.Description, t.Public).Scan(&t.ID, &t.Version, &t.CreatedAt)
		if err != nil {
			return taken(err, "There is a topic with this slug already.")
		}
		return record(ctx, tx, "topic", "create", t.UID, nil)
	})
	return t, err
}

// Topic is the one with a uid, or NotFound.
func (db *DB) Topic(ctx context.Context, uid ident.UID) (subscriber.Topic, error) {
	t, err := scanTopic(db.pool.QueryRow(ctx, `SELECT `+topicColumns+` FROM topic WHERE uid = $1`, uid))
	return t, translate(missing(err, noTopic), "read a topic")
}

// UpdateTopic changes how a topic is shown and whether readers may choose it; its slug stays. change is asked what becomes of it
// and may refuse. It returns NotFound.
func (db *DB) UpdateTopic(
	ctx context.Context, uid ident.UID, change func(subscriber.Topic) (subscriber.Topic, error),
) (subscriber.Topic, error) {
	var t subscriber.Topic
	err := db.tx(ctx, "change a topic", func(tx pgx.Tx) (err error) {
		before, err := lockTopic(ctx, tx, uid)
		if err != nil {
			return err
		}
		if t, err = change(before); err != nil {
			return err
		}
		t, err = scanTopic(tx.QueryRow(ctx, `
			UPDATE topic SET name = $2, description = $3, public = $4, version = version + 1 WHERE uid = $1 RETURNING `+topicColumns,
			uid, t.Name, t.Description, t.Public))
		if err != nil {
			return err
		}
		return record(ctx, tx, "topic", "update", uid, map[string]any{"fields": before.Changed(t)})
	})
	return t, err
}

// lockTopic keeps others from changing a topic. Those who choose it go on.
func lockTopic(ctx context.Context, tx pgx.Tx, uid ident.UID) (subscriber.Topic, error) {
	t, err := scanTopic(tx.QueryRow(ctx, `SELECT `+topicColumns+` FROM topic WHERE uid = $1 FOR NO KEY UPDATE`, uid))
	return t, missing(err, noTopic)
}

// DeleteTopic removes a topic that no subscriber has chosen. check is asked first and may refuse. It returns NotFound, or
// Conflict.
func (db *DB) DeleteTopic(ctx context.Context, uid ident.UID, check func(version int) error) error {
	return db.tx(ctx, "delete a topic", func(tx pgx.Tx) error {
		t, err := lockTopic(ctx, tx, uid)
		if err != nil {
			return err
		}
		if err := check(t.Version); err != nil {
			return err
		}
		// It waits for those who are just choosing it (topicIDs), and the next statement sees them.
		var id int32
		if err := tx.QueryRow(ctx, `DELETE FROM topic WHERE uid = $1 RETURNING id`, uid).Scan(&id); err != nil {
			return err
		}
		var used bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM subscriber WHERE topics @> ARRAY[$1::integer])`, id).Scan(&used); err != nil {
			return err
		}
		if used {
			return fault.New(fault.Conflict, "in_use", "Subscribers have chosen this topic.")
		}
		return record(ctx, tx, "topic", "delete", uid, nil)
	})
}

// ListTopics is at most limit topics with ids above after, by id.
func (db *DB) ListTopics(ctx context.Context, after int64, limit int) ([]subscriber.Topic, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT `+topicColumns+` FROM topic WHERE id > $1 ORDER BY id LIMIT $2`, after, limit)
	if err != nil {
		return nil, translate(err, "list topics")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (subscriber.Topic, error) { return scanTopic(row) })
	return list, translate(err, "list topics")
}

// topicColumns is what scanTopic reads.
const topicColumns = `id, uid, slug, name, description, public, version, created_at`

func scanTopic(row pgx.Row) (subscriber.Topic, error) {
	var t subscriber.Topic
	err := row.Scan(&t.ID, &t.UID, &t.Slug, &t.Name, &t.Description, &t.Public, &t.Version, &t.CreatedAt)
	return t, err
}

// ensureTopics is the ids of topics by slug; those that are not there yet are made, in tx. slugs are in
// canonical form.
func ensureTopics(ctx context.Context, tx pgx.Tx, slugs []string) (map[string]int32, error) {
	ids, err := topicIDs(ctx, tx, slugs)
	if err != nil || len(ids) == len(slugs) {
		return ids, err
	}
	// In one order everywhere, so that two transactions do not wait for each other.
	slugs = slices.Sorted(slices.Values(slugs))
	uids := make([]string, len(slugs))
	for i := range uids {
		uids[i] = ident.New().String()
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO topic (uid, slug, name)
		SELECT n.uid, n.slug, n.slug FROM unnest($1::uuid[], $2::text[]) AS n (uid, slug)
		WHERE NOT EXISTS (SELECT FROM topic t WHERE t.slug = n.slug)
		ON CONFLICT (slug) DO NOTHING`, uids, slugs)
	if err != nil {
		return nil, fmt.Errorf("make topics: %w", err)
	}
	return topicIDs(ctx, tx, slugs)
}

// topicIDs is the ids of those topics that there are. Nobody deletes them before tx ends.
func topicIDs(ctx context.Context, tx pgx.Tx, slugs []string) (map[string]int32, error) {
	ids := make(map[string]int32, len(slugs))
	if len(slugs) == 0 {
		return ids, nil
	}
	rows, err := tx.Query(ctx, `SELECT slug, id FROM topic WHERE slug = ANY($1) FOR KEY SHARE`, slugs)
	if err != nil {
		return nil, fmt.Errorf("read the ids of topics: %w", err)
	}
	var slug string
	var id int32
	_, err = pgx.ForEachRow(rows, []any{&slug, &id}, func() error {
		ids[strings.Clone(slug)] = id
		return nil
	})
	return ids, err
}
