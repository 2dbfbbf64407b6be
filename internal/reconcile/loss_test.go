package reconcile

import (
	"errors"
	"sync"
	"testing"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/tasks"
)

const lost = `SELECT isfinite(lost_at) FROM queue_state`

func TestLostRedisIsNudgedAgainOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sending(250)
	r := w.reconciler()
	w.beat(r)
	w.beat(r)
	want(w, false, lost)
	w.loseRedis()
	w.beat(r)
	want(w, true, lost)
	w.do(r.nudges)
	if r.Behind() != 3 {
		t.Errorf("behind by %d, want 3", r.Behind())
	}
	if n := w.relay(); n != 3 || w.pending(tasks.QueueEmail) != 3 {
		t.Errorf("%d nudges, %d tasks, want 3", n, w.pending(tasks.QueueEmail))
	}
	want(w, 3, `SELECT count(*) FROM batch WHERE gen = 2`)
	// Nobody finds anything any more: neither this one nor one that starts now.
	for _, each := range []*Reconciler{r, w.reconciler()} {
		w.beat(each)
		w.do(each.nudges)
		w.do(each.overdue)
		if n := w.relay(); n != 0 || each.Behind() != 0 {
			t.Errorf("%d more nudges, behind by %d", n, each.Behind())
		}
	}
}

func TestOldCanaryIsALoss(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.reconciler()
	for range 5 {
		w.beat(r)
	}
	want(w, int64(5), `SELECT canary FROM queue_state`)
	// One behind is what a look between the two writes finds: it is no loss.
	for held, loss := range map[int64]bool{5: false, 4: true} {
		w.exec(`UPDATE queue_state SET lost_at = '-infinity', canary = 5`)
		if err := w.queue.SetCanary(t.Context(), held); err != nil {
			t.Fatal(err)
		}
		w.beat(r)
		want(w, loss, lost)
		if n, err := w.queue.Canary(t.Context()); err != nil || n != 6 {
			t.Errorf("the canary of the queue is %d, %v", n, err)
		}
	}
}

func TestCanaryIsRaisedByOneOfMany(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.reconciler(), w.reconciler()
	w.do(a.canary)
	w.do(b.canary)
	w.do(a.canary)
	want(w, int64(1), `SELECT canary FROM queue_state`)
	want(w, false, lost)
}

func TestRedisAwayIsNoLoss(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.reconciler()
	w.beat(r)
	w.beat(r)
	w.exec(`UPDATE queue_state SET updated_at = updated_at - interval '1 minute'`)
	away := New(w.db, awayQueue{w.queue}, func() {}, zap.NewNop())
	if err := away.canary(t.Context()); !errors.Is(err, errAway) {
		t.Errorf("got %v", err)
	}
	want(w, int64(2), `SELECT canary FROM queue_state`)
	w.do(r.canary)
	want(w, false, lost)
}

// TestStepsAreNudgedAgain has a publication in every state that owes work, and some that do not.
func TestStepsAreNudgedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, state := range []publication.State{publication.Queued, publication.Rendering, publication.Paused,
		publication.Scheduled, publication.Completed, publication.Cancelling, publication.Failed} {
		w.publication(state)
	}
	for _, state := range []publication.State{publication.Sending, publication.Sending, publication.Paused} {
		id := w.publication(state)
		w.exec(`INSERT INTO fanout_range (publication_id, cursor, hi, done) VALUES ($1, 0, 10, false), ($1, 10, 20, true)`, id)
	}
	r := w.reconciler()
	w.do(r.nudges)
	if n := w.relay(); n != 0 || r.Behind() != 0 {
		t.Errorf("%d nudges of what was nudged just now", n)
	}
	w.do(w.db.QueueLost)
	w.do(r.nudges)
	if r.Behind() != 4 || w.relay() != 4 {
		t.Errorf("behind by %d, want two renders and two ranges", r.Behind())
	}
	if w.pending(tasks.QueueRender) != 2 || w.pending(tasks.QueuePersonalize) != 2 {
		t.Errorf("%d renders and %d ranges, want 2 and 2", w.pending(tasks.QueueRender), w.pending(tasks.QueuePersonalize))
	}
	w.do(r.nudges)
	if n := w.relay(); n != 0 || r.Behind() != 0 {
		t.Errorf("%d nudges the second time, behind by %d", n, r.Behind())
	}
}

