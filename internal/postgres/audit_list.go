package postgres

import (
	"context"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/ident"
)

const auditColumns = `id, at, actor, action, entity, coalesce(entity_uid, '00000000-0000-0000-0000-000000000000'), correlation_id, changes`

// auditFilter is what a row has to be like; $1 to $6 are auditArgs.
const auditFilter = `
($1 = '' OR actor = $1) AND ($2 = '' OR action = $2) AND ($3 = '' OR entity = $3)
AND ($4 = '' OR correlation_id = $4) AND ($5::timestamptz IS NULL OR at >= $5) AND ($6::timestamptz IS NULL OR at < $6)`

func auditArgs(f audit.Filter) []any {
	return []any{f.Actor, f.Action, f.Entity, f.CorrelationID, f.Since, f.Until}
}

func scanAudit(row pgx.CollectableRow) (audit.Event, error) {
	var e audit.Event
	err := row.Scan(&e.ID, &e.At, &e.Actor, &e.Action, &e.Entity, &e.EntityUID, &e.CorrelationID, &e.Changes)
	return e, err
}

// AuditEvents looks for events with ids below before (0: from the newest on), newest first, at most limit of them. Where the
// filter is not selective, and finds little, it may return few, or none, and not be done.
func (db *DB) AuditEvents(ctx context.Context, f audit.Filter, before int64, limit int) (audit.Looked, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	if f.Selective() {
		return db.auditFound(ctx, f, before, limit)
	}
	return db.auditWalk(ctx, f, before, limit)
}

// auditFound goes by an index.
func (db *DB) auditFound(ctx context.Context, f audit.Filter, before int64, limit int) (audit.Looked, error) {
	// The condition of an index has to be there in so many words.
	by := `correlation_id = $4 AND correlation_id <> '' AND ($9::uuid IS NULL OR entity_uid = $9)`
	if !f.EntityUID.IsZero() {
		by = `entity_uid = $9::uuid`
	}
	rows, err := db.pool.Query(ctx, `SELECT `+auditColumns+` FROM audit_event WHERE `+by+` AND `+auditFilter+`
		AND id < $7 ORDER BY id DESC LIMIT $8`, append(auditArgs(f), before, limit, optionalUID(f.EntityUID))...)
	if err != nil {
		return audit.Looked{}, translate(err, "look through the audit log")
	}
	events, err := pgx.CollectRows(rows, scanAudit)
	found := audit.Looked{Events: events, Done: len(events) < limit}
	if n := len(events); n > 0 {
		found.Last = events[n-1].ID
	}
	return found, translate(err, "look through the audit log")
}

// auditWalkRows is how many rows one statement looks at, some 5 ms, and auditWalkSteps how many statements there are.
const (
	auditWalkRows  = 5000
	auditWalkSteps = 20
)

// auditWalk goes through the log by its ids, between the blocks in which the times must be.
func (db *DB) auditWalk(ctx context.Context, f audit.Filter, before int64, limit int) (audit.Looked, error) {
	low, high, err := db.auditBounds(ctx, f)
	if err != nil {
		return audit.Looked{}, err
	}
	found, rows := audit.Looked{Last: min(before, high)}, auditWalkRows
	if f.Actor == "" && f.Action == "" && f.Entity == "" && f.Until == nil {
		rows = limit // all of them are meant
	}
	for range auditWalkSteps {
		seen, err := db.auditStep(ctx, f, &found, low, rows, limit)
		if err != nil {
			return found, err
		}
		if found.Done = seen < rows; found.Done || len(found.Events) >= limit {
			break
		}
	}
	return found, nil
}

// auditStep looks at the next rows, look of them, appends those that it finds, and returns how many it saw.
func (db *DB) auditStep(ctx context.Context, f audit.Filter, found *audit.Looked, low int64, look, limit int) (seen int, err error) {
	var e audit.Event
	var id *int64
	var at *time.Time
	var actor, action, entity, correlation *string
	var uid *ident.UID
	rows, err := db.pool.Query(ctx, `
		WITH seen AS MATERIALIZED (SELECT * FROM audit_event WHERE id < $7 AND id > $8 ORDER BY id DESC LIMIT $9),
		hit AS (SELECT * FROM seen WHERE `+auditFilter+` ORDER BY id DESC LIMIT $10)
		SELECT w.n, w.last, h.id, h.at, h.actor, h.action, h.entity, h.entity_uid, h.correlation_id, h.changes
		FROM (SELECT count(*) AS n, coalesce(min(id), 0) AS last FROM seen) w LEFT JOIN hit h ON true ORDER BY h.id DESC`,
		append(auditArgs(f), found.Last, low, look, limit-len(found.Events))...)
	if err != nil {
		return 0, translate(err, "look through the audit log")
	}
	var last int64
	_, err = pgx.ForEachRow(rows, []any{&seen, &last, &id, &at, &actor, &action, &entity, &uid, &correlation, &e.Changes}, func() error {
		if id == nil {
			return nil
		}
		e.ID, e.At, e.Actor, e.Action, e.Entity, e.CorrelationID, e.EntityUID = *id, *at, *actor, *action, *entity, *correlation, ident.UID{}
		if uid != nil {
			e.EntityUID = *uid
		}
		found.Events = append(found.Events, e)
		e.Changes = nil
		return nil
	})
	if seen > 0 {
		found.Last = last
	}
	return seen, translate(err, "look through the audit log")
}

// auditSlack is more than any transaction takes, and than clocks are apart: an event has the time at which its transaction
// began, by the database's clock, and a block is sealed later, by the clock of whoever seals it.
const auditSlack = time.Hour

// auditBounds are the ids between which, exclusively, the events of a filter's times are.
func (db *DB) auditBounds(ctx context.Context, f audit.Filter) (low, high int64, err error) {
	low, high = math.MinInt64, math.MaxInt64
	if f.Since != nil {
		err = db.pool.QueryRow(ctx, `
			SELECT coalesce(max(last_id), $2) FROM (SELECT last_id FROM audit_block WHERE sealed_at < $1 ORDER BY sealed_at DESC LIMIT 1) b`,
			f.Since.Add(-auditSlack), low).Scan(&low)
	}
	if f.Until != nil && err == nil {
		err = db.pool.QueryRow(ctx, `
			SELECT coalesce(min(last_id) + 1, $2) FROM (SELECT last_id FROM audit_block WHERE sealed_at > $1 ORDER BY sealed_at LIMIT 1) b`,
			f.Until.Add(auditSlack), high).Scan(&high)
	}
	return low, high, translate(err, "find a time in the audit log")
}

// AuditEvent is the one with an id, or NotFound.
func (db *DB) AuditEvent(ctx context.Context, id int64) (audit.Event, error) {
	rows, err := db.pool.Query(ctx, `SELECT `+auditColumns+` FROM audit_event WHERE id = $1`, id)
	if err != nil {
		return audit.Event{}, translate(err, "read an audit event")
	}
	e, err := pgx.CollectExactlyOneRow(rows, scanAudit)
	return e, translate(missing(err, "There is no audit event with this id."), "read an audit event")
}
