package postgres

import (
	"context"
	"crypto/subtle"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

// Replay is what an earlier request of ctx's actor with the key of s was answered: NotFound if there was none
// within 24 hours, Invalid if it was another request, Conflict if what it stored was deleted. It is the same after changes.
func (db *DB) Replay(ctx context.Context, s publication.Submission) (publication.Accepted, error) {
	return db.replay(ctx, audit.Actor(ctx), s)
}

// keyWait is how long a request waits for one with the same Idempotency-Key that is under way. Most end sooner, and both are
// answered alike; of one that does not end, its repetition is told that it is under way.
const keyWait = 2 * time.Second

// afterKeyWait is for who has waited so long in a group.
const afterKeyWait = 20 * time.Millisecond

// anyWait is as long as a statement may take.
const anyWait = 0

// queueWait has what follows in a batch wait so long for a lock and no longer, until the end of the transaction.
func queueWait(b *pgx.Batch, most time.Duration) {
	b.Queue(`SELECT set_config('lock_timeout', $1, true)`, strconv.FormatInt(most.Milliseconds(), 10))
}

// waited reports the error of a statement that waited as long for a lock as it may (SQLSTATE lock_not_available).
func waited(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "55P03"
}

// waitedForKey reports that what it waited for was an Idempotency-Key: the server says in which table it found who was first.
func waitedForKey(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && waited(pg) && strings.Contains(pg.Where, "idempotency")
}

func errInFlight() error {
	return fault.New(fault.Conflict, "idempotency_in_flight", "A request with this Idempotency-Key is under way.")
}

// inFlight is the answer to who finds a key used, and then nothing that used it: it was free again in between.
func inFlight(err error) error {
	if fault.Is(err, fault.NotFound) {
		return errInFlight()
	}
	return err
}

// errKeyUsed rolls back what is stored for a request whose key an earlier one used.
var errKeyUsed = errors.New("the Idempotency-Key was used before")

// claimKey notes that a key of ctx's actor is that of a request, and of a publication that it stores, if any. It returns errKeyUsed
// if an earlier request used it, and Conflict if one that may use it is under way. One of more than 24 hours ago is free again.
func claimKey(ctx context.Context, tx pgx.Tx, route, key string, digest []byte, publication int64) error {
	var b pgx.Batch
	used := false
	queueWait(&b, keyWait)
	b.Queue(`
		INSERT INTO idempotency AS i (principal, route, key, request_hash, publication_id) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (principal, route, key) DO UPDATE
		   SET request_hash = excluded.request_hash, publication_id = excluded.publication_id, answer = NULL, created_at = now()
		 WHERE i.created_at < now() - interval '24 hours'`, audit.Actor(ctx), route, key, digest, publication).
		Exec(func(tag pgconn.CommandTag) error {
			used = tag.RowsAffected() == 0
			return nil
		})
	queueWait(&b, anyWait)
	switch err := tx.SendBatch(ctx, &b).Close(); {
	case waited(err): // it is all that the statement waits for
		return errInFlight()
	case err != nil:
		return err
	case used:
		return errKeyUsed
	default:
		return nil
	}
}

// routeOf is the route that the key of a submission belongs to.
func routeOf(s publication.Submission) string {
	switch {
	case s.Message != nil && s.Message.Letter != "":
		return letterRoute
	case s.Message != nil:
		return messageRoute
	case s.Origin.IsZero():
		return acceptRoute
	default:
		return cloneRoute
	}
}

func (db *DB) replay(ctx context.Context, actor string, s publication.Submission) (publication.Accepted, error) {
	accepted := publication.Accepted{Replay: true}
	var stored []byte
	var uid *ident.UID
	err := db.pool.QueryRow(ctx, `
		SELECT i.request_hash, p.uid, coalesce(p.created_at, i.created_at), coalesce(p.drafted, false),
		       CASE WHEN p.revised IS NULL THEN p.scheduled_at ELSE (
		           SELECT v.scheduled_at FROM publication_version v WHERE v.publication_id = p.id ORDER BY v.version LIMIT 1) END
		FROM idempotency i LEFT JOIN publication p ON p.id = i.publication_id
		WHERE i.principal = $1 AND i.route = $2 AND i.key = $3 AND i.created_at >= now() - interval '24 hours'`,
		actor, routeOf(s), s.Key).Scan(&stored, &uid, &accepted.CreatedAt, &accepted.Draft, &accepted.ScheduledAt)
	switch {
	case err != nil:
		return publication.Accepted{}, translate(err, "look up an Idempotency-Key")
	case subtle.ConstantTimeCompare(stored, s.Digest[:]) != 1:
		return publication.Accepted{}, errOtherRequest()
	case uid == nil:
		return publication.Accepted{}, fault.New(fault.Conflict, "deleted", "The publication that came with this Idempotency-Key was deleted.")
	default:
		accepted.UID = *uid
		return accepted, nil
	}
}

// ForgetIdempotencyKeys removes at most limit keys that are free again, the oldest first, and says how many it
// removed. It may be repeated until that is 0.
func (db *DB) ForgetIdempotencyKeys(ctx context.Context, limit int) (int64, error) {
	tag, err := db.pool.Exec(ctx, `
		DELETE FROM idempotency WHERE ctid IN (
			SELECT ctid FROM idempotency WHERE created_at < now() - interval '24 hours' ORDER BY created_at LIMIT $1 FOR UPDATE SKIP LOCKED)
		AND created_at < now() - interval '24 hours'`, limit)
	return tag.RowsAffected(), translate(err, "forget idempotency keys")
}
