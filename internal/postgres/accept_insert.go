package postgres

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/webhook"
	"github.com/presswork/presswork/tasks"
)

// insertPublications stores a group with everything that belongs to it. Of a key that is in use nothing is
// stored; one that was used more than 24 hours ago is free again. A scheduled publication has no task yet:
// the reconciler queues it when it is due.
//
// The last common table expression writes exactly what tasks.New(tasks.NewRender(id, 1), lane) makes.
const insertPublications = insertGroup + insertedAnswer

// insertAndTell does so and tells who listens, of what is stored and of no repetition.
const insertAndTell = insertGroup + `, said AS (
    SELECT s.uid, s.type, s.subject, s.at, s.data FROM fresh
    JOIN unnest($24::uuid[], $25::text[], $26::text[], $27::timestamptz[], $28::jsonb[]) WITH ORDINALITY
      AS s (uid, type, subject, at, data, n) USING (n)
), ` + tellSaid + insertedAnswer

const insertedAnswer = `
SELECT n, created_at FROM fresh JOIN stored USING (id)`

const insertGroup = `
WITH input AS MATERIALIZED (
    SELECT nextval('publication_id_seq') AS id, t.*
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::smallint[], $6::text[], $7::text[], $8::text[],
                $9::text[], $10::text[], $11::integer[], $12::timestamptz[], $13::text[], $14::text[], $15::text[],
                $16::bytea[], $17::text[], $19::text[], $20::boolean[],
                $21::text[], $22::integer[], $23::boolean[]) WITH ORDINALITY
      AS t (uid, title, type, priority, lane, channels, audience, contents, templates, data, sender_id,
            scheduled_at, actor, correlation_id, key, digest, queue, trace_context, listed,
            attachments, rate, by_local_time, n)
), claimed AS (
    INSERT INTO idempotency AS i (principal, route, key, request_hash, publication_id)
    SELECT actor, $18, key, digest, id FROM input WHERE key <> '' ORDER BY n
    ON CONFLICT (principal, route, key) DO UPDATE
       SET request_hash = excluded.request_hash, publication_id = excluded.publication_id, created_at = now()
     WHERE i.created_at < now() - interval '24 hours'
    RETURNING i.publication_id
), fresh AS MATERIALIZED (
    SELECT * FROM input WHERE key = '' OR id IN (SELECT publication_id FROM claimed)
), stored AS (
    INSERT INTO publication (id, uid, title, type, priority, lane, state, channels, audience, contents, templates,
                             data, sender_id, scheduled_at, created_by, correlation_id, gen,
                             trace_context, listed, attachments, rate_per_minute, by_local_time)
    OVERRIDING SYSTEM VALUE
    SELECT id, uid, title, type, priority, lane, CASE WHEN scheduled_at IS NULL THEN 'queued' ELSE 'scheduled' END,
           channels::smallint[], audience::jsonb, contents::jsonb, templates::jsonb, data::jsonb, sender_id,
           scheduled_at, actor, correlation_id, CASE WHEN scheduled_at IS NULL THEN 1 ELSE 0 END,
           nullif(trace_context, ''), listed, attachments::jsonb, nullif(rate, 0), by_local_time
    FROM fresh
    RETURNING id, created_at
), audited AS (
    INSERT INTO audit_event (actor, action, entity, entity_uid, correlation_id)
    SELECT actor, 'publication.create', 'publication', uid, correlation_id FROM fresh
), queued AS (
    INSERT INTO outbox (kind, queue, task_id, payload, trace_context)
    SELECT 'render', queue, 'r:' || id || ':1', '{"v":1,"publication":' || id || ',"gen":1}', nullif(trace_context, '')
    FROM fresh WHERE scheduled_at IS NULL
)`

// columnsOf is a group as the arguments of insertPublications: a column each.
func columnsOf(group []*acceptance) []any {
	return []any{
		column(group, func(a *acceptance) ident.UID { return a.uid }),
		column(group, func(a *acceptance) string { return a.Title }),
		column(group, func(a *acceptance) string { return string(a.Type) }),
		column(group, func(a *acceptance) string { return string(a.Priority) }),
		column(group, func(a *acceptance) int16 { return int16(a.Lane) }),
		column(group, func(a *acceptance) string { return channelArray(a.Channels) }),
		column(group, func(a *acceptance) string { return encoded(a.AudienceIDs) }),
		column(group, func(a *acceptance) string { return encoded(a.ContentPins) }),
		column(group, func(a *acceptance) string { return encoded(a.TemplatePins) }),
		column(group, func(a *acceptance) string { return a.Encoded }),
		column(group, func(a *acceptance) *int32 { return a.SenderID }),
		column(group, (*acceptance).scheduledAt),
		column(group, func(a *acceptance) string { return a.actor }),
		column(group, func(a *acceptance) string { return a.correlation }),
		column(group, func(a *acceptance) string { return a.Key }),
		column(group, func(a *acceptance) []byte { return a.Digest[:] }),
		column(group, func(a *acceptance) string { return tasks.Render{}.Queue(a.Lane) }),
		acceptRoute,
		parents(group, func(a *acceptance) string { return a.trace }),
		column(group, func(a *acceptance) bool { return a.Listed }),
		column(group, func(a *acceptance) string { return encoded(append([]ident.UID{}, a.Attachments...)) }),
		column(group, func(a *acceptance) int { return a.RatePerMinute }),
		column(group, func(a *acceptance) bool { return a.ByLocalTime }),
	}
}

// saidOfGroup is what insertAndTell tells of a group; nil: nobody listens.
func (db *DB) saidOfGroup(ctx context.Context, q querier, group []*acceptance) ([]any, error) {
	taken, err := db.takers.now(ctx, q)
	if err != nil || !taken.any(webhook.PublicationQueued, webhook.PublicationScheduled) {
		return nil, err
	}
	return saidOf(column(group, func(a *acceptance) webhook.Event { return acceptedEvent(a.uid, a.scheduledAt()) }))
}

// column is one value of each row, for unnest.
func column[R, T any](rows []R, of func(R) T) []T {
	values := make([]T, len(rows))
	for i, row := range rows {
		values[i] = of(row)
	}
	return values
}

// channelArray is the ids of channels in PostgreSQL's form of an array: arrays of different lengths cannot
// be unnested side by side.
func channelArray(channels []publication.Channel) string {
	ids := make([]string, len(channels))
	for i, c := range channels {
		ids[i] = strconv.Itoa(int(c.ID))
	}
	return "{" + strings.Join(ids, ",") + "}"
}

// encoded is a value of ours as JSON; it always encodes.
func encoded(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return "null"
	}
	return string(text)
}
