package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

// The routes that idempotency keys of publications belong to. Letters of our own come by none.
const (
	acceptRoute  = "POST /api/v1/publications"
	cloneRoute   = "POST /api/v1/publications/:id/clone"
	messageRoute = "POST /api/v1/messages"
	letterRoute  = "letter"
)

// accept stores a group in one statement and answers each. A row that cannot be stored fails alone. When
// the connection was lost with the outcome unknown, it asks: nothing is claimed that is not known.
func (db *DB) accept(ctx context.Context, group []*acceptance) []answer {
	return db.acceptIn(ctx, group, keyWait)
}

// acceptIn is accept for a group that waits so long for who is first with a key. If one of them waits for that, the others go
// without it, and it does not wait once more.
func (db *DB) acceptIn(ctx context.Context, group []*acceptance, wait time.Duration) []answer {
	stored, err := db.insertPublications(ctx, group, wait)
	var pg *pgconn.PgError
	switch {
	case err == nil:
		return db.answers(ctx, group, stored)
	case waitedForKey(err) && len(group) == 1:
		return []answer{{err: errInFlight()}}
	case waitedForKey(err):
		return db.acceptEach(ctx, group, afterKeyWait)
	case waited(err): // for something else, which takes as long as it takes
		return db.acceptIn(ctx, group, anyWait)
	case errors.As(err, &pg) && ofOneRow(pg) && len(group) == 1:
		return []answer{{err: explainRow(pg, err)}}
	case errors.As(err, &pg) && ofOneRow(pg):
		return db.acceptEach(ctx, group, wait)
	case outcomeKnown(err):
		return sameAnswer(group, translate(err, "store publications"))
	default:
		return db.askWhatHappened(ctx, group, err)
	}
}

// acceptEach stores one after the other.
func (db *DB) acceptEach(ctx context.Context, group []*acceptance, wait time.Duration) []answer {
	answers := make([]answer, 0, len(group))
	for _, one := range group {
		answers = append(answers, db.acceptIn(ctx, []*acceptance{one}, wait)...)
	}
	return answers
}

// ofOneRow reports an error that a single row's values cause: data exceptions, integrity violations and
// program limits (PostgreSQL manual, appendix A).
func ofOneRow(pg *pgconn.PgError) bool {
	return strings.HasPrefix(pg.Code, "22") || strings.HasPrefix(pg.Code, "23") || strings.HasPrefix(pg.Code, "54")
}

func explainRow(pg *pgconn.PgError, err error) error {
	if pg.ConstraintName == "publication_sender_id_fkey" {
		var f fault.Fields
		f.Add("/sender_id", "unknown_sender", "does not exist")
		return f.Err()
	}
	return translate(err, "store a publication")
}

// outcomeKnown reports an error after which nothing was stored for certain: the server said so, or the
// statement never left. A server that is shut down (class 57P) may speak after the commit.
func outcomeKnown(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return !strings.HasPrefix(pg.Code, "57P")
	}
	return pgconn.SafeToRetry(err)
}

func sameAnswer(group []*acceptance, err error) []answer {
	answers := make([]answer, len(group))
	for i := range answers {
		answers[i].err = err
	}
	return answers
}

// insertPublications returns when each publication was stored, by its place in the group; those that are
// missing have a key that was used before. It tries again where the statement certainly had no effect: the
// connection was dead before it was used, or the server ended a deadlock with it.
func (db *DB) insertPublications(ctx context.Context, group []*acceptance, wait time.Duration) (stored map[int]time.Time, err error) {
	for range serializationTries {
		stored, err = db.insertOnce(ctx, db.pool, group, wait)
		if err == nil || !pgconn.SafeToRetry(err) && !mayRepeat(err) && !errors.Is(err, errNotSent) {
			break
		}
	}
	return stored, err
}

// errNotSent says that it came to no statement.
var errNotSent = errors.New("nothing was sent")

// insertOnce stores what is for many and what is for one by a statement each, in one transaction.
func (db *DB) insertOnce(ctx context.Context, q querier, group []*acceptance, wait time.Duration) (map[int]time.Time, error) {
	stored := make(map[int]time.Time, maxGroup)
	var b pgx.Batch
	if wait != anyWait && slices.ContainsFunc(group, func(one *acceptance) bool { return one.Key != "" }) {
		queueWait(&b, wait)
	}
	publications, messages := apart(group)
	err := errors.Join(db.queuePublications(ctx, q, &b, publications, stored), db.queueMessages(ctx, q, &b, messages, stored))
	if err != nil {
		return nil, errors.Join(errNotSent, err)
	}
	// It ends without an error only when the server is ready again, that is, after the commit.
	return stored, q.SendBatch(ctx, &b).Close()
}

