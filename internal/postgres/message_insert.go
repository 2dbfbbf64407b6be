package postgres

import (
	"context"
	"time"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/webhook"
	"github.com/presswork/presswork/tasks"
)

// insertMessages stores a group of messages with everything that belongs to each: the publication, which is sending from
// the start, its delivery, its batch, and the nudge of that. Keys are as with insertPublications. Nothing of it is to be
// rendered for others, so none of it waits for a second task.
//
// The last common table expressions write exactly what batchTask makes.
const insertMessages = messageGroup + insertedAnswer

// insertMessagesAndTell does so and tells who listens, of what is stored and of no repetition.
const insertMessagesAndTell = messageGroup + `, said AS (
    SELECT s.uid, s.type, s.subject, s.at, s.data FROM fresh
    JOIN unnest($26::uuid[], $27::text[], $28::text[], $29::timestamptz[], $30::jsonb[]) WITH ORDINALITY
      AS s (uid, type, subject, at, data, n) USING (n)
), ` + tellSaid + insertedAnswer

const messageGroup = `
WITH input AS MATERIALIZED (
    SELECT nextval('publication_id_seq') AS id, t.*
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bytea[],
                $10::text[], $11::bigint[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[],
                $18::boolean[], $19::timestamptz[]) WITH ORDINALITY
      AS t (uid, title, templates, sender_id, actor, correlation_id, route, key, digest, trace_context,
            subscriber_id, email, name, language, timezone, letter, data, tracked, expires_at, n)
), claimed AS (
    INSERT INTO idempotency AS i (principal, route, key, request_hash, publication_id)
    SELECT actor, route, key, digest, id FROM input WHERE key <> '' ORDER BY n
    ON CONFLICT (principal, route, key) DO UPDATE
       SET request_hash = excluded.request_hash, publication_id = excluded.publication_id, created_at = now()
     WHERE i.created_at < now() - interval '24 hours'
    RETURNING i.publication_id
), fresh AS MATERIALIZED (
    SELECT *, coalesce(subscriber_id, $25 + id) AS recipient_id FROM input
    WHERE key = '' OR id IN (SELECT publication_id FROM claimed)
), stored AS (
    INSERT INTO publication (id, uid, title, type, priority, lane, state, channels, audience, contents, templates, sender_id,
                             created_by, correlation_id, trace_context, message, fanout_done, started_at)
    OVERRIDING SYSTEM VALUE
    SELECT id, uid, title, 'transactional', 'critical', $20, 'sending', ARRAY[$21::smallint],
           CASE WHEN subscriber_id IS NULL THEN '{}' ELSE jsonb_build_object('subscribers', ARRAY[subscriber_id]) END,
           '[]', templates::jsonb, sender_id, actor, correlation_id, nullif(trace_context, ''), true, true, clock_timestamp()
    FROM fresh
    RETURNING id, created_at
), addressed AS (
    INSERT INTO message (publication_id, subscriber_id, email, name, language, timezone, letter, data, tracked, expires_at)
    SELECT id, subscriber_id, nullif(email, ''), name, language, timezone, letter, data::jsonb, tracked, expires_at FROM fresh
), audited AS (
    INSERT INTO audit_event (actor, action, entity, entity_uid, correlation_id)
    SELECT actor, 'message.create', 'message', uid, correlation_id FROM fresh
), owed AS (
    INSERT INTO delivery (publication_id, channel_id, recipient_id) SELECT id, $21, recipient_id FROM fresh
), work AS (
    INSERT INTO batch (publication_id, channel_id, lane, lo, hi, size, place)
    SELECT id, $21, $20, recipient_id - 1, recipient_id, 1, 1 FROM fresh
    RETURNING id, publication_id
), queued AS (
    INSERT INTO outbox (kind, queue, task_id, payload, trace_context)
    SELECT $22, $23, format('b:%s:1', w.id), format('{"v":%s,"batch":%s,"gen":1}', $24::integer, w.id), nullif(f.trace_context, '')
    FROM work w JOIN fresh f ON f.id = w.publication_id
)`

// messageColumns is a group as the arguments of insertMessages: a column each, and what all have in common.
func messageColumns(group []*acceptance) []any {
	return []any{
		column(group, func(a *acceptance) ident.UID { return a.uid }),
		column(group, func(a *acceptance) string { return a.Title }),
		column(group, func(a *acceptance) string { return encoded(a.messageTemplates()) }),
		column(group, func(a *acceptance) *int32 { return a.SenderID }),
		column(group, func(a *acceptance) string { return a.actor }),
		column(group, func(a *acceptance) string { return a.correlation }),
		column(group, func(a *acceptance) string { return routeOf(a.Submission) }),
		column(group, func(a *acceptance) string { return a.Key }),
		column(group, func(a *acceptance) []byte { return a.Digest[:] }),
		parents(group, func(a *acceptance) string { return a.trace }),
		column(group, subscriberOf),
		column(group, func(a *acceptance) string { return a.Message.To.Email }),
		column(group, func(a *acceptance) string { return a.Message.To.Name }),
		column(group, func(a *acceptance) string { return a.Message.Language }),
		column(group, func(a *acceptance) string { return a.Message.To.Timezone }),
		column(group, func(a *acceptance) string { return a.Message.Letter }),
		column(group, func(a *acceptance) string { return a.Message.Encoded }),
		column(group, func(a *acceptance) bool { return a.Message.Tracked }),
		column(group, func(a *acceptance) *time.Time { return a.Message.ExpiresAt }),
		int16(tasks.LaneCritical), channel.Email.ID(), string(tasks.KindSendEmail), tasks.QueueCritical, tasks.Version,
		publication.StrangerID(0),
	}
}

func subscriberOf(one *acceptance) *int64 {
	if one.Message.Subscriber == 0 {
		return nil
	}
	return &one.Message.Subscriber
}

// messageTemplates are the templates of a message's publication.
func (one *acceptance) messageTemplates() map[string]publication.Pin {
	if one.Message.Template == nil {
		return map[string]publication.Pin{}
	}
	return map[string]publication.Pin{string(channel.Email): *one.Message.Template}
}

// saidOfMessages is what insertMessagesAndTell tells of a group; nil: nobody listens.
func (db *DB) saidOfMessages(ctx context.Context, q querier, group []*acceptance) ([]any, error) {
	taken, err := db.takers.now(ctx, q)
	if err != nil || !taken.any(webhook.PublicationSending) {
		return nil, err
	}
	return saidOf(column(group, func(a *acceptance) webhook.Event {
		return publicationEvent(webhook.PublicationSending,
			webhook.PublicationData{Publication: a.uid, State: string(publication.Sending), Version: 1})
	}))
}
