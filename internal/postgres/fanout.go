package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/webhook"
	"github.com/presswork/presswork/tasks"
)

// batchSize is the unit of work, recipients of one send task, unless Options say otherwise. What a batch costs beside its
// recipients (a task, a nudge, a claim, two commits) was some 27 us of CPU a mail with 100 of them, and is half of that with
// 200. Each doubling would halve what is left, and keep a worker's slot twice as long: at 14 messages a second 200 take 14
// seconds.
const batchSize = 200

// StartRender takes a publication for rendering. It returns nil if there is nothing to render: a stale nudge,
// or one that is paused or cancelled meanwhile. It may be repeated.
func (db *DB) StartRender(ctx context.Context, id int64) (*publication.Publication, error) {
	var p *publication.Publication
	err := db.tx(ctx, "start rendering", func(tx pgx.Tx) error {
		var err error
		p, err = scanPublication(tx.QueryRow(ctx, `
			UPDATE publication SET state = 'rendering', version = version + (state = 'queued')::integer,
			       updated_at = CASE WHEN state = 'queued' THEN now() ELSE updated_at END
			WHERE id = $1 AND state IN ('queued', 'rendering') RETURNING `+publicationColumns, id))
		if errors.Is(err, pgx.ErrNoRows) {
			p = nil
			return nil
		}
		return err
	})
	return p, err
}

// publicationColumns and scanPublication go together.
const publicationColumns = `id, uid, title, type, priority, lane, state, failure, channels, audience, contents,
	templates, data, sender_id, scheduled_at, created_by, correlation_id, created_at, started_at, completed_at,
	updated_at, version, attachments, coalesce(rate_per_minute, 0)`

func scanPublication(row pgx.Row) (*publication.Publication, error) {
	var p publication.Publication
	var audience, contents, templates, data, attachments []byte
	if err := row.Scan(&p.ID, &p.UID, &p.Title, &p.Type, &p.Priority, &p.Lane, &p.State, &p.Failure, &p.Channels,
		&audience, &contents, &templates, &data, &p.SenderID, &p.ScheduledAt, &p.CreatedBy, &p.CorrelationID,
		&p.CreatedAt, &p.StartedAt, &p.CompletedAt, &p.UpdatedAt, &p.Version, &attachments, &p.RatePerMinute); err != nil {
		return nil, err
	}
	return &p, errors.Join(json.Unmarshal(audience, &p.Audience), json.Unmarshal(contents, &p.Contents),
		json.Unmarshal(templates, &p.Templates), json.Unmarshal(data, &p.Data),
		json.Unmarshal(attachments, &p.Attachments))
}

// audienceFilter is who belongs to an audience, for a subscriber s: everybody, or by topics ($1), or by name
// ($2), minus the excluded ($3).
const audienceFilter = ` s.status = 'active'
	AND ($1::integer[] IS NULL OR s.topics && $1) AND ($2::bigint[] IS NULL OR s.id = ANY($2)) AND NOT s.id = ANY($3::bigint[])`

// plannedEachTime has a statement with audienceFilter planned for the audience it is run for: the plan that PostgreSQL
// keeps for all of them walks through every subscriber to find a few.
const plannedEachTime = pgx.QueryExecModeCacheDescribe

func audienceArgs(a publication.Audience) []any {
	excluded := a.Exclude
	if excluded == nil {
		excluded = []int64{}
	}
	return []any{a.Topics, a.Subscribers, excluded}
}

// CountAudience counts an audience as it is now, up to a limit.
func (db *DB) CountAudience(ctx context.Context, a publication.Audience, limit int) (int, error) {
	if a.Digest != 0 {
		return db.countDigest(ctx, a.Digest, limit)
	}
	p, err := db.audience(ctx, `SELECT count(*) FROM (SELECT FROM subscriber s WHERE`+audienceFilter, a, time.Now(), limit)
	if err != nil {
		return 0, translate(err, "count an audience")
	}
	rows, err := p.end(` LIMIT $4) x`).query(ctx, db.pool)
	if err != nil {
		return 0, translate(err, "count an audience")
	}
	n, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[int])
	return n, translate(err, "count an audience")
}

