package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/ident"
)

// older makes everybody on the list uncertain for so much longer.
func older(t *testing.T, db *DB, by time.Duration) {
	t.Helper()
	exec(t, db, `UPDATE uncertain SET since = since - $1::interval, due = due - $1::interval`, by)
}

func outlet(t *testing.T, db *DB, kind, provider, settings string) {
	t.Helper()
	exec(t, db, `INSERT INTO channel (uid, kind, provider, name, settings) VALUES ($1, $2, $3, $4, $5)`,
		ident.New(), kind, provider, provider, settings)
}

func resend(t *testing.T, db *DB) int {
	t.Helper()
	n, more, err := db.ResendUncertain(t.Context())
	if err != nil || more {
		t.Fatalf("%t, %v", more, err)
	}
	return n
}

func TestPolicyHolds(t *testing.T) {
	t.Parallel()
	db := open(t)
	failing(t, db, 100)
	outlet(t, db, "email", "smtp", `{}`)
	if n := resend(t, db); n != 0 {
		t.Errorf("%d resent at once", n)
	}
	older(t, db, time.Hour)
	if n := resend(t, db); n != 0 {
		t.Errorf("%d resent against the policy", n)
	}
	// It was asked, and is not asked again; people still see and decide.
	if n := value[int](t, db, `SELECT count(*)::int FROM uncertain WHERE due IS NULL`); n != 1 {
		t.Errorf("%d are held", n)
	}
	list, err := db.Uncertain(t.Context(), delivery.UncertainFilter{}, 0, 10)
	if err != nil || len(list) != 1 || list[0].Due != nil || list[0].Reason != delivery.NoAnswer || list[0].Recipient.IsZero() {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestPolicyResendsOnce(t *testing.T) {
	t.Parallel()
	db := open(t)
	id := failing(t, db, 100)
	outlet(t, db, "email", "smtp", `{"on_uncertain": "resend"}`)
	older(t, db, 50*time.Second)
	if n := resend(t, db); n != 0 {
		t.Errorf("%d resent while evidence may come", n)
	}
	older(t, db, 6*time.Second)
	if n := resend(t, db); n != 1 {
		t.Errorf("%d resent", n)
	}
	if n := resend(t, db); n != 0 {
		t.Errorf("%d resent twice", n)
	}
	wantStates(t, db, map[int64]delivery.State{3: delivery.Pending})
	b, err := db.Claim(t.Context(), openSession(t, db), 1, 2, 1)
	if err != nil || b == nil {
		t.Fatalf("claim: %v, %v", b, err)
	}
	if err := db.Flush(t.Context(), delivery.Flush{Session: b.Session, Number: 1, Lease: time.Minute, Outcomes: []delivery.Outcome{
		{Publication: id, Channel: 1, Recipient: 3, State: delivery.Uncertain, Attempt: 1, Reason: delivery.NoAnswer}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Release(t.Context(), b, 0); err != nil {
		t.Fatal(err)
	}
	older(t, db, time.Hour)
	if n := resend(t, db); n != 0 {
		t.Errorf("%d resent a second time", n)
	}
	list, err := db.Uncertain(t.Context(), delivery.UncertainFilter{Channel: 1, Reason: delivery.NoAnswer}, 0, 10)
	if err != nil || len(list) != 1 || list[0].Resends != 1 {
		t.Errorf("%+v, %v", list, err)
	}
}

// Who is with a worker is asked about later, who was settled by evidence not at all.
func TestPolicyWaitsForWorkers(t *testing.T) {
	t.Parallel()
	db := open(t)
	failing(t, db, 200)
	outlet(t, db, "email", "smtp", `{"on_uncertain": "resend"}`)
	older(t, db, time.Minute)
	exec(t, db, `UPDATE batch SET state = 'claimed', session_id = 1 WHERE id = 1`)
	exec(t, db, `UPDATE delivery SET state = 3 WHERE recipient_id = 103`)
	if n := resend(t, db); n != 0 {
		t.Errorf("%d resent", n)
	}
	if n := value[int](t, db, `SELECT count(*)::int FROM uncertain WHERE due > clock_timestamp()`); n != 1 {
		t.Errorf("%d are put off", n)
	}
	if n := value[int](t, db, `SELECT count(*)::int FROM uncertain`); n != 1 {
		t.Errorf("%d are on the list", n)
	}
	exec(t, db, `UPDATE uncertain SET due = NULL`)
	exec(t, db, `UPDATE delivery SET state = 3 WHERE state = 7`)
	if err := db.SweepReopened(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := value[int](t, db, `SELECT count(*)::int FROM uncertain`); n != 0 {
		t.Errorf("%d are on the list after the sweep", n)
	}
}

func TestDecideUncertain(t *testing.T) {
	t.Parallel()
	db := open(t)
	id := failing(t, db, 400)
	ctx := t.Context()
	uid := value[ident.UID](t, db, `SELECT uid FROM publication WHERE id = $1`, id)
	all := delivery.UncertainFilter{Publication: uid}
	counts, err := db.CountUncertain(ctx, all, 10)
	if err != nil || len(counts) != 1 || counts[0].Count != 4 || counts[0].Publication != uid {
		t.Fatalf("%+v, %v", counts, err)
	}
	list, err := db.Uncertain(ctx, all, 0, 10)
	if err != nil || len(list) != 4 {
		t.Fatalf("%+v, %v", list, err)
	}
	decide := func(f delivery.UncertainFilter, d delivery.Decision, want delivery.Fates) {
		t.Helper()
		got, _, more, err := db.DecideUncertain(ctx, f, d, 0)
		if err != nil || more || got != want {
			t.Errorf("%s: %+v, %t, %v, want %+v", d, got, more, err, want)
		}
	}
	decide(delivery.UncertainFilter{Publication: ident.New()}, delivery.DecideSent, delivery.Fates{})
	decide(delivery.UncertainFilter{IDs: []int64{list[0].ID}}, delivery.DecideSent, delivery.Fates{Changed: 1})
	decide(delivery.UncertainFilter{IDs: []int64{list[1].ID}}, delivery.DecideFailed, delivery.Fates{Changed: 1})
	decide(all, delivery.DecideResend, delivery.Fates{TooSoon: 2})
	older(t, db, time.Minute)
	exec(t, db, `UPDATE batch SET state = 'claimed', session_id = 1 WHERE id = 4`)
	decide(all, delivery.DecideResend, delivery.Fates{Changed: 1, Busy: 1})
	wantStates(t, db, map[int64]delivery.State{3: delivery.Sent, 103: delivery.Failed, 203: delivery.Pending, 303: delivery.Uncertain})
	progress, err := db.PublicationProgress(ctx, uid)
	if err != nil || progress.State != "sending" {
		t.Errorf("%+v, %v", progress, err)
	}
	// What was settled as failed can be replayed.
	letters, err := db.DeadLetters(ctx, delivery.DeadFilter{Code: "settled_by_hand"}, 0, 10)
	if err != nil || len(letters) != 1 || letters[0].Kind != "uncertain" {
		t.Errorf("%+v, %v", letters, err)
	}
	if n := value[int](t, db, `SELECT count(*)::int FROM audit_event WHERE action = 'delivery.decide'`); n != 3 {
		t.Errorf("%d decisions are in the audit log", n)
	}
	if n := value[int](t, db, `SELECT sum(n_uncertain)::int FROM batch`); n != 1 {
		t.Errorf("%d are counted as uncertain", n)
	}
}

// TestPolicyTrustsNoForgottenNonce: a message may have been sent long before its recipient became uncertain, and the second
// may go by a channel that knows nothing of the first.
func TestPolicyTrustsNoForgottenNonce(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		before string
		want   int
	}{
		"another place stands in for this one": {`UPDATE channel SET settings = '{"fallback": "other"}'`, 0},
		"sent just now":                        {`SELECT 1`, 1},
		"its sender was taken over late":       {`UPDATE sender_session SET until = clock_timestamp() - interval '5 minutes', ended_at = clock_timestamp()`, 0},
		"sent to again, and uncertain again": {`INSERT INTO reopening (publication_id, channel_id, recipient_id, was, reason, attempts, by, at)
			SELECT publication_id, channel_id, recipient_id, 7, 7, 1, 'key:test', clock_timestamp() - interval '1 hour' FROM uncertain`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t)
			failing(t, db, 100)
			outlet(t, db, "discord", "discord", `{}`)
			// The recipient is the place that was just made.
			exec(t, db, `UPDATE batch SET channel_id = 4, lo = 0, hi = 1`)
			exec(t, db, `DELETE FROM delivery WHERE recipient_id = 1`)
			exec(t, db, `UPDATE delivery SET channel_id = 4, recipient_id = 1 WHERE state = 7`)
			exec(t, db, `UPDATE uncertain SET channel_id = 4, recipient_id = 1`)
			exec(t, db, tc.before)
			older(t, db, time.Minute)
			if n := resend(t, db); n != tc.want {
				t.Errorf("%d resent, want %d", n, tc.want)
			}
		})
	}
}

// TestDecisionsSurviveADeadlock: what is run again begins where it began.
func TestDecisionsSurviveADeadlock(t *testing.T) {
	t.Parallel()
	db := open(t)
	failing(t, db, 100)
	ctx := t.Context()
	other, err := db.pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Rollback(context.WithoutCancel(ctx)) }()
	if _, err := other.Exec(ctx, `SELECT FROM batch FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	decided := make(chan delivery.Fates, 1)
	go func() {
		fates, _, _, err := db.DecideUncertain(context.WithoutCancel(ctx), delivery.UncertainFilter{}, delivery.DecideSent, 0)
		if err != nil {
			t.Error(err)
		}
		decided <- fates
	}()
	waitForLock(t, db)
	// One of the two waits in vain: the decision, since it began to wait first.
	if _, err := other.Exec(ctx, `SELECT FROM uncertain FOR UPDATE`); err != nil {
		t.Log(err)
	}
	if err := other.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	if fates := <-decided; fates != (delivery.Fates{Changed: 1}) {
		t.Errorf("%+v", fates)
	}
	wantStates(t, db, map[int64]delivery.State{3: delivery.Sent})
}

// TestSweepSparesWhoIsUncertainAgain: somebody who was settled becomes uncertain just while the list is swept.
func TestSweepSparesWhoIsUncertainAgain(t *testing.T) {
	t.Parallel()
	db := open(t)
	id := failing(t, db, 100)
	exec(t, db, `UPDATE uncertain SET due = NULL`)
	exec(t, db, `UPDATE delivery SET state = 0 WHERE recipient_id = 3`)
	ctx := t.Context()
	flush, err := db.pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = flush.Rollback(context.WithoutCancel(ctx)) }()
	if _, err := flush.Exec(ctx, `UPDATE delivery SET state = 7 WHERE recipient_id = 3`); err != nil {
		t.Fatal(err)
	}
	if err := noteUncertain(ctx, flush, []delivery.Key{key(id, 3)}); err != nil {
		t.Fatal(err)
	}
	swept := make(chan error, 1)
	go func() { swept <- db.SweepReopened(context.WithoutCancel(ctx)) }()
	waitForLock(t, db)
	if err := flush.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-swept; err != nil {
		t.Fatal(err)
	}
	if n := value[int](t, db, `SELECT count(*)::int FROM uncertain`); n != 1 {
		t.Errorf("%d are on the list", n)
	}
}
