package postgres

import (
	"testing"
	"time"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/tasks"
)

// die claims batch 1 with a new session, lists so many of its recipients, and lets the session's process die.
func die(t *testing.T, db *DB, gen int, listed int64) *delivery.Takeover {
	t.Helper()
	ctx := t.Context()
	session := openSession(t, db)
	b, err := db.Claim(ctx, session, 1, gen, 1)
	if err != nil || b == nil {
		t.Fatalf("claim: %v, %v", b, err)
	}
	if listed > 0 {
		owed, err := db.Owed(ctx, b)
		if err != nil {
			t.Fatal(err)
		}
		window := delivery.Window{Batch: 1, After: b.Lo, Through: owed[listed-1].ID}
		if err := db.Flush(ctx, delivery.Flush{Session: session, Number: 1, Lease: time.Minute, InFlight: []delivery.Window{window}}); err != nil {
			t.Fatal(err)
		}
	}
	exec(t, db, `UPDATE sender_session SET until = clock_timestamp() - interval '1 s' WHERE ended_at IS NULL`)
	took, err := db.TakeOver(ctx)
	if err != nil || took == nil {
		t.Fatalf("takeover: %v, %v", took, err)
	}
	return took
}

func TestBatchThatKillsWorkersIsPutAside(t *testing.T) {
	t.Parallel()
	db := open(t)
	waitForServerAge(t, db)
	id := sending(t, db, 100)
	for gen := range delivery.MaxCrashes - 1 {
		if took := die(t, db, gen+1, 0); took.Batches != 1 || took.Quarantined != 0 {
			t.Fatalf("death %d: %+v", gen+1, took)
		}
	}
	if took := die(t, db, delivery.MaxCrashes, 0); took.Batches != 0 || took.Quarantined != 100 {
		t.Fatalf("the last death: %+v", took)
	}
	var rows, letters, failed int
	scan(t, db, `SELECT count(*) FROM delivery WHERE state = 6 AND reason = 12`, &rows)
	scan(t, db, `SELECT count(*) FROM dead_letter WHERE error_code = 'quarantined' AND fingerprint <> ''`, &letters)
	scan(t, db, `SELECT n_failed FROM batch WHERE state = 'done' AND session_id IS NULL`, &failed)
	if rows != 100 || letters != 100 || failed != 100 {
		t.Errorf("%d failed, %d dead letters, %d counted", rows, letters, failed)
	}
	if err := db.Advance(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	var state string
	scan(t, db, `SELECT state FROM publication`, &state)
	if state != "completed_with_failures" {
		t.Errorf("the publication is %s", state)
	}
}

// TestBatchThatGotSomewhereIsNotSuspected however often its worker dies: a recipient who kills does so once.
func TestBatchThatGotSomewhereIsNotSuspected(t *testing.T) {
	t.Parallel()
	db := open(t)
	waitForServerAge(t, db)
	sending(t, db, 100)
	for gen := range 2 * delivery.MaxCrashes {
		listed := int64(gen % delivery.MaxCrashes) // every third time it gets nowhere
		if took := die(t, db, gen+1, listed); took.Batches != 1 || took.Quarantined != 0 || took.Uncertain != int(listed) {
			t.Fatalf("death %d: %+v", gen+1, took)
		}
	}
	var crashes int
	scan(t, db, `SELECT crashes FROM batch`, &crashes)
	if crashes != 0 {
		t.Errorf("%d crashes are counted", crashes)
	}
}

func TestWorkThatKillsWorkersIsPaused(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()
	rendered := queued(t, db, publication.Audience{All: true})
	expanded := queued(t, db, publication.Audience{All: true})
	if _, err := db.StartRender(ctx, expanded); err != nil {
		t.Fatal(err)
	}
	ranges, _, err := db.StartFanout(ctx, publication.Fanout{Publication: expanded, Lane: 1, Ranges: 2})
	if err != nil {
		t.Fatal(err)
	}
	died := func() []delivery.Overdue {
		render := tasks.NewRender(rendered, value[int](t, db, `SELECT gen FROM publication WHERE id = $1`, rendered))
		expand := tasks.NewPersonalize(ranges[0], value[int](t, db, `SELECT gen FROM fanout_range WHERE id = $1`, ranges[0]))
		return []delivery.Overdue{
			{ID: rendered, Task: tasks.Task{Kind: tasks.KindRender, ID: render.ID()}},
			{ID: ranges[0], Task: tasks.Task{Kind: tasks.KindPersonalize, ID: expand.ID()}},
			{ID: 1, Task: tasks.Task{Kind: tasks.KindSendEmail, ID: "b:1:1"}}, // a batch is its session's affair
		}
	}
	for i := range delivery.MaxCrashes {
		seen := died()
		paused, err := db.NoteCrashes(ctx, seen)
		if want := 2 * (i / (delivery.MaxCrashes - 1)); err != nil || paused != want {
			t.Fatalf("death %d: %d paused, %v; want %d", i+1, paused, err, want)
		}
		// Another scheduler saw the same death: it counts once.
		if paused, err := db.NoteCrashes(ctx, seen); err != nil || paused != 0 {
			t.Fatalf("death %d, once more: %d paused, %v", i+1, paused, err)
		}
	}
	if err := db.AdvanceOpen(ctx); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[int64]string{rendered: "Paused: rendering it has killed 3 workers.", expanded: "Paused: expanding its audience has killed 3 workers."} {
		var uid ident.UID
		var state, failure string
		if err := db.pool.QueryRow(ctx, `SELECT uid, state, failure FROM publication WHERE id = $1`, id).Scan(&uid, &state, &failure); err != nil {
			t.Fatal(err)
		}
		if state != "paused" || failure != want {
			t.Errorf("%s, %q", state, failure)
		}
		resumed, err := db.ResumePublication(ctx, uid, func(int) error { return nil })
		if err != nil || resumed.State == publication.Paused || resumed.Failure != "" {
			t.Errorf("resumed: %s, %q, %v", resumed.State, resumed.Failure, err)
		}
	}
	if paused, err := db.NoteCrashes(ctx, died()); err != nil || paused != 0 {
		t.Errorf("the count did not begin anew: %d paused, %v", paused, err)
	}
}
