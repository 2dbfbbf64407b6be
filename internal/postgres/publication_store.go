package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/telemetry"
)

const insertPublication = `
INSERT INTO publication (uid, title, type, priority, lane, state, channels, audience, contents, templates, data, sender_id,
                         scheduled_at, created_by, correlation_id, trace_context, listed, attachments, rate_per_minute,
                         drafted, cloned_from, wants_approval, approval, by_local_time)
VALUES ($1, $2, $3, $4, $5, $6, $7::smallint[], $8::jsonb, $9::jsonb, $10::jsonb, $11::jsonb, $12,
        $13, $14, $15, nullif($16, ''), $17, $18::jsonb, nullif($19::integer, 0), $20, $21, $22, $23::jsonb, $24)
RETURNING id, created_at`

// StorePublication stores a draft, a clone, or what waits for approval: what is rare, and goes beside the Acceptor's groups.
// Once it returns without an error the publication is durable. With a key it may be repeated, and has to be to know what
// happened if the connection broke; it returns Invalid if the key came with another request.
func (db *DB) StorePublication(ctx context.Context, s publication.Submission) (publication.Accepted, error) {
	var accepted publication.Accepted
	err := db.tx(ctx, "store a publication", func(tx pgx.Tx) (err error) {
		accepted, err = db.storeIn(ctx, tx, s)
		return err
	})
	if errors.Is(err, errKeyUsed) {
		accepted, err = db.replay(ctx, audit.Actor(ctx), s)
		return accepted, inFlight(err)
	}
	return accepted, err
}

// storeIn is StorePublication in a transaction; errKeyUsed has to roll it back.
func (db *DB) storeIn(ctx context.Context, tx pgx.Tx, s publication.Submission) (publication.Accepted, error) {
	accepted := publication.Accepted{UID: ident.New(), ScheduledAt: s.ScheduledAt, Draft: s.Draft || s.Review}
	if accepted.ScheduledAt != nil {
		at := accepted.ScheduledAt.Round(time.Microsecond)
		accepted.ScheduledAt = &at
	}
	if err := holdSnapshot(ctx, tx, s.AudienceIDs.Snapshot); err != nil {
		return accepted, err
	}
	p := controlled{Lane: s.Lane, Trace: telemetry.TraceParent(ctx)}
	var err error
	if p.ID, accepted.CreatedAt, err = storeOne(ctx, tx, s, accepted); err != nil {
		return accepted, senderGone(err)
	}
	if s.Key != "" {
		if err := claimKey(ctx, tx, routeOf(s), s.Key, s.Digest[:], p.ID); err != nil {
			return accepted, err
		}
	}
	changes := map[string]any{}
	if !s.Origin.IsZero() {
		changes["cloned_from"] = s.Origin
	}
	if err := record(ctx, tx, "publication", "create", accepted.UID, changes); err != nil {
		return accepted, err
	}
	if err := db.announcePublications(ctx, tx, happened{p.ID, revised("", accepted.State(), s.Review && !s.Draft)}); err != nil {
		return accepted, err
	}
	if accepted.State() != publication.Queued {
		return accepted, nil
	}
	return accepted, nudgeRender(ctx, tx, &p)
}

func storeOne(ctx context.Context, tx pgx.Tx, s publication.Submission, a publication.Accepted) (id int64, at time.Time, err error) {
	actor := audit.Actor(ctx)
	var approval *publication.Approval
	if s.Review && !s.Draft {
		approval = &publication.Approval{State: publication.ApprovalRequested, RequestedBy: actor, RequestedAt: time.Now().UTC()}
	}
	var origin *ident.UID
	if !s.Origin.IsZero() {
		origin = &s.Origin
	}
	err = tx.QueryRow(ctx, insertPublication, a.UID, s.Title, string(s.Type), string(s.Priority), s.Lane, string(a.State()),
		channelArray(s.Channels), encoded(s.AudienceIDs), encoded(s.ContentPins), encoded(s.TemplatePins), s.Encoded, s.SenderID,
		a.ScheduledAt, actor, telemetry.Correlation(ctx), telemetry.TraceParent(ctx), s.Listed,
		encoded(append([]ident.UID{}, s.Attachments...)), s.RatePerMinute, a.Draft, origin, s.Approval, approvalJSON(approval), s.ByLocalTime,
	).Scan(&id, &at)
	return id, at, err
}
