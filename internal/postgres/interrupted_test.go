package postgres

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

// cut fails one statement: the one that takes what is left to 0.
type cut struct{ left atomic.Int32 }

func (c *cut) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	if c.left.Add(-1) != 0 {
		return ctx
	}
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx
}

func (*cut) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// cuttingPool is a pool of its own on db's database, with nothing prepared.
func cuttingPool(t *testing.T, db *DB) (*DB, *cut) {
	t.Helper()
	config, c := db.pool.Config(), &cut{}
	config.ConnConfig.Tracer = c
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	return &DB{pool: pool}, c
}

// ledgerNow is all that a transaction of delivery changes, without times.
func ledgerNow(t *testing.T, db *DB) string {
	t.Helper()
	return value[string](t, db, `SELECT concat_ws(' ',
		(SELECT string_agg(state::text, '' ORDER BY channel_id, recipient_id) FROM delivery),
		(SELECT string_agg(concat(state, place, n_failed, n_sent), ',' ORDER BY id) FROM batch),
		(SELECT string_agg(concat(state, reopened), ',' ORDER BY id) FROM publication),
		(SELECT string_agg(concat(cursor, done, gen), ',' ORDER BY id) FROM fanout_range),
		(SELECT string_agg(state, ',' ORDER BY id) FROM replay),
		(SELECT count(*) FROM dead_letter), (SELECT count(*) FROM dead_letter WHERE replayed_at IS NULL),
		(SELECT count(*) FROM reopening), (SELECT count(*) FROM audit_event), (SELECT count(*) FROM outbox))`)
}

type operation func(context.Context, *DB) error

// cutEverywhere does something again and again, with another of its statements failing each time, until none is left or
// it is done although one failed after it. Each failure is reported, and nothing is half done. warm: with statements
// prepared, which fail later.
func cutEverywhere(t *testing.T, db *DB, warm bool, after string, do operation) {
	t.Helper()
	before := ledgerNow(t, db)
	for n := int32(1); ; n++ {
		cutting, c := cuttingPool(t, db)
		if warm {
			if err := do(t.Context(), cutting); err != nil {
				t.Fatal(err)
			}
		}
		c.left.Store(n)
		err := do(t.Context(), cutting)
		cutting.Close()
		now := ledgerNow(t, db)
		switch {
		case c.left.Load() > 0: // it has fewer statements
			if err != nil || n == 1 || now != after {
				t.Errorf("without a failure, after %d: %v\n%s\nwant\n%s", n-1, err, now, after)
			}
			return
		case !errors.Is(err, context.Canceled):
			t.Fatalf("statement %d failed, and it said %v", n, err)
		case now == after && after != before:
			return
		case now != before:
			t.Fatalf("statement %d failed, and it is half done:\n%s\nbefore\n%s\nafter\n%s", n, now, before, after)
		}
	}
}

// TestReadsReportEveryFailure, whichever of their statements it is.
func TestReadsReportEveryFailure(t *testing.T) {
	t.Parallel()
	db := open(t)
	id := failing(t, db, 100)
	uid, reader := publicationUID(t, db, id), subscriberUID(t, db, 2)
	email := value[string](t, db, `SELECT email FROM subscriber WHERE id = 2`)
	later := publicationUID(t, db, queued(t, db, publication.Audience{All: true}))
	replay := startReplay(t, db, order(delivery.DeadFilter{}))
	state := ledgerNow(t, db)
	for name, do := range map[string]operation{
		"timeline":   func(ctx context.Context, db *DB) error { _, err := db.Timeline(ctx, uid, reader); return err },
		"absence":    func(ctx context.Context, db *DB) error { _, err := db.Timeline(ctx, later, reader); return err },
		"contents":   func(ctx context.Context, db *DB) error { _, err := db.PublicationContents(ctx, uid); return err },
		"subscriber": func(ctx context.Context, db *DB) error { _, err := db.SubscriberByEmail(ctx, email); return err },
		"count": func(ctx context.Context, db *DB) error {
			_, err := db.CountDeadLetters(ctx, delivery.DeadFilter{})
			return err
		},
		"letters": func(ctx context.Context, db *DB) error {
			_, err := db.DeadLetters(ctx, delivery.DeadFilter{}, 0, 5)
			return err
		},
		"letter": func(ctx context.Context, db *DB) error { _, _, err := db.DeadLetter(ctx, 1); return err },
		"groups": func(ctx context.Context, db *DB) error {
			_, err := db.DeadGroups(ctx, delivery.DeadFilter{}, 5)
			return err
		},
		"replay":  func(ctx context.Context, db *DB) error { _, err := db.DeadReplay(ctx, replay.UID); return err },
		"replays": func(ctx context.Context, db *DB) error { _, err := db.DeadReplays(ctx, 0, 5); return err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cutEverywhere(t, db, false, state, do)
			cutEverywhere(t, db, true, state, do)
		})
	}
}

