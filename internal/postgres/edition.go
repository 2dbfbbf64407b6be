package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

// Edition reads a publication with what was rendered for one of its channel kinds. Both never change once
// sending has begun, the state aside.
func (db *DB) Edition(ctx context.Context, id int64, channelID int16) (*publication.Publication, []publication.StoredRendition, error) {
	p, err := scanPublication(db.pool.QueryRow(ctx, `SELECT `+publicationColumns+` FROM publication WHERE id = $1`, id))
	if err != nil {
		return nil, nil, translate(err, "read a publication")
	}
	rows, err := db.pool.Query(ctx, `
		SELECT channel_id, language, body FROM rendition WHERE publication_id = $1 AND channel_id = $2
		ORDER BY language`, id, channelID)
	if err != nil {
		return nil, nil, translate(err, "read the renditions")
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[publication.StoredRendition])
	return p, list, translate(err, "read the renditions")
}

// PublicationID is the inner id of a publication.
func (db *DB) PublicationID(ctx context.Context, uid ident.UID) (int64, error) {
	var id int64
	err := db.pool.QueryRow(ctx, `SELECT id FROM publication WHERE uid = $1`, uid).Scan(&id)
	return id, translate(err, "find a publication")
}
