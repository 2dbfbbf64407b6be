package postgres

import (
	"context"
	"crypto/subtle"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

// Replay is what an earlier request of ctx's actor with this key was answered: NotFound if there was none
// within 24 hours, Invalid if it was another request, Conflict if what it stored was deleted. It is the same after changes.
func (db *DB) Replay(ctx context.Context, key string, digest [32]byte) (publication.Accepted, error) {
	return db.replay(ctx, audit.Actor(ctx), key, digest)
}

func (db *DB) replay(ctx context.Context, actor, key string, digest [32]byte) (publication.Accepted, error) {
	accepted := publication.Accepted{Replay: true}
	var stored []byte
	var uid *ident.UID
	err := db.pool.QueryRow(ctx, `
		SELECT i.request_hash, p.uid, coalesce(p.created_at, i.created_at), coalesce(p.drafted, false),
		       CASE WHEN p.revised IS NULL THEN p.scheduled_at ELSE (
		           SELECT v.scheduled_at FROM publication_version v WHERE v.publication_id = p.id ORDER BY v.version LIMIT 1) END
		FROM idempotency i LEFT JOIN publication p ON p.id = i.publication_id
		WHERE i.principal = $1 AND i.route = $2 AND i.key = $3 AND i.created_at >= now() - interval '24 hours'`,
		actor, acceptRoute, key).Scan(&stored, &uid, &accepted.CreatedAt, &accepted.Draft, &accepted.ScheduledAt)
	switch {
	case err != nil:
		return publication.Accepted{}, translate(err, "look up an Idempotency-Key")
	case subtle.ConstantTimeCompare(stored, digest[:]) != 1:
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