// StartFanout stores what was rendered, freezes the audience and makes the first work, in one transaction. It
// returns the ids of the ranges, and false if the publication is no longer rendering.
func (db *DB) StartFanout(ctx context.Context, f publication.Fanout) (ranges []int64, started bool, err error) {
	err = db.tx(ctx, "start a fan-out", func(tx pgx.Tx) error {
		ranges, started = nil, false
		tag, err := tx.Exec(ctx, `
			UPDATE publication SET state = 'sending', lane = $2, fanout_done = $3, started_at = clock_timestamp(),
			       updated_at = clock_timestamp(), version = version + 1
			WHERE id = $1 AND state = 'rendering'`, f.Publication, f.Lane, f.Ranges == 0)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		started = true
		if err := db.announcePublications(ctx, tx, happened{f.Publication, webhook.PublicationSending}); err != nil {
			return err
		}
		if err := storeRenditions(ctx, tx, f); err != nil {
			return err
		}
		if err := broadcast(ctx, tx, f); err != nil {
			return err
		}
		ranges, err = splitAudience(ctx, tx, f)
		return err
	})
	return ranges, started, err
}

func storeRenditions(ctx context.Context, tx pgx.Tx, f publication.Fanout) error {
	batch := &pgx.Batch{}
	for _, r := range f.Renditions {
		batch.Queue(`
			INSERT INTO rendition (publication_id, channel_id, language, body) VALUES ($1, $2, $3, $4)
			ON CONFLICT (publication_id, channel_id, language) DO UPDATE SET body = excluded.body`,
			f.Publication, r.Channel, r.Language, r.Body)
	}
	for n, url := range f.Links {
		batch.Queue(`
			INSERT INTO link (publication_id, n, url) VALUES ($1, $2, $3)
			ON CONFLICT (publication_id, n) DO UPDATE SET url = excluded.url`, f.Publication, n, url)
	}
	return tx.SendBatch(ctx, batch).Close()
}

// broadcast makes a row and a batch of its own for every target, so that none waits for another, and nudges as many as
// find a place. It is one statement, since two could see different targets. What stands in for another channel is no
// target of its own: the same place would get everything twice.
func broadcast(ctx context.Context, tx pgx.Tx, f publication.Fanout) error {
	for _, kindID := range f.Broadcasts {
		kind, err := channel.KindOf(kindID)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `
			WITH d AS (
				INSERT INTO delivery (publication_id, channel_id, recipient_id)
				SELECT $1, $2, id FROM channel c WHERE kind = $3 AND enabled AND NOT EXISTS (
				    SELECT FROM channel p WHERE p.kind = $3 AND p.enabled AND p.id <> c.id AND p.settings ->> 'fallback' = c.name)
				RETURNING recipient_id
			), b AS (
				INSERT INTO batch (publication_id, channel_id, lane, lo, hi, size, place)
				SELECT $1, $2, $4, recipient_id - 1, recipient_id, 1,
				       CASE WHEN row_number() OVER (ORDER BY recipient_id) <= $5 THEN 1 ELSE 0 END FROM d
				RETURNING id, channel_id, lane, gen, not_before, place
			)
			SELECT id, channel_id, lane, gen, not_before, NULL::text FROM b WHERE place = 1 ORDER BY id`,
			f.Publication, kindID, string(kind), f.Lane, Places)
		if err != nil {
			return err
		}
		if _, err := nudgeAll(ctx, tx, rows); err != nil {
			return err
		}
	}
	return nil
}

// splitAudience freezes the audience's bounds and cuts them into ranges of ids.
func splitAudience(ctx context.Context, tx pgx.Tx, f publication.Fanout) ([]int64, error) {
	if f.Ranges == 0 {
		return nil, nil
	}
	rows, err := tx.Query(ctx, `
		INSERT INTO fanout_range (publication_id, cursor, hi)
		SELECT $1, m.top * (i - 1) / $2, m.top * i / $2
		FROM (SELECT coalesce(max(id), 0) AS top FROM subscriber) m, generate_series(1, $2::bigint) i
		RETURNING id`, f.Publication, f.Ranges)
	if err != nil {
		return nil, err
	}
	ranges, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil || f.Inline {
		return ranges, err
	}
	var list []tasks.Task
	for _, id := range ranges {
		t, err := tasks.New(tasks.NewPersonalize(id, 1), f.Lane)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return ranges, enqueueLater(ctx, tx, list)
}

// FailPublication ends one that cannot be rendered, with the reason that its page shows.
func (db *DB) FailPublication(ctx context.Context, id int64, reason string) error {
	failed := false
	err := db.tx(ctx, "fail a publication", func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE publication SET state = 'failed', failure = $2, completed_at = clock_timestamp(),
			       updated_at = clock_timestamp(), version = version + 1
			WHERE id = $1 AND state IN ('queued', 'rendering')`, id, storable(reason))
		if failed = err == nil && tag.RowsAffected() > 0; !failed {
			return err
		}
		return db.announcePublications(ctx, tx, happened{id, webhook.PublicationFailed})
	})
	if err == nil && failed {
		db.ended(publication.Failed)
	}
	return err
}
