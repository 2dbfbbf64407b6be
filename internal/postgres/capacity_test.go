package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/capacity"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/tasks"
)

// works is what is owed, by queue, kind and state.
func works(t *testing.T, c *Capacity) (map[capacity.Work]float64, capacity.Load) {
	t.Helper()
	l, err := c.Load(t.Context(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	sums := map[capacity.Work]float64{}
	for _, w := range l.Work {
		if w.Age < 0 {
			t.Errorf("%+v is from the future", w)
		}
		sums[capacity.Work{Queue: w.Queue, Kind: w.Kind, State: w.State}] += w.Units
	}
	return sums, l
}

func wantWorks(t *testing.T, when string, got, want map[capacity.Work]float64) {
	t.Helper()
	for w, n := range want {
		if got[w] != n {
			t.Errorf("%s: %+v: %v, want %v", when, w, got[w], n)
		}
	}
	for w, n := range got {
		if _, ok := want[w]; !ok {
			t.Errorf("%s: %+v: %v, want none", when, w, n)
		}
	}
}

// publishing makes a publication in a state, and returns its id.
func (n *newsroom) publishing(t *testing.T, state, priority, audience string, lane tasks.Lane) int64 {
	t.Helper()
	return value[int64](t, n.DB, `
		INSERT INTO publication (uid, title, type, priority, lane, state, channels, audience, contents, created_by, scheduled_at)
		VALUES ($1, 'x', 'newsletter', $2, $3, $4, '{1,3}', $5, '[]', 'test', CASE WHEN $4 = 'scheduled' THEN now() + interval '30 s' END)
		RETURNING id`, ident.New(), priority, lane, state, audience)
}

func (n *newsroom) batchOf(t *testing.T, publication int64, state, notBefore string, lane tasks.Lane) {
	t.Helper()
	n.exec(t, `INSERT INTO batch (publication_id, channel_id, lane, lo, hi, size, state, n_sent, not_before)
		VALUES ($1, 1, $2, 0, 100, 100, $3, 10, now() + nullif($4, '')::interval)`, publication, lane, state, notBefore)
}

func TestOwedBatches(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	c := NewCapacity(n.DB)
	got, _ := works(t, c)
	wantWorks(t, "at rest", got, nil)
	p := n.publishing(t, "sending", "normal", `{"all": true}`, tasks.LaneBulk)
	n.batchOf(t, p, "ready", "", tasks.LaneBulk)
	n.batchOf(t, p, "ready", "", tasks.LaneBulk)
	n.batchOf(t, p, "claimed", "", tasks.LaneBulk)
	n.batchOf(t, p, "waiting", "5 s", tasks.LaneBulk)
	n.batchOf(t, p, "waiting", "1 hour", tasks.LaneBulk)
	n.batchOf(t, p, "done", "", tasks.LaneBulk)
	bulk := func(s capacity.State) capacity.Work {
		return capacity.Work{Queue: "email-bulk", Kind: "email", State: s}
	}
	got, _ = works(t, c)
	wantWorks(t, "sending", got, map[capacity.Work]float64{bulk(capacity.Ready): 180, bulk(capacity.Running): 90, bulk(capacity.Retrying): 90, bulk(capacity.Later): 90})
	for _, scope := range []string{"all", "queue:email-bulk"} {
		n.exec(t, `INSERT INTO pause (scope, paused_by) VALUES ($1, 'test')`, scope)
		got, _ = works(t, c)
		wantWorks(t, scope, got, map[capacity.Work]float64{bulk(capacity.Paused): 450})
		n.exec(t, `DELETE FROM pause`)
	}
	n.exec(t, `INSERT INTO pause (scope, paused_by) VALUES ('channel:email', 'test')`)
	n.exec(t, `INSERT INTO pause_lane (scope, channel_id, lane) VALUES ('channel:email', 1, 2)`)
	got, _ = works(t, c)
	wantWorks(t, "a paused channel", got, map[capacity.Work]float64{bulk(capacity.Paused): 450})
	n.exec(t, `DELETE FROM pause`)
	n.exec(t, `UPDATE publication SET state = 'paused'`)
	got, _ = works(t, c)
	wantWorks(t, "a paused publication", got, map[capacity.Work]float64{bulk(capacity.Paused): 360, bulk(capacity.Running): 90})
	n.exec(t, `UPDATE publication SET state = 'cancelled'`)
	got, _ = works(t, c)
	wantWorks(t, "a cancelled publication", got, nil)
}

// TestOwedBeforeThereAreRows: recipients count before anything was rendered or expanded.
func TestOwedBeforeThereAreRows(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	c := NewCapacity(n.DB)
	n.publishing(t, "queued", "high", `{"subscribers": [1, 2, 3]}`, tasks.LaneCritical)
	n.publishing(t, "scheduled", "normal", `{"subscribers": [1, 2]}`, tasks.LaneNormal)
	got, _ := works(t, c)
	wantWorks(t, "named", got, map[capacity.Work]float64{
		{Queue: "critical", Kind: "render", State: capacity.Ready}:      1,
		{Queue: "critical", Kind: "personalize", State: capacity.Ready}: 3.0 / expandPage,
		{Queue: "critical", Kind: "email", State: capacity.Unexpanded}:  3,
		{Queue: "critical", Kind: "slack", State: capacity.Unexpanded}:  1,
		{Queue: "render", Kind: "render", State: capacity.Soon}:         1,
		{Queue: "critical", Kind: "personalize", State: capacity.Soon}:  2.0 / expandPage,
		{Queue: "critical", Kind: "email", State: capacity.Soon}:        2, // so small an audience is critical
		{Queue: "critical", Kind: "slack", State: capacity.Soon}:        1,
	})
	n.exec(t, `UPDATE publication SET scheduled_at = now() + interval '1 hour' WHERE state = 'scheduled'`)
	n.exec(t, `DELETE FROM publication WHERE state = 'queued'`)
	got, _ = works(t, c)
	wantWorks(t, "due in an hour", got, nil)
}

// TestAudiencesAreEstimated from statistics, without reading a subscriber.
func TestAudiencesAreEstimated(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.exec(t, `INSERT INTO subscriber (uid, email, status, topics)
		SELECT gen_random_uuid(), 'reader' || i || '@example.org', 'active', CASE WHEN i % 10 = 0 THEN ARRAY[1] ELSE '{}'::integer[] END
		FROM generate_series(1, 20000) i`)
	p := n.publishing(t, "sending", "bulk", `{"topics": [1]}`, tasks.LaneBulk)
	n.exec(t, `INSERT INTO fanout_range (publication_id, cursor, hi) VALUES ($1, 10002, 20004)`, p)
	n.publishing(t, "queued", "bulk", `{"all": true}`, tasks.LaneBulk)
	asOwner(t, n.DB, `ANALYZE subscriber`)
	got, l := works(t, NewCapacity(n.DB))
	of := func(kind string, state capacity.State) float64 {
		return got[capacity.Work{Queue: "email-bulk", Kind: kind, State: state}]
	}
	// All of them, and half of a tenth.
	if sends := of("email", capacity.Unexpanded); sends < 20_000 || sends > 22_500 {
		t.Errorf("%v recipients are unexpanded, want about 21,000: %+v", sends, l.Work)
	}
	if l.Connections <= 0 || l.InUse <= 0 || l.At.IsZero() {
		t.Errorf("%+v", l)
	}
}

func TestWorkersSayHowTheyAre(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	c, ctx, id := NewCapacity(n.DB), t.Context(), ident.New()
	w := capacity.Worker{Queues: []string{"critical", "email"}, Busy: 0.5, PerSecond: 100, DatabasePool: 20, DatabaseOpen: 3}
	say := func(seconds float64) {
		t.Helper()
		if err := c.Say(ctx, id, "host:1", w, map[string]capacity.Cost{"email": {Seconds: seconds, Share: seconds / 10, Worker: seconds / 5}}); err != nil {
			t.Fatal(err)
		}
	}
	say(1)
	w.Draining = true
	say(2)
	l, err := c.Load(ctx, time.Minute)
	if err != nil || len(l.Workers) != 1 || !l.Workers[0].Draining || l.Workers[0].DatabaseOpen != 3 || len(l.Workers[0].Queues) != 2 {
		t.Fatalf("%+v, %v", l.Workers, err)
	}
	if cost := l.Costs["email"]; cost.Seconds < 1.19 || cost.Seconds > 1.21 || cost.Share < 0.119 || cost.Worker > 0.241 {
		t.Errorf("%+v", cost)
	}
	n.exec(t, `UPDATE worker SET seen_at = now() - interval '1 minute'`)
	if l, err = c.Load(ctx, time.Minute); err != nil || len(l.Workers) != 0 || len(l.Costs) != 1 {
		t.Errorf("of one that is silent there is %+v, %v", l.Workers, err)
	}
	n.exec(t, `UPDATE worker SET seen_at = now() - interval '1 day'`)
	id = ident.New()
	say(1)
	for range 2 {
		if err := c.Leave(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	if left := value[int](t, n.DB, `SELECT count(*)::int FROM worker`); left != 0 {
		t.Errorf("%d rows are left", left)
	}
}

func TestWantRemembersTheMost(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	want := func(mail, fast, wantMail, wantFast int) {
		t.Helper()
		got, err := NewCapacity(n.DB).Want(t.Context(), map[string]int{"mail": mail, "fast": fast}, time.Minute)
		if err != nil || got["mail"] != wantMail || got["fast"] != wantFast || len(got) != 2 {
			t.Errorf("%v, %v", got, err)
		}
	}
	want(1, 0, 1, 0)
	want(5, 1, 5, 1)
	want(2, 3, 5, 3)
	n.exec(t, `UPDATE pool_wanted SET step = step - interval '61 s'`)
	want(2, 0, 2, 0)
	n.exec(t, `UPDATE pool_wanted SET step = step - interval '1 hour'`)
	want(1, 0, 1, 0)
	want(1, 0, 1, 0)
	if rows := value[int](t, n.DB, `SELECT count(*)::int FROM pool_wanted`); rows > 4 {
		t.Errorf("%d rows are kept", rows)
	}
}

// TestUncountedEvents: opens and clicks that nobody has counted want a worker.
func TestUncountedEvents(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	c := NewCapacity(n.DB)
	n.exec(t, `INSERT INTO event (at, kind, publication_id, channel_id, recipient_id) VALUES (now() - interval '20 s', 1, 1, 1, 1)`)
	analytics := capacity.Work{Queue: "analytics", Kind: capacity.Aggregate, State: capacity.Ready}
	got, _ := works(t, c)
	wantWorks(t, "uncounted", got, map[capacity.Work]float64{analytics: 1})
	for {
		counted, err := n.AggregateEvents(context.WithoutCancel(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		if counted == 0 && value[bool](t, n.DB, `SELECT tx > (SELECT max(tx) FROM event) FROM stat_cursor`) {
			break
		}
	}
	got, _ = works(t, c)
	wantWorks(t, "counted", got, nil)
}
