package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/content"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

const noContent = "There is no such content item."

// quality is a real; by way of numeric it is read as it was written: 0.7, not 0.699999988.
const (
	selectContent = `
SELECT c.id, c.uid::text, v.title, v.summary, v.format, v.body, v.url, v.topics, v.language, v.quality::numeric::float8, v.version, c.created_at
FROM content c JOIN content_version v ON v.content_id = c.id `

	// A list leaves bodies out: 200 of them may have 40 MB.
	selectContentHead = `
SELECT c.id, c.uid::text, v.title, v.summary, v.format, '', v.url, v.topics, v.language, v.quality::numeric::float8, v.version, c.created_at
FROM content c JOIN content_version v ON v.content_id = c.id AND v.version = c.version `
)

// CreateContent stores the first version of an item.
func (db *DB) CreateContent(ctx context.Context, i content.Item) (content.Item, error) {
	uid := ident.New()
	i.UID, i.Version = uid.String(), 1
	err := db.tx(ctx, "create a content item", func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `INSERT INTO content (uid) VALUES ($1) RETURNING id, created_at`, uid).Scan(&i.ID, &i.Created)
		if err != nil {
			return err
		}
		if err := insertContentVersion(ctx, tx, i); err != nil {
			return err
		}
		return record(ctx, tx, "content", "create", uid, nil)
	})
	return i, err
}

func insertContentVersion(ctx context.Context, tx pgx.Tx, i content.Item) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO content_version (content_id, version, title, summary, format, body, url, topics, language, quality)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		i.ID, i.Version, i.Title, i.Summary, string(i.Format), i.Body, i.URL, i.Topics, i.Language, i.Quality)
	return err
}

// Content is the newest version of an item, or NotFound.
func (db *DB) Content(ctx context.Context, uid ident.UID) (content.Item, error) {
	i, err := scanContent(db.pool.QueryRow(ctx, selectContent+`AND v.version = c.version WHERE c.uid = $1`, uid))
	return i, translate(missing(err, noContent), "read a content item")
}

// ContentVersion is one version of an item, or NotFound.
func (db *DB) ContentVersion(ctx context.Context, uid ident.UID, version int) (content.Item, error) {
	i, err := scanContent(db.pool.QueryRow(ctx, selectContent+`WHERE c.uid = $1 AND v.version = $2`, uid, version))
	return i, translate(missing(err, noContent), "read a version of a content item")
}

// UpdateContent stores what change makes of the newest version as the next one. Publications go on with the
// version they were accepted with. Errors of change pass; it returns NotFound.
func (db *DB) UpdateContent(
	ctx context.Context, uid ident.UID, change func(content.Item) (content.Item, error),
) (content.Item, error) {
	var i content.Item
	err := db.tx(ctx, "update a content item", func(tx pgx.Tx) error {
		// The lock comes first: who waits for it would look for the next version among those that were there before.
		if err := tx.QueryRow(ctx, `SELECT id FROM content WHERE uid = $1 FOR UPDATE`, uid).Scan(new(int64)); err != nil {
			return missing(err, noContent)
		}
		before, err := scanContent(tx.QueryRow(ctx, selectContent+`AND v.version = c.version WHERE c.uid = $1`, uid))
		if err != nil {
			return err
		}
		if i, err = change(before); err != nil {
			return err
		}
		if err := insertContentVersion(ctx, tx, i); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE content SET version = $2, updated_at = clock_timestamp() WHERE id = $1`, i.ID, i.Version)
		if err != nil {
			return err
		}
		return record(ctx, tx, "content", "update", uid, map[string]any{"version": i.Version, "fields": contentFields(before, i)})
	})
	return i, err
}

// DeleteContent removes an item with its versions. check is asked first and may refuse. It returns NotFound, or
// Conflict while a publication that is not finished is made of it.
func (db *DB) DeleteContent(ctx context.Context, uid ident.UID, check func(version int) error) error {
	return db.tx(ctx, "delete a content item", func(tx pgx.Tx) error {
		var version int
		var used bool
		err := tx.QueryRow(ctx, `
			SELECT c.version, EXISTS (SELECT FROM publication p
			               WHERE p.contents @> jsonb_build_array(jsonb_build_object('id', c.id))
			                 AND p.state NOT IN ('cancelled', 'completed', 'completed_with_failures', 'failed'))
			FROM content c WHERE c.uid = $1 FOR UPDATE`, uid).Scan(&version, &used)
		if err != nil {
			return missing(err, noContent)
		}
		if err := check(version); err != nil {
			return err
		}
		if used {
			return fault.New(fault.Conflict, "in_use", "A publication that is not finished is made of this item.")
		}
		if _, err := tx.Exec(ctx, `DELETE FROM content WHERE uid = $1`, uid); err != nil {
			return err
		}
		return record(ctx, tx, "content", "delete", uid, nil)
	})
}

// ListContents is at most limit items with ids above after, in their newest version and without their
// bodies, by id.
func (db *DB) ListContents(ctx context.Context, after int64, limit int) ([]content.Item, error) {
	rows, err := db.pool.Query(ctx, selectContentHead+`WHERE c.id > $1 ORDER BY c.id LIMIT $2`, after, limit)
	if err != nil {
		return nil, translate(err, "list content items")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (content.Item, error) { return scanContent(row) })
	return list, translate(err, "list content items")
}

// PinnedContents is the items of a publication at its versions, in its order. It returns NotFound if one
// is no more.
func (db *DB) PinnedContents(ctx context.Context, pins []publication.Pin) ([]content.Item, error) {
	ids, versions := make([]int64, len(pins)), make([]int32, len(pins))
	for n, pin := range pins {
		ids[n], versions[n] = pin.ID, int32(pin.Version) //nolint:gosec // an integer column
	}
	rows, err := db.pool.Query(ctx, selectContent+`
		JOIN unnest($1::bigint[], $2::integer[]) WITH ORDINALITY AS pin (id, version, n) ON pin.id = c.id AND pin.version = v.version
		ORDER BY pin.n`, ids, versions)
	if err != nil {
		return nil, translate(err, "read pinned content items")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (content.Item, error) { return scanContent(row) })
	if err == nil && len(list) != len(pins) {
		err = fault.New(fault.NotFound, "unknown_content", fmt.Sprintf("%d of %d content items are no more.", len(pins)-len(list), len(pins)))
	}
	return list, translate(err, "read pinned content items")
}

func scanContent(row pgx.Row) (content.Item, error) {
	var i content.Item
	var format string
	err := row.Scan(&i.ID, &i.UID, &i.Title, &i.Summary, &format, &i.Body, &i.URL, &i.Topics, &i.Language,
		&i.Quality, &i.Version, &i.Created)
	i.Format = content.Format(format)
	return i, err
}