// TestWritesAreWholeOrNotAtAll, whichever of their statements fails.
func TestWritesAreWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*testing.T, *DB) operation{
		"reopen": func(t *testing.T, db *DB) operation {
			t.Helper()
			k := key(failing(t, db, 100), 2)
			return func(ctx context.Context, db *DB) error {
				return db.tx(ctx, "reopen", func(tx pgx.Tx) error {
					_, err := db.reopen(ctx, tx, []delivery.Key{k}, reopening{by: "key:test", was: delivery.Failed})
					return err
				})
			}
		},
		"delete dead letters": func(t *testing.T, db *DB) operation {
			t.Helper()
			failing(t, db, 100)
			return func(ctx context.Context, db *DB) error {
				_, err := db.DeleteDeadLetters(ctx, delivery.DeadFilter{Code: "busy"})
				return err
			}
		},
		"create a replay": func(t *testing.T, db *DB) operation {
			t.Helper()
			failing(t, db, 100)
			return func(ctx context.Context, db *DB) error {
				_, err := db.CreateDeadReplay(ctx, order(delivery.DeadFilter{}))
				return err
			}
		},
		"cancel a replay": func(t *testing.T, db *DB) operation {
			t.Helper()
			failing(t, db, 100)
			r := startReplay(t, db, order(delivery.DeadFilter{}))
			return func(ctx context.Context, db *DB) error { _, err := db.CancelDeadReplay(ctx, r.UID); return err }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole, db := open(t), open(t)
			if err := prepare(t, whole)(t.Context(), whole); err != nil {
				t.Fatal(err)
			}
			cutEverywhere(t, db, false, ledgerNow(t, whole), prepare(t, db))
		})
	}
}

// TestPagesOfStoppedPublicationsAreNotRead, and one that stops after it was read is not expanded.
func TestPagesOfStoppedPublicationsAreNotRead(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 5)
	id := queued(t, db, publication.Audience{All: true})
	if _, err := db.StartRender(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	list, _, err := db.StartFanout(t.Context(), publication.Fanout{Publication: id, Lane: 1, Ranges: 1})
	if err != nil {
		t.Fatal(err)
	}
	page, err := db.ReadPage(t.Context(), list[0], 1)
	if err != nil || page == nil || len(page.Readers) != 5 {
		t.Fatalf("%+v, %v", page, err)
	}
	for _, state := range []string{"paused", "cancelled"} {
		exec(t, db, `UPDATE publication SET state = $1`, state)
		if got, err := db.ReadPage(t.Context(), list[0], 1); got != nil || err != nil {
			t.Errorf("%s: read %+v, %v", state, got, err)
		}
		e, err := db.ExpandPage(t.Context(), page, []int16{channel.Email.ID()}, make([][]byte, 5), false)
		if e != nil || err != nil || value[int](t, db, `SELECT count(*)::int FROM delivery`) != 0 {
			t.Errorf("%s: expanded %+v, %v", state, e, err)
		}
	}
}

// TestNobodyIsLeft in a page: nothing is written, and the publication is complete.
func TestNobodyIsLeft(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 3)
	id := queued(t, db, publication.Audience{All: true})
	exec(t, db, `UPDATE subscriber SET status = 'unsubscribed'`)
	fanOut(t, db, id, 1)
	if n := value[int](t, db, `SELECT (SELECT count(*) FROM delivery)::int + (SELECT count(*) FROM batch)::int`); n != 0 {
		t.Errorf("%d rows and batches", n)
	}
	if state := value[string](t, db, `SELECT state FROM publication`); state != "completed" {
		t.Errorf("it is %s", state)
	}
}

// TestReopeningMoreThanThePlaces leaves the batches to the scheduler, which feeds them.
func TestReopeningMoreThanThePlaces(t *testing.T) {
	t.Parallel()
	db := open(t)
	id := failing(t, db, 100)
	exec(t, db, `INSERT INTO batch (publication_id, channel_id, lane, lo, hi, size, state)
		SELECT $1, 1, 1, n * 100, n * 100 + 100, 1, 'done' FROM generate_series(1, $2::bigint) n`, id, Places)
	exec(t, db, `INSERT INTO delivery (publication_id, channel_id, recipient_id, state, reason, attempt)
		SELECT $1, 1, n * 100 + 2, 6, 5, 4 FROM generate_series(1, $2::bigint) n`, id, Places)
	var keys []delivery.Key
	for i := range int64(Places + 1) {
		keys = append(keys, key(id, i*testBatch+2))
	}
	if got, want := doReopen(t, db, delivery.Failed, keys...), (delivery.Fates{Changed: Places + 1}); got != want {
		t.Fatalf("%+v, want %+v", got, want)
	}
	if n := value[int](t, db, `SELECT count(*)::int FROM batch WHERE state = 'ready' AND place = 0`); n != Places+1 {
		t.Errorf("%d batches wait for a place", n)
	}
	if n := value[int](t, db, `SELECT count(*)::int FROM outbox`); n != 0 {
		t.Errorf("%d nudges", n)
	}
}

// TestDeletingDeadLettersIsAudited with the publication, if they are of one.
func TestDeletingDeadLettersIsAudited(t *testing.T) {
	t.Parallel()
	db := open(t)
	uid := publicationUID(t, db, failing(t, db, 100))
	for _, want := range []int64{1, 0} {
		if n, err := db.DeleteDeadLetters(t.Context(), delivery.DeadFilter{Publication: &uid}); n != want || err != nil {
			t.Errorf("%d deleted, %v, want %d", n, err, want)
		}
	}
	list := value[[]ident.UID](t, db, `SELECT array_agg(entity_uid) FROM audit_event WHERE action = 'dead_letter.delete'`)
	if len(list) != 1 || list[0] != uid {
		t.Errorf("the audit log has %v", list)
	}
}