// placed is a part of a group, with where each of it stands there.
type placed struct {
	places []int
	list   []*acceptance
}

// apart is the publications of a group, and its messages.
func apart(group []*acceptance) (publications, messages placed) {
	for i, one := range group {
		part := &publications
		if one.Message != nil {
			part = &messages
		}
		part.places, part.list = append(part.places, i), append(part.list, one)
	}
	return publications, messages
}

func (db *DB) queuePublications(ctx context.Context, q querier, b *pgx.Batch, part placed, stored map[int]time.Time) error {
	if len(part.list) == 0 {
		return nil
	}
	said, err := db.saidOfGroup(ctx, q, part.list)
	if err != nil {
		return err
	}
	statement, columns := insertPublications, columnsOf(part.list)
	if said != nil {
		statement, columns = insertAndTell, append(columns, said...)
	}
	b.Queue(statement, columns...).Query(part.note(stored))
	return nil
}

func (db *DB) queueMessages(ctx context.Context, q querier, b *pgx.Batch, part placed, stored map[int]time.Time) error {
	if len(part.list) == 0 {
		return nil
	}
	said, err := db.saidOfMessages(ctx, q, part.list)
	if err != nil {
		return err
	}
	statement, columns := insertMessages, messageColumns(part.list)
	if said != nil {
		statement, columns = insertMessagesAndTell, append(columns, said...)
	}
	b.Queue(statement, columns...).Query(part.note(stored))
	return nil
}

// note reads when each of the part was stored, by its place in the group.
func (p placed) note(stored map[int]time.Time) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		var n int
		var at time.Time
		_, err := pgx.ForEachRow(rows, []any{&n, &at}, func() error {
			stored[p.places[n-1]] = at
			return nil
		})
		return err
	}
}

// answers completes what was stored with what earlier requests of the same keys stored.
func (db *DB) answers(ctx context.Context, group []*acceptance, stored map[int]time.Time) []answer {
	answers := make([]answer, len(group))
	for i, one := range group {
		if at, ok := stored[i]; ok {
			answers[i].accepted = publication.Accepted{UID: one.uid, CreatedAt: at, ScheduledAt: one.scheduledAt()}
			continue
		}
		answers[i] = db.earlier(ctx, one)
	}
	return answers
}

func (db *DB) earlier(ctx context.Context, one *acceptance) answer {
	accepted, err := db.replay(ctx, one.actor, one.Submission)
	return answer{accepted, inFlight(err)}
}

// scheduledAt is the time as PostgreSQL keeps it: in microseconds.
func (one *acceptance) scheduledAt() *time.Time {
	if one.ScheduledAt == nil {
		return nil
	}
	at := one.ScheduledAt.Round(time.Microsecond)
	return &at
}

// askWhatHappened looks for the publications of a group whose commit was cut off.
func (db *DB) askWhatHappened(ctx context.Context, group []*acceptance, cause error) []answer {
	answers := sameAnswer(group, &fault.Error{
		Kind: fault.Unavailable, Code: "outcome_unknown", After: 5 * time.Second, Err: cause,
		Detail: "The connection to the database was lost. Repeat the request with the same Idempotency-Key.",
	})
	uids := make([]ident.UID, len(group))
	for i, one := range group {
		uids[i] = one.uid
	}
	stored := db.createdAt(ctx, uids)
	for i, one := range group {
		if at, ok := stored[one.uid]; ok {
			answers[i] = answer{accepted: publication.Accepted{UID: one.uid, CreatedAt: at, ScheduledAt: one.scheduledAt()}}
		}
	}
	return answers
}

// createdAt finds which publications are stored. A server that restarts is given some seconds; if it does
// not come back, none is known to be.
func (db *DB) createdAt(ctx context.Context, uids []ident.UID) map[ident.UID]time.Time {
	stored := make(map[ident.UID]time.Time, len(uids))
	var uid ident.UID
	var at time.Time
	for wait := 50 * time.Millisecond; wait < 4*time.Second; wait *= 2 {
		rows, err := db.pool.Query(ctx, `SELECT uid, created_at FROM publication WHERE uid = ANY($1)`, uids)
		if err == nil {
			_, err = pgx.ForEachRow(rows, []any{&uid, &at}, func() error {
				stored[uid] = at
				return nil
			})
		}
		if err == nil || ctx.Err() != nil {
			break
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
	return stored
}
