package reconcile

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/postgres"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/queue"
	"github.com/presswork/presswork/internal/testkit/dbtest"
	"github.com/presswork/presswork/internal/testkit/redistest"
	"github.com/presswork/presswork/tasks"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// world is a record and a queue, with nobody at work.
type world struct {
	t     *testing.T
	db    *postgres.DB
	pool  *pgxpool.Pool
	queue *queue.Queue
	redis redis.UniversalClient
}

func newWorld(t *testing.T) *world {
	t.Helper()
	address := dbtest.New(t)
	db, err := postgres.Open(t.Context(), address, postgres.Options{MaxConns: 8, BatchSize: 100})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	q, err := queue.Open(redistest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	return &world{t: t, db: db, pool: dbtest.Connect(t, address), queue: q, redis: q.Redis()}
}

// reconciler is a new one of this world, whose pokes nobody hears.
func (w *world) reconciler() *Reconciler { return New(w.db, w.queue, func() {}, zap.NewNop()) }

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	if _, err := w.pool.Exec(w.t.Context(), sql, args...); err != nil {
		w.t.Fatal(err)
	}
}

func value[T any](w *world, sql string, args ...any) T {
	w.t.Helper()
	var v T
	if err := w.pool.QueryRow(w.t.Context(), sql, args...).Scan(&v); err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func (w *world) do(step func(context.Context) error) {
	w.t.Helper()
	if err := step(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// want fails unless a query answers so.
func want[T comparable](w *world, wanted T, sql string, args ...any) {
	w.t.Helper()
	if got := value[T](w, sql, args...); got != wanted {
		w.t.Errorf("%s\nis %v, want %v", sql, got, wanted)
	}
}

// publication makes one by e-mail to everybody, in a state.
func (w *world) publication(state publication.State) int64 {
	w.t.Helper()
	audience, err := json.Marshal(publication.Audience{All: true})
	if err != nil {
		w.t.Fatal(err)
	}
	return value[int64](w, `
		INSERT INTO publication (uid, title, type, priority, lane, state, channels, audience, contents, created_by, gen)
		VALUES ($1, 'News', 'announcement', 'normal', 1, $2, '{1}', $3, '[]', 'test', 1) RETURNING id`,
		ident.New(), string(state), audience)
}

// sending makes a publication to n subscribers, fanned out and queued.
func (w *world) sending(n int) int64 {
	w.t.Helper()
	ctx := w.t.Context()
	w.exec(`INSERT INTO subscriber (uid, email, status)
		SELECT gen_random_uuid(), 'reader' || i || '@example.org', 'active' FROM generate_series(1, $1::integer) i`, n)
	id := w.publication(publication.Queued)
	if p, err := w.db.StartRender(ctx, id); err != nil || p == nil {
		w.t.Fatalf("render: %v, %v", p, err)
	}
	ranges, _, err := w.db.StartFanout(ctx, publication.Fanout{Publication: id, Lane: tasks.LaneNormal, Ranges: 1, Inline: true})
	if err != nil {
		w.t.Fatal(err)
	}
	for gen := 1; ; {
		page, err := w.db.ReadPage(ctx, ranges[0], gen)
		if err != nil || page == nil {
			w.t.Fatalf("page: %v, %v", page, err)
		}
		e, err := w.db.ExpandPage(ctx, page, []int16{channel.Email.ID()}, make([][]byte, len(page.Readers)), true)
		if err != nil || e == nil {
			w.t.Fatalf("expand: %v, %v", e, err)
		}
		if e.Done {
			break
		}
		gen = e.Gen
	}
	w.relay()
	return id
}

// relay moves the outbox to the queue, and says how many tasks that were.
func (w *world) relay() int {
	w.t.Helper()
	n := 0
	for {
		page, err := w.db.Outbox(w.t.Context(), 1000)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(page) == 0 {
			return n
		}
		rows := make([]int64, 0, len(page))
		for _, c := range page {
			if err := w.queue.Enqueue(w.t.Context(), c.Task); err != nil {
				w.t.Fatal(err)
			}
			rows = append(rows, c.Row)
		}
		if err := w.db.DeleteOutbox(w.t.Context(), rows); err != nil {
			w.t.Fatal(err)
		}
		n += len(page)
	}
}

// beat lets time pass since the last look at the canary, and looks.
func (w *world) beat(r *Reconciler) {
	w.t.Helper()
	w.exec(`UPDATE queue_state SET updated_at = updated_at - interval '1 minute'`)
	w.do(r.canary)
}

// loseRedis takes away everything the queue holds.
func (w *world) loseRedis() {
	w.t.Helper()
	if err := w.redis.FlushDB(w.t.Context()).Err(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) pending(name string) int {
	w.t.Helper()
	list, err := w.queue.Depths([]string{name})
	if err != nil {
		w.t.Fatal(err)
	}
	return list[0].Pending
}
