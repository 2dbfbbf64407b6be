package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/telemetry"
	"github.com/presswork/presswork/internal/webhook"
)

const revisePublication = `
UPDATE publication SET title = $2, type = $3, priority = $4, lane = $5, channels = $6::smallint[], audience = $7::jsonb,
       contents = $8::jsonb, templates = $9::jsonb, data = $10::jsonb, sender_id = $11, scheduled_at = $12, listed = $13,
       attachments = $14::jsonb, rate_per_minute = nullif($15::integer, 0), wants_approval = $16, state = $17, approval = $18::jsonb,
       revised = version + 1, revised_by = $19, revised_at = clock_timestamp(), revised_correlation = $20, by_local_time = $21,
       updated_at = clock_timestamp(), version = version + 1
WHERE id = $1`

// ChangePublication replaces what a publication is, before it begins, and keeps what it was. check is asked first and may
// refuse the present version. What follows (a state, a review, the first task) is of the same transaction. It returns
// NotFound, Conflict and Invalid as publication.Present.After does. It is not repeatable: each time is a version.
func (db *DB) ChangePublication(
	ctx context.Context, uid ident.UID, check func(version int) error, c publication.Change,
) (publication.Summary, error) {
	return db.revise(ctx, uid, "change a publication", check, db.changing(ctx, uid, c))
}

// revision changes a publication that is locked.
type revision func(tx pgx.Tx, p *present, now time.Time) error

func (db *DB) changing(ctx context.Context, uid ident.UID, c publication.Change) revision {
	return func(tx pgx.Tx, p *present, now time.Time) error {
		next, approval, err := p.After(c, audit.Actor(ctx), now)
		if err != nil {
			return err
		}
		if err := holdSnapshot(ctx, tx, c.AudienceIDs.Snapshot); err != nil {
			return err
		}
		if err := keepVersion(ctx, tx, p); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, revisePublication, p.ID, c.Title, string(c.Type), string(c.Priority), c.Lane, channelArray(c.Channels),
			encoded(c.AudienceIDs), encoded(c.ContentPins), encoded(c.TemplatePins), c.Encoded, c.SenderID, c.ScheduledAt, c.Listed,
			encoded(append([]ident.UID{}, c.Attachments...)), c.RatePerMinute, c.Approval, string(next), approvalJSON(approval),
			audit.Actor(ctx), telemetry.Correlation(ctx), c.ByLocalTime); err != nil {
			return senderGone(err)
		}
		p.Lane = c.Lane
		if err := sendOff(ctx, tx, p, next); err != nil {
			return err
		}
		if err := db.announcePublications(ctx, tx, happened{p.ID, revised(p.Present.State, next, approval != nil)}); err != nil {
			return err
		}
		return record(ctx, tx, "publication", c.Verb, uid,
			map[string]any{"from": p.Present.State, "to": next, "version": p.Number + 1, "review": approval != nil})
	}
}

// DecidePublication notes a verdict about a publication that waits for approval, and sends an approved one on its way.
// check is asked first and may refuse the present version. It returns NotFound, and errors as publication.Present.Decide.
func (db *DB) DecidePublication(
	ctx context.Context, uid ident.UID, check func(version int) error, v publication.Verdict,
) (publication.Summary, error) {
	return db.revise(ctx, uid, "decide about a publication", check, func(tx pgx.Tx, p *present, now time.Time) error {
		approval, next, err := p.Decide(v, audit.Actor(ctx), p.Number, now)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			UPDATE publication SET state = $2, approval = $3::jsonb, updated_at = clock_timestamp(), version = version + 1 WHERE id = $1`,
			p.ID, string(next), approvalJSON(&approval)); err != nil {
			return err
		}
		if err := sendOff(ctx, tx, p, next); err != nil {
			return err
		}
		verb, told := "reject", []happened{{p.ID, webhook.PublicationRejected}}
		if v.Approve {
			verb, told = "approve", []happened{{p.ID, webhook.PublicationApproved}, {p.ID, moved(publication.Draft, next)}}
		}
		if err := db.announcePublications(ctx, tx, told...); err != nil {
			return err
		}
		return record(ctx, tx, "publication", verb, uid, map[string]any{"version": p.Number, "to": next})
	})
}

// revise changes a publication under a lock, if check allows it of the present version.
func (db *DB) revise(ctx context.Context, uid ident.UID, doing string, check func(version int) error,
	change revision,
) (publication.Summary, error) {
	var summary publication.Summary
	err := db.tx(ctx, doing, func(tx pgx.Tx) (err error) {
		summary, err = db.reviseIn(ctx, tx, uid, check, change)
		return err
	})
	return summary, err
}

// reviseIn is revise in a transaction.
func (db *DB) reviseIn(
	ctx context.Context, tx pgx.Tx, uid ident.UID, check func(version int) error, change revision,
) (publication.Summary, error) {
	p, err := lockPresent(ctx, tx, uid)
	if err != nil {
		return publication.Summary{}, err
	}
	if err := check(p.Number); err != nil {
		return publication.Summary{}, err
	}
	var now time.Time
	if err := tx.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now); err != nil {
		return publication.Summary{}, err
	}
	if err := change(tx, p, now); err != nil {
		return publication.Summary{}, err
	}
	return publicationBy(ctx, tx, uid)
}

// sendOff makes the first task of a publication that was queued just now.
func sendOff(ctx context.Context, tx pgx.Tx, p *present, next publication.State) error {
	if next != p.Present.State {
		if err := publication.Check(p.Present.State, next); err != nil {
			return err
		}
	}
	if next != publication.Queued {
		return nil
	}
	return nudgeRender(ctx, tx, &p.controlled)
}

// DeletePublication removes a publication that never began, with its versions. check is asked first and may refuse. It
// returns NotFound, and Conflict (wrong_state) for what was sent or may be.
func (db *DB) DeletePublication(ctx context.Context, uid ident.UID, check func(version int) error) error {
	return db.tx(ctx, "delete a publication", func(tx pgx.Tx) error { return db.deleteIn(ctx, tx, uid, check) })
}

// deleteIn is DeletePublication in a transaction.
func (db *DB) deleteIn(ctx context.Context, tx pgx.Tx, uid ident.UID, check func(version int) error) error {
	p, err := lockPresent(ctx, tx, uid)
	if err != nil {
		return err
	}
	if err := check(p.Number); err != nil {
		return err
	}
	if err := p.Deletable(p.Started); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM publication WHERE id = $1`, p.ID); err != nil {
		return err
	}
	if err := db.announce(ctx, tx, publicationEvent(webhook.PublicationDeleted, webhook.PublicationData{
		Publication: uid, State: string(p.Present.State), Version: p.Number, ScheduledAt: p.ScheduledAt})); err != nil {
		return err
	}
	return record(ctx, tx, "publication", "delete", uid, map[string]any{"from": p.Present.State, "version": p.Number})
}

// approvalJSON is a review as it is stored; nil is NULL.
func approvalJSON(a *publication.Approval) *string {
	if a == nil {
		return nil
	}
	text := encoded(a)
	return &text
}

// senderGone explains that a sender was deleted since it was looked up; other errors pass.
func senderGone(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23503" {
		return explainRow(pg, err)
	}
	return err
}
