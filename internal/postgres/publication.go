package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

// selectSummaries reads publications with the public ids of what they refer to, in one query however many
// there are.
const selectSummaries = `
SELECT p.id, p.uid, p.title, p.type, p.priority, p.state, p.failure, p.channels,
       jsonb_build_object(
           'all', coalesce((p.audience->>'all')::boolean, false),
           'topics', (SELECT coalesce(jsonb_agg(t.slug ORDER BY a.n), '[]') FROM topic t
                      JOIN jsonb_array_elements(p.audience->'topics') WITH ORDINALITY AS a (id, n) ON t.id = a.id::integer),
           'subscribers', coalesce(jsonb_array_length(p.audience->'subscribers'), 0),
           'excluded', coalesce(jsonb_array_length(p.audience->'exclude'), 0),
           'segments', (SELECT coalesce(jsonb_agg(a.pin -> 'slug' ORDER BY a.n), '[]')
                        FROM jsonb_array_elements(p.audience->'segments') WITH ORDINALITY AS a (pin, n)),
           'exclude_segments', (SELECT coalesce(jsonb_agg(a.pin -> 'slug' ORDER BY a.n), '[]')
                                FROM jsonb_array_elements(p.audience->'exclude_segments') WITH ORDINALITY AS a (pin, n)),
           'digest', p.audience ? 'digest',
           'snapshot', coalesce(p.audience -> 'snapshot' -> 'uid', to_jsonb($1::uuid))),
       (SELECT coalesce(jsonb_agg(jsonb_build_object('id', coalesce(c.uid, $1), 'version', k.pin->'version') ORDER BY k.n), '[]')
        FROM jsonb_array_elements(p.contents) WITH ORDINALITY AS k (pin, n)
        LEFT JOIN content c ON c.id = (k.pin->>'id')::bigint),
       (SELECT coalesce(jsonb_object_agg(k.channel, jsonb_build_object('id', coalesce(t.uid, $1), 'version', k.pin->'version')), '{}')
        FROM jsonb_each(p.templates) AS k (channel, pin)
        LEFT JOIN template t ON t.id = (k.pin->>'id')::bigint),
       (SELECT coalesce(jsonb_agg(jsonb_build_object('id', k.uid, 'name', coalesce(a.name, ''),
                                                     'media_type', coalesce(a.media_type, ''), 'size', coalesce(a.size, 0)) ORDER BY k.n), '[]')
        FROM jsonb_array_elements_text(p.attachments) WITH ORDINALITY AS k (uid, n)
        LEFT JOIN asset a ON a.uid = k.uid::uuid),
       s.uid, p.scheduled_at, p.by_local_time, p.listed, coalesce(p.rate_per_minute, 0), p.created_by, p.created_at, p.started_at, p.completed_at, p.updated_at, p.version,
       p.approval, p.cloned_from, (SELECT b.uid FROM brand b WHERE b.id = s.brand_id)
FROM publication p LEFT JOIN sender_identity s ON s.id = p.sender_id `

func scanSummary(row pgx.CollectableRow) (publication.Summary, error) {
	var s publication.Summary
	var audience, contents, templates, attachments, approval []byte
	if err := row.Scan(&s.ID, &s.UID, &s.Title, &s.Type, &s.Priority, &s.State, &s.Failure, &s.Channels,
		&audience, &contents, &templates, &attachments, &s.Sender, &s.ScheduledAt, &s.ByLocalTime, &s.Listed, &s.RatePerMinute, &s.CreatedBy, &s.CreatedAt,
		&s.StartedAt, &s.CompletedAt, &s.UpdatedAt, &s.Version, &approval, &s.ClonedFrom, &s.Brand); err != nil {
		return s, err
	}
	if approval == nil {
		approval = []byte("null")
	}
	return s, errors.Join(json.Unmarshal(audience, &s.Audience), json.Unmarshal(contents, &s.Contents),
		json.Unmarshal(templates, &s.Templates), json.Unmarshal(attachments, &s.Attachments), json.Unmarshal(approval, &s.Approval))
}

// Publication reads one, or NotFound.
func (db *DB) Publication(ctx context.Context, uid ident.UID) (publication.Summary, error) {
	return publicationBy(ctx, db.pool, uid)
}

func publicationBy(ctx context.Context, q querier, uid ident.UID) (publication.Summary, error) {
	rows, err := q.Query(ctx, selectSummaries+`WHERE p.uid = $2`, ident.UID{}, uid)
	if err != nil {
		return publication.Summary{}, translate(err, "read a publication")
	}
	s, err := pgx.CollectExactlyOneRow(rows, scanSummary)
	return s, translate(err, "read a publication")
}

const chosenPublications = `
WHERE ($3::bigint = 0 OR p.id < $3)
  AND ($4::text[] IS NULL OR p.state = ANY($4)) AND ($5::text[] IS NULL OR p.type = ANY($5))
  AND ($6::timestamptz IS NULL OR p.created_at >= $6)`

// notMessages is of those that the index publication_campaign has. There may be a thousand messages for each other
// publication: they are listed with these only if transactional ones are asked for.
const notMessages = ` AND NOT p.message`

// underReview is of those that the index publication_approval has.
const underReview = ` AND p.approval IS NOT NULL AND p.approval ->> 'state' = $7`

const byNewest = ` ORDER BY p.id DESC LIMIT $2`

// Publications reads a page of the list, newest first.
func (db *DB) Publications(ctx context.Context, f publication.Filter) ([]publication.Summary, error) {
	var since *time.Time
	if !f.Since.IsZero() {
		since = &f.Since
	}
	where, args := chosenPublications+notMessages+byNewest, []any{ident.UID{}, f.Limit, f.Before, f.States, f.Types, since}
	switch {
	case f.Approval != "": // no message has one
		where, args = chosenPublications+underReview+byNewest, append(args, f.Approval)
	case f.Messages():
		where = chosenPublications + byNewest
	}
	rows, err := db.pool.Query(ctx, selectSummaries+where, args...)
	if err != nil {
		return nil, translate(err, "list publications")
	}
	list, err := pgx.CollectRows(rows, scanSummary)
	return list, translate(err, "list publications")
}
