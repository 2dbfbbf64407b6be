package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/asset"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

const (
	noAsset     = "There is no such file."
	selectAsset = `SELECT id, uid, name, media_type, size, sha256, created_at FROM asset `
)

// CreateAsset stores an uploaded file. Bytes that are there already, under whatever name, are not stored again.
func (db *DB) CreateAsset(ctx context.Context, a asset.Asset, content []byte) (asset.Asset, error) {
	a.UID = ident.New()
	err := db.tx(ctx, "create an asset", func(tx pgx.Tx) error {
		// Bytes that are there are locked, so that nobody who deletes the last file with them does so just now.
		_, err := tx.Exec(ctx, `
			INSERT INTO asset_content (sha256, bytes) VALUES ($1, $2)
			ON CONFLICT (sha256) DO UPDATE SET sha256 = excluded.sha256`, a.SHA256[:], content)
		if err != nil {
			return err
		}
		err = tx.QueryRow(ctx, `
			INSERT INTO asset (uid, name, media_type, size, sha256) VALUES ($1, $2, $3, $4, $5) RETURNING id, created_at`,
			a.UID, a.Name, a.MediaType, a.Size, a.SHA256[:]).Scan(&a.ID, &a.CreatedAt)
		if err != nil {
			return err
		}
		return record(ctx, tx, "asset", "create", a.UID, nil)
	})
	return a, err
}

// Asset is what is known of a file, or NotFound.
func (db *DB) Asset(ctx context.Context, uid ident.UID) (asset.Asset, error) {
	a, err := scanAsset(db.pool.QueryRow(ctx, selectAsset+`WHERE uid = $1`, uid))
	return a, translate(missing(err, noAsset), "read an asset")
}

// AssetContent is a file with its bytes, or NotFound.
func (db *DB) AssetContent(ctx context.Context, uid ident.UID) (asset.Asset, []byte, error) {
	var content []byte
	a, err := scanAsset(db.pool.QueryRow(ctx, `
		SELECT a.id, a.uid, a.name, a.media_type, a.size, a.sha256, a.created_at, c.bytes
		FROM asset a JOIN asset_content c USING (sha256) WHERE a.uid = $1`, uid), &content)
	return a, content, translate(missing(err, noAsset), "read the content of an asset")
}

// Assets are those of the given files that there are, in no order.
func (db *DB) Assets(ctx context.Context, uids []ident.UID) ([]asset.Asset, error) {
	return db.assets(ctx, selectAsset+`WHERE uid = ANY($1)`, uids)
}

// ListAssets is at most limit files with ids above after, by id.
func (db *DB) ListAssets(ctx context.Context, after int64, limit int) ([]asset.Asset, error) {
	return db.assets(ctx, selectAsset+`WHERE id > $1 ORDER BY id LIMIT $2`, after, limit)
}

func (db *DB) assets(ctx context.Context, sql string, args ...any) ([]asset.Asset, error) {
	rows, err := db.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, translate(err, "list assets")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (asset.Asset, error) { return scanAsset(row) })
	return list, translate(err, "list assets")
}

// assetUsed asks whether a publication that is not finished goes with a file, or shows it: $2 is a pattern that
// finds its uid in the pinned versions of contents and templates. Each version is looked through once, however many
// publications have it.
const assetUsed = `
WITH p AS MATERIALIZED (
    SELECT attachments, contents, templates FROM publication
    WHERE state NOT IN ('cancelled', 'completed', 'completed_with_failures', 'failed')
), content AS (
    SELECT DISTINCT (pin->>'id')::bigint AS id, (pin->>'version')::integer AS version FROM p, jsonb_array_elements(p.contents) AS pin
), template AS (
    SELECT DISTINCT (pin.value->>'id')::bigint AS id, (pin.value->>'version')::integer AS version FROM p, jsonb_each(p.templates) AS pin
)
SELECT a.sha256, EXISTS (SELECT FROM p WHERE p.attachments @> to_jsonb(a.uid::text))
    OR EXISTS (SELECT FROM content c JOIN content_version v ON v.content_id = c.id AND v.version = c.version WHERE v.body ILIKE $2)
    OR EXISTS (SELECT FROM template t JOIN template_version v ON v.template_id = t.id AND v.version = t.version WHERE v.html ILIKE $2)
FROM asset a WHERE a.uid = $1 FOR UPDATE`

// DeleteAsset removes a file, and its bytes if no other has them. It returns NotFound, or Conflict while a
// publication that is not finished needs it, or a brand has it as its logo. Public pages of finished ones lose their image.
func (db *DB) DeleteAsset(ctx context.Context, uid ident.UID) error {
	return db.tx(ctx, "delete an asset", func(tx pgx.Tx) error {
		var shown bool
		var sum []byte
		if err := tx.QueryRow(ctx, assetUsed, uid, "%"+uid.String()+"%").Scan(&sum, &shown); err != nil {
			return missing(err, noAsset)
		}
		if shown {
			return fault.New(fault.Conflict, "in_use", "A publication that is not finished goes with this file, or shows it.")
		}
		// Whoever stores the same bytes waits for the lock, or is waited for: the last statement sees their file.
		if _, err := tx.Exec(ctx, `SELECT FROM asset_content WHERE sha256 = $1 FOR UPDATE`, sum); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM asset WHERE uid = $1`, uid); err != nil {
			return used(err, "It is the logo of a brand.")
		}
		if _, err := tx.Exec(ctx, `
			DELETE FROM asset_content c WHERE sha256 = $1 AND NOT EXISTS (SELECT FROM asset a WHERE a.sha256 = c.sha256)`, sum); err != nil {
			return err
		}
		return record(ctx, tx, "asset", "delete", uid, nil)
	})
}

// scanAsset reads a file, and what follows it in the row.
func scanAsset(row pgx.Row, more ...any) (asset.Asset, error) {
	var a asset.Asset
	var sum []byte
	err := row.Scan(append([]any{&a.ID, &a.UID, &a.Name, &a.MediaType, &a.Size, &sum, &a.CreatedAt}, more...)...)
	copy(a.SHA256[:], sum)
	return a, err
}
