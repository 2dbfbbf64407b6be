package reconcile

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/queue"
	"github.com/presswork/presswork/tasks"
)

var errAway = errors.New("redis is away")

// awayQueue is a queue that answers nothing.
type awayQueue struct{ Queue }

func (awayQueue) Canary(context.Context) (int64, error) { return 0, errAway }
func (awayQueue) Look(context.Context, tasks.Task) (queue.Sight, error) {
	return queue.Gone, errAway
}
func (awayQueue) Enqueue(context.Context, tasks.Task) error     { return errAway }
func (awayQueue) SetPaused(context.Context, string, bool) error { return errAway }
func (awayQueue) SetCanary(context.Context, int64) error        { return errAway }

func TestSchedulesThatAreDue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	due, ahead, paused := w.publication(publication.Scheduled), w.publication(publication.Scheduled), w.publication(publication.Paused)
	w.exec(`UPDATE publication SET scheduled_at = now() + CASE WHEN id = $1 THEN interval '1 hour' ELSE interval '-1 s' END`, ahead)
	poked := 0
	r := New(w.db, w.queue, func() { poked++ }, zap.NewNop())
	w.do(r.schedules)
	w.do(r.schedules)
	want(w, "queued", `SELECT state FROM publication WHERE id = $1`, due)
	want(w, "scheduled", `SELECT state FROM publication WHERE id = $1`, ahead)
	want(w, "paused", `SELECT state FROM publication WHERE id = $1`, paused)
	if n := w.relay(); n != 1 || poked != 1 || w.pending(tasks.QueueRender) != 1 {
		t.Errorf("%d nudges, poked %d times, want once", n, poked)
	}
}

// TestDeferredThatAreDue are nudged, with the batch that they are of; the others wait.
func TestDeferredThatAreDue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.sending(3)
	w.exec(`UPDATE delivery SET state = 1, reason = 18`)
	w.exec(`UPDATE batch SET state = 'done', n_deferred = 3`)
	w.exec(`INSERT INTO held (publication_id, channel_id, recipient_id, reason, due)
		SELECT publication_id, channel_id, recipient_id, reason, now() + CASE WHEN recipient_id = 1 THEN interval '1 hour' ELSE interval '-1 s' END FROM delivery`)
	poked := 0
	r := New(w.db, w.queue, func() { poked++ }, zap.NewNop())
	w.do(r.deferred)
	w.do(r.deferred)
	want(w, "ready", `SELECT state FROM batch WHERE publication_id = $1`, id)
	want(w, 1, `SELECT n_deferred FROM batch`)
	want(w, 2, `SELECT count(*)::integer FROM delivery WHERE state = 0`)
	if n := w.relay(); n != 1 || poked != 1 {
		t.Errorf("%d nudges, poked %d times, want once", n, poked)
	}
}

// TestStragglersAreCompleted has publications whose process died just before moving them on.
func TestStragglersAreCompleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	type straggler struct {
		state         publication.State
		batch, failed string
		becomes       string
	}
	list := map[int64]straggler{}
	for _, s := range []straggler{
		{publication.Sending, "done", "0", "completed"},
		{publication.Sending, "done", "2", "completed_with_failures"},
		{publication.Sending, "ready", "0", "sending"},
		{publication.Sending, "claimed", "0", "sending"},
		{publication.Pausing, "ready", "0", "paused"},
		{publication.Pausing, "claimed", "0", "pausing"},
		{publication.Cancelling, "ready", "0", "cancelled"},
		{publication.Cancelling, "claimed", "0", "cancelling"},
	} {
		id := w.publication(s.state)
		list[id] = s
		w.exec(`INSERT INTO fanout_range (publication_id, cursor, hi, done) VALUES ($1, 10, 10, true)`, id)
		w.exec(`INSERT INTO batch (publication_id, channel_id, lane, lo, hi, size, state, n_failed)
			VALUES ($1, 1, 1, 0, 10, 10, $2, $3::text::integer)`, id, s.batch, s.failed)
	}
	for range 2 {
		w.do(w.reconciler().record.AdvanceOpen)
	}
	for id, s := range list {
		want(w, s.becomes, `SELECT state FROM publication WHERE id = $1`, id)
	}
	want(w, 1, `SELECT count(*) FROM batch WHERE state = 'stopped'`)
}

// TestPausesFollowTheRecord also when the queue loses them, and when it comes back with old ones.
func TestPausesFollowTheRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.reconciler()
	isPaused := func(name string) bool {
		t.Helper()
		if err := w.queue.Enqueue(t.Context(), tasks.Task{ID: "x", Kind: "x", Queue: name}); err != nil {
			t.Fatal(err)
		}
		list, err := w.queue.Depths([]string{name})
		if err != nil {
			t.Fatal(err)
		}
		return list[0].Paused
	}
	wantPaused := func(when string, email, slack bool) {
		t.Helper()
		if e, s := isPaused(tasks.QueueEmail), isPaused(tasks.QueueSlack); e != email || s != slack {
			t.Errorf("%s: email %v, slack %v", when, e, s)
		}
	}
	if err := w.queue.SetPaused(t.Context(), tasks.QueueSlack, true); err != nil {
		t.Fatal(err)
	}
	w.exec(`INSERT INTO pause (scope, paused_by) VALUES ('queue:email', 'test')`)
	w.do(r.pauses)
	wantPaused("at the start", true, false)
	w.loseRedis()
	w.beat(r)
	w.do(r.pauses)
	wantPaused("after a loss", true, false)
	w.exec(`DELETE FROM pause`)
	w.do(r.pauses)
	wantPaused("resumed", false, false)
	if err := w.queue.SetPaused(t.Context(), tasks.QueueSlack, true); err != nil {
		t.Fatal(err)
	}
	w.do(w.db.QueueLost)
	w.do(r.pauses)
	wantPaused("after an old Redis came back", false, false)
}

func TestAggregationIsAskedForOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	task, err := tasks.New(tasks.NewAggregateAnalytics(time.Now().Truncate(statPeriod)), tasks.LaneNormal)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		w.do(w.reconciler().analytics)
	}
	// The clock may have passed into the next period.
	if n := w.pending(task.Queue); n < 1 || n > 2 {
		t.Errorf("%d tasks", n)
	}
}

// fakeRecord answers what a test wants.
type fakeRecord struct {
	Record
	takeovers []*delivery.Takeover
	err       error
}

func (f *fakeRecord) TakeOver(context.Context) (*delivery.Takeover, error) {
	if len(f.takeovers) == 0 {
		return nil, f.err
	}
	first := f.takeovers[0]
	f.takeovers = f.takeovers[1:]
	return first, nil
}

// TestTakeoverGoesOnUntilNoneIsLeft; what a takeover does is tested beside its SQL.
func TestTakeoverGoesOnUntilNoneIsLeft(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zapcore.WarnLevel)
	poked := 0
	record := &fakeRecord{takeovers: []*delivery.Takeover{{Session: 1, Batches: 2}, {Session: 2, Uncertain: 3}}}
	r := New(record, nil, func() { poked++ }, zap.New(core))
	if err := r.takeover(t.Context()); err != nil || poked != 2 || logs.Len() != 2 {
		t.Errorf("%v, poked %d times, %d log lines", err, poked, logs.Len())
	}
	record.err = errAway
	if err := r.takeover(t.Context()); !errors.Is(err, errAway) {
		t.Errorf("got %v", err)
	}
}

// TestErrorsOfTheRecordEndTheRound with a database that is gone.
func TestErrorsOfTheRecordEndTheRound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.reconciler()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, step := range map[string]func(context.Context) error{
		"schedules": r.schedules, "takeover": r.takeover, "canary": r.canary, "nudges": r.nudges,
		"overdue": r.overdue, "pauses": r.pauses, "analytics": r.analytics, "completion": r.record.AdvanceOpen,
	} {
		if err := step(ctx); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	away := New(w.db, awayQueue{w.queue}, func() {}, zap.NewNop())
	for name, step := range map[string]func(context.Context) error{"pauses": away.pauses, "analytics": away.analytics} {
		if err := step(t.Context()); !errors.Is(err, errAway) {
			t.Errorf("%s with the queue away: %v", name, err)
		}
	}
}

// TestTwoAtOnce runs two whole reconcilers over a lost queue until everything is nudged.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sending(300)
	w.beat(w.reconciler())
	w.beat(w.reconciler())
	w.loseRedis()
	w.exec(`UPDATE queue_state SET updated_at = updated_at - interval '1 minute'`)
	core, logs := observer.New(zapcore.WarnLevel)
	poked := make(chan struct{}, 1000)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	for range 2 {
		r := New(w.db, w.queue, func() { poked <- struct{}{} }, zap.New(core))
		wg.Go(func() { r.Run(ctx) })
	}
	nudged := 0
	for nudged < 3 {
		select {
		case <-poked:
			nudged += w.relay()
		case <-ctx.Done():
			t.Fatalf("%d nudges", nudged)
		}
	}
	cancel()
	wg.Wait()
	nudged += w.relay()
	want(w, 3, `SELECT count(*) FROM batch WHERE gen = 2`)
	if nudged != 3 || w.pending(tasks.QueueEmail) != 3 {
		t.Errorf("%d nudges, %d tasks, want 3", nudged, w.pending(tasks.QueueEmail))
	}
	if n := logs.FilterMessage("reconciling failed, trying again").Len(); n != 0 {
		t.Errorf("%d failures: %v", n, logs.All())
	}
}

func TestFailuresAreLoggedAndTriedAgain(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zapcore.WarnLevel)
	r := New(&fakeRecord{}, nil, func() {}, zap.New(core))
	ctx, cancel := context.WithCancel(t.Context())
	tries := 0
	r.loop(ctx, "test", time.Millisecond, func(ctx context.Context) error {
		if _, bounded := ctx.Deadline(); !bounded {
			t.Error("a step may hang for good")
		}
		if tries++; tries == 3 {
			cancel()
		}
		return errAway
	})
	if tries != 3 || logs.Len() != 2 { // the last one failed because of the end
		t.Errorf("%d tries, %d log lines", tries, logs.Len())
	}
}