// TestLongQueueOfSteps has renders and pages of fan-out that wait for an hour: another nudge would make the first one
// stale, and be as late.
func TestLongQueueOfSteps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publication(publication.Queued)
	id := w.publication(publication.Sending)
	w.exec(`INSERT INTO fanout_range (publication_id, cursor, hi) VALUES ($1, 0, 10)`, id)
	w.do(w.db.QueueLost)
	r := w.reconciler()
	w.do(r.nudges)
	w.relay()
	anHourAgo := func() {
		w.exec(`UPDATE publication SET nudged_at = nudged_at - interval '1 hour'`)
		w.exec(`UPDATE fanout_range SET nudged_at = nudged_at - interval '1 hour'`)
	}
	w.exec(`UPDATE queue_state SET lost_at = '-infinity'`)
	anHourAgo()
	w.do(r.nudges)
	w.do(r.overdue)
	if n := w.relay(); n != 0 || r.Behind() != 0 {
		t.Errorf("%d nudges of what waits in the queue", n)
	}
	want(w, "2 2", `SELECT (SELECT gen FROM fanout_range) || ' ' || (SELECT gen FROM publication WHERE state = 'queued')`)
	want(w, true, `SELECT min(nudged_at) > now() - interval '1 minute' FROM fanout_range`)
	w.loseRedis()
	anHourAgo()
	w.exec(`INSERT INTO pause (scope, paused_by) VALUES ('all', 'test')`)
	w.do(r.overdue)
	if n := w.relay(); n != 0 {
		t.Errorf("%d nudges while everything is paused", n)
	}
	w.exec(`DELETE FROM pause`)
	w.do(r.overdue)
	if n := w.relay(); n != 2 || r.Behind() != 2 {
		t.Errorf("%d nudges of what the queue does not have, behind by %d, want 2", n, r.Behind())
	}
}

func TestPausedWorkIsNotNudged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.sending(150)
	w.exec(`UPDATE publication SET state = 'paused' WHERE id = $1`, id)
	w.loseRedis()
	w.do(w.db.QueueLost)
	r := w.reconciler()
	w.do(r.nudges)
	if n := w.relay(); n != 0 {
		t.Errorf("%d nudges of a paused publication", n)
	}
	w.exec(`UPDATE publication SET state = 'sending' WHERE id = $1`, id)
	w.exec(`WITH p AS (INSERT INTO pause (scope, paused_by) VALUES ('channel:email', 'test') RETURNING scope)
		INSERT INTO pause_lane (scope, channel_id, lane) SELECT scope, 1, l FROM p, generate_series(0, 2) l`)
	w.do(w.reconciler().nudges)
	if n := w.relay(); n != 0 {
		t.Errorf("%d nudges of a paused channel", n)
	}
	w.exec(`UPDATE pause_lane SET channel_id = 2`)
	w.do(w.reconciler().nudges)
	if n := w.relay(); n != 2 {
		t.Errorf("%d nudges, want 2", n)
	}
}

// TestManyReconcilersNudgeOnce has several find the same loss at once.
func TestManyReconcilersNudgeOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sending(2500)
	w.publication(publication.Queued)
	w.loseRedis()
	w.beat(w.reconciler())
	w.do(w.db.QueueLost)
	var wg sync.WaitGroup
	for range 4 {
		r := w.reconciler()
		wg.Go(func() {
			for range 3 {
				if err := r.nudges(t.Context()); err != nil {
					t.Error(err)
				}
			}
			if r.Behind() != 0 {
				t.Errorf("behind by %d after three rounds", r.Behind())
			}
		})
	}
	wg.Wait()
	want(w, 25, `SELECT count(*) FROM batch WHERE gen = 2`)
	if n := w.relay(); n != 26 || w.pending(tasks.QueueEmail) != 25 {
		t.Errorf("%d nudges, %d tasks, want 25 batches and a render", n, w.pending(tasks.QueueEmail))
	}
}

func TestLongQueueIsNotNudged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sending(400)
	poked := 0
	r := New(w.db, w.queue, func() { poked++ }, zap.NewNop())
	w.do(r.overdue)
	w.exec(`UPDATE batch SET nudged_at = nudged_at - interval '1 hour'`)
	w.do(r.overdue)
	want(w, 4, `SELECT count(*) FROM batch WHERE gen = 1 AND nudged_at > now() - interval '1 minute'`)
	if poked != 0 {
		t.Errorf("poked %d times", poked)
	}
	// Of two batches the task is gone; one of the others waits for its time.
	w.exec(`UPDATE batch SET nudged_at = nudged_at - interval '1 hour'`)
	w.exec(`UPDATE batch SET state = 'waiting', not_before = now() + interval '1 hour' WHERE id = 4`)
	for _, id := range []string{"b:1:1", "b:2:1", "b:4:1"} {
		if n, err := w.redis.Del(t.Context(), "asynq:{email}:t:"+id).Result(); err != nil || n != 1 {
			t.Fatal(n, err)
		}
	}
	w.do(r.overdue)
	want(w, "1,2", `SELECT string_agg(id::text, ',' ORDER BY id) FROM batch WHERE gen = 2`)
	if n := w.relay(); n != 2 || poked != 1 || r.Behind() != 2 {
		t.Errorf("%d nudges, poked %d times, behind by %d, want 2, once and 2", n, poked, r.Behind())
	}
	if w.do(r.overdue); r.Behind() != 0 {
		t.Errorf("behind by %d at rest", r.Behind())
	}
	w.exec(`UPDATE batch SET nudged_at = nudged_at - interval '1 hour'`)
	if err := New(w.db, awayQueue{w.queue}, func() {}, zap.NewNop()).overdue(t.Context()); !errors.Is(err, errAway) {
		t.Errorf("with the queue away: %v", err)
	}
}
