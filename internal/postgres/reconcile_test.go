package postgres

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/tasks"
)

// The loops over these statements are tested in internal/reconcile, with a real queue.

func TestBeat(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()
	for _, want := range []int64{1, 0} {
		if n, err := db.Beat(ctx, time.Hour); err != nil || n != want {
			t.Errorf("canary %d, %v, want %d", n, err, want)
		}
	}
	if n, err := db.Beat(ctx, 0); err != nil || n != 2 {
		t.Errorf("canary %d, %v, want 2", n, err)
	}
	if _, ever, err := db.LostAt(ctx); ever || err != nil {
		t.Errorf("lost: %v, %v", ever, err)
	}
	if err := db.QueueLost(ctx); err != nil {
		t.Fatal(err)
	}
	first, ever, err := db.LostAt(ctx)
	if again, _, _ := db.LostAt(ctx); !ever || err != nil || !again.Equal(first) {
		t.Errorf("lost at %s, then at %s: %v", first, again, err)
	}
}

func TestOutboxKeepsOrderAndTimes(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()
	later := time.Now().Add(time.Hour).Truncate(time.Microsecond)
	var list []tasks.Task
	for id := range int64(5) {
		task, err := tasks.New(tasks.NewRender(id, 1), tasks.LaneNormal)
		if err != nil {
			t.Fatal(err)
		}
		if id == 2 {
			task.NotBefore = later
		}
		list = append(list, task)
	}
	if err := db.tx(ctx, "test", func(tx pgx.Tx) error { return enqueueLater(ctx, tx, list) }); err != nil {
		t.Fatal(err)
	}
	page, err := db.Outbox(ctx, 3)
	if err != nil || len(page) != 3 {
		t.Fatal(page, err)
	}
	for i, c := range page {
		if c.Task.ID != list[i].ID || c.Task.Queue != tasks.QueueRender || !slices.Equal(c.Task.Payload, list[i].Payload) || !c.Task.NotBefore.Equal(list[i].NotBefore) {
			t.Errorf("row %d is %+v, want %+v", i, c.Task, list[i])
		}
	}
	// By id: the second may commit after the third was relayed.
	if err := db.DeleteOutbox(ctx, []int64{page[0].Row, page[2].Row}); err != nil {
		t.Fatal(err)
	}
	rest, err := db.Outbox(ctx, 10)
	if err != nil || len(rest) != 3 || rest[0].Row != page[1].Row {
		t.Errorf("left: %v, %v", rest, err)
	}
}

func TestBatchesThatMovedOnAreNotNudged(t *testing.T) {
	t.Parallel()
	db := open(t)
	sending(t, db, 300)
	ctx := t.Context()
	exec(t, db, `DELETE FROM outbox`)
	exec(t, db, `UPDATE batch SET nudged_at = now() - interval '1 hour'`)
	list, err := db.Overdue(ctx, time.Minute, 2)
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	all, err := db.Overdue(ctx, time.Minute, 10)
	if err != nil || len(all) != 3 || all[0].Task.ID != "b:1:1" || all[0].Task.Queue != tasks.QueueEmail {
		t.Errorf("overdue %+v, %v", all, err)
	}
	if _, b := claim(t, db); b.ID != 1 {
		t.Fatalf("claimed batch %d", b.ID)
	}
	exec(t, db, `UPDATE batch SET state = 'done' WHERE id = 2`)
	if err := db.Renudge(ctx, all, nil); err != nil {
		t.Fatal(err)
	}
	if ids := value[string](t, db, `SELECT string_agg(task_id, ' ') FROM outbox`); ids != "b:3:2" {
		t.Errorf("nudged %s", ids)
	}
}

func TestMaintain(t *testing.T) {
	t.Parallel()
	db := open(t)
	id := queued(t, db, publication.Audience{All: true})
	exec(t, db, `INSERT INTO idempotency (principal, route, key, request_hash, publication_id, created_at) VALUES
		('a', 'r', 'old', '', $1, now() - interval '25 hours'), ('a', 'r', 'new', '', $1, now() - interval '23 hours')`, id)
	for range 2 {
		if err := db.Maintain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if keys := value[string](t, db, `SELECT string_agg(key, ' ') FROM idempotency`); keys != "new" {
		t.Errorf("kept %s", keys)
	}
	// Of the publications to come there is a partition ahead; of the events the next month's.
	exec(t, db, `INSERT INTO delivery (publication_id, recipient_id, channel_id) VALUES (1999999, 1, 1)`)
	exec(t, db, `INSERT INTO event (at, kind, publication_id, channel_id, recipient_id)
		VALUES (date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + interval '40 days', 1, 1, 1, 1)`)
}

// TestMaintainSessions removes those that ended long ago, and none that has or could have work.
func TestMaintainSessions(t *testing.T) {
	t.Parallel()
	db := open(t)
	sending(t, db, 10)
	holding, _ := claim(t, db)
	exec(t, db, `UPDATE sender_session SET process = 'holding', ended_at = now() - interval '40 days' WHERE id = $1`, holding)
	exec(t, db, `INSERT INTO sender_session (process, started_at, until, ended_at) VALUES
		('long ago', now() - interval '50 days', now() - interval '40 days', now() - interval '31 days'),
		('lately', now() - interval '50 days', now() - interval '40 days', now() - interval '29 days'),
		('open', now() - interval '50 days', now() - interval '40 days', NULL)`)
	gone := value[int64](t, db, `SELECT id FROM sender_session WHERE process = 'long ago'`)
	for range 2 {
		if err := db.Maintain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if kept := value[string](t, db, `SELECT string_agg(process, ', ' ORDER BY process) FROM sender_session`); kept != "holding, lately, open" {
		t.Errorf("kept %s", kept)
	}
	// What comes of a session that is gone is refused as that of one that has ended.
	if err := db.Flush(t.Context(), delivery.Flush{Session: gone, Number: 1, Lease: time.Minute}); !errors.Is(err, delivery.ErrFenced) {
		t.Errorf("a flush: %v", err)
	}
	if err := db.SettleLate(t.Context(), gone, nil); err != nil {
		t.Errorf("late evidence: %v", err)
	}
	if err := db.CloseSession(t.Context(), gone); err != nil {
		t.Errorf("closing: %v", err)
	}
	exec(t, db, `UPDATE sender_session SET ended_at = NULL, until = now() + interval '1 hour' WHERE process = 'open'`)
	if taken, err := db.TakeOver(t.Context()); err != nil || taken == nil || taken.Session != holding || taken.Batches != 1 {
		t.Errorf("takeover of what is stranded: %+v, %v", taken, err)
	}
	if err := db.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if kept := value[string](t, db, `SELECT string_agg(process, ', ' ORDER BY process) FROM sender_session`); kept != "lately, open" {
		t.Errorf("kept %s once it held nothing", kept)
	}
}
