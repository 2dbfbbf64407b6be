package postgres

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/feedback"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/webhook"
)

// TestAnyWayToSend: whatever happens to the sending of a publication, in whatever order, what is told is what the ledger went
// through. The witness compares at the end.
func TestAnyWayToSend(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	rapid.Check(t, func(rt *rapid.T) {
		id, uid := s.mail(nil)
		fanOut(t, s.DB, id, 1)
		first := value[int64](t, s.DB, `SELECT min(recipient_id) FROM delivery WHERE publication_id = $1`, id)
		var dead int64 // the session that died last
		var late []delivery.Outcome
		state := func(_ publication.Summary, err error) error {
			if fault.Is(err, fault.Conflict) {
				return nil // it is not in a state for that
			}
			return err
		}
		ctx := t.Context()
		ways := []func() error{
			func() error {
				answers := rapid.SliceOfN(rapid.SampledFrom([]error{nil, nil, errRefused, errCut, fault.New(fault.Retry, "busy", "Later.")}), 0, 3).Draw(rt, "answers")
				return s.send(id, answers...)
			},
			func() error { return s.send(id) },
			func() (err error) {
				dead, late, err = s.cut(id, rapid.IntRange(0, 3).Draw(rt, "listed"))
				return err
			},
			func() error { return s.SettleLate(ctx, dead, late) },
			func() error {
				return s.report(uid, rapid.SampledFrom(feedback.Kinds()).Draw(rt, "kind"), first+int64(rapid.IntRange(0, 8).Draw(rt, "reader")))
			},
			func() error {
				return s.again(id, rapid.SampledFrom([]delivery.State{delivery.Failed, delivery.Uncertain}).Draw(rt, "was"))
			},
			func() error {
				as := rapid.SampledFrom([]delivery.Decision{delivery.DecideSent, delivery.DecideFailed}).Draw(rt, "as")
				_, _, _, err := s.DecideUncertain(ctx, delivery.UncertainFilter{Publication: uid}, as, 0)
				return err
			},
			func() error { return state(s.PausePublication(ctx, uid, anyVersion)) },
			func() error { return state(s.ResumePublication(ctx, uid, anyVersion)) },
			func() error { return state(s.CancelPublication(ctx, uid, anyVersion)) },
			func() error { return s.AdvanceOpen(ctx) },
		}
		for range rapid.IntRange(1, 7).Draw(rt, "steps") {
			if err := rapid.SampledFrom(ways).Draw(rt, "way")(); err != nil {
				rt.Fatal(err)
			}
		}
	})
}

// TestAGroupIsTold: of publications that are accepted together each that is stored is told of, and no repetition.
func TestAGroupIsTold(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	witness(t, n.DB)
	now, later := n.submission(t, nil), n.submission(t, inAnHour)
	one := func(s publication.Submission, key string) *acceptance {
		return &acceptance{Submission: keyed(s, key, 1), uid: ident.New(), actor: "ann"}
	}
	first := []*acceptance{one(now, "a"), one(later, "b")}
	second := []*acceptance{one(now, "a"), one(now, ""), one(later, "b"), one(later, ""), one(now, "c")}
	for _, group := range [][]*acceptance{first, second} {
		for _, a := range n.accept(t.Context(), group) {
			if a.err != nil {
				t.Error(a.err)
			}
		}
	}
	want := []string{"queued " + first[0].uid.String(), "scheduled " + first[1].uid.String(), "queued " + second[1].uid.String(),
		"scheduled " + second[3].uid.String(), "queued " + second[4].uid.String()}
	slices.Sort(want)
	sameStrings(t, value[[]string](t, n.DB, `SELECT array_agg(s ORDER BY s) FROM (
		SELECT (data ->> 'state') || ' ' || (data ->> 'publication') AS s FROM webhook_event WHERE data ? 'scheduled_at' = (data ->> 'state' = 'scheduled')) x`), want...)
}

// TestOnlyWhatAFlushWroteIsTold: not what was settled by others meanwhile, nor anything of a flush that is repeated or fenced.
func TestOnlyWhatAFlushWroteIsTold(t *testing.T) {
	t.Parallel()
	db := open(t)
	sending(t, db, 4)
	endpoint := everything(t, db)
	session, b := claim(t, db)
	exec(t, db, `UPDATE delivery SET state = 9 WHERE recipient_id = 2`)
	flush := delivery.Flush{Session: session, Number: 1, Lease: time.Minute, Outcomes: sent(b, 1, 2, 3)}
	for range 2 {
		if err := db.Flush(t.Context(), flush); err != nil && !errors.Is(err, delivery.ErrFenced) {
			t.Fatal(err)
		}
	}
	exec(t, db, `UPDATE sender_session SET ended_at = now()`)
	flush.Number, flush.Outcomes = 2, sent(b, 4)
	if err := db.Flush(t.Context(), flush); !errors.Is(err, delivery.ErrFenced) {
		t.Fatal(err)
	}
	got := value[[]int64](t, db, `SELECT array_agg(s.id ORDER BY s.id) FROM webhook_event e JOIN webhook_message m ON m.event = e.id AND m.endpoint = $1
		JOIN subscriber s ON s.uid::text = e.data ->> 'recipient' WHERE e.type = 'delivery.sent'`, endpoint)
	if !slices.Equal(got, []int64{1, 3}) {
		t.Errorf("told of %v", got)
	}
}

// TestRolledBackIsNotTold, and what is run again after a deadlock is told once.
func TestRolledBackIsNotTold(t *testing.T) {
	t.Parallel()
	db := open(t)
	everything(t, db)
	event := webhook.Event{Type: webhook.ChannelEnabled, Subject: "channels/x", Data: webhook.ChannelData{}}
	runs := 0
	if err := db.tx(t.Context(), "test", func(tx pgx.Tx) error {
		if err := db.announce(t.Context(), tx, event); err != nil {
			return err
		}
		if runs++; runs < 3 {
			return &pgconn.PgError{Code: "40P01"}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	err := db.tx(t.Context(), "test", func(tx pgx.Tx) error {
		return errors.Join(db.announce(t.Context(), tx, event), errors.New("no"))
	})
	if n := value[int](t, db, `SELECT count(*)::int FROM webhook_event`); err == nil || n != 1 {
		t.Errorf("%d events, %v", n, err)
	}
}

// TestNobodyListens: what no enabled endpoint takes is not stored, and not looked at, whatever the process believes.
func TestNobodyListens(t *testing.T) {
	t.Parallel()
	db := open(t)
	id := sending(t, db, 3)
	everything(t, db, "channel.*", string(webhook.DeliveryFailed))
	off := everything(t, db)
	exec(t, db, `UPDATE webhook_endpoint SET enabled = false WHERE id = $1`, off)
	session, b := claim(t, db)
	outcomes := sent(b, 1, 2, 3)
	outcomes[2].State, outcomes[2].Dead = delivery.Failed, &delivery.DeadLetter{Kind: "give_up", Code: "x\x00y"}
	if err := db.Flush(t.Context(), delivery.Flush{Session: session, Number: 1, Lease: time.Minute, Outcomes: outcomes}); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Release(t.Context(), b, 0); err != nil {
		t.Fatal(err)
	}
	if err := db.Advance(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if got := value[string](t, db, `SELECT string_agg(type || ' ' || (data ->> 'error_code'), ',') FROM webhook_event`); got != "delivery.failed xy" {
		t.Errorf("told of %s", got)
	}
	// A process that knows of an endpoint that is no more stores nothing for nobody.
	db.takers.known, db.takers.life = &takenTypes{at: time.Now(), types: map[webhook.Type]bool{webhook.ChannelEnabled: true}}, time.Hour
	exec(t, db, `DELETE FROM webhook_endpoint`)
	if err := db.tx(t.Context(), "test", func(tx pgx.Tx) error {
		return db.announce(t.Context(), tx, webhook.Event{Type: webhook.ChannelEnabled, Data: webhook.ChannelData{}})
	}); err != nil {
		t.Fatal(err)
	}
	if n := value[int](t, db, `SELECT count(*)::int FROM webhook_event`); n != 1 {
		t.Errorf("%d events", n)
	}
}

// TestTakersAsTheDatabase: a process and the database agree on who takes what.
func TestTakersAsTheDatabase(t *testing.T) {
	t.Parallel()
	db := open(t)
	names := append(webhook.Subscriptions(), string(webhook.Test), "publication", "*", "publication.*.*", ".*")
	rapid.Check(t, func(rt *rapid.T) {
		subscriptions := rapid.SliceOfN(rapid.SampledFrom(names), 0, 4).Draw(rt, "subscriptions")
		var wants []string
		if err := db.pool.QueryRow(t.Context(), `SELECT coalesce(array_agg(t ORDER BY n), '{}') FROM unnest($1::text[]) WITH ORDINALITY x (t, n) WHERE webhook_takes($2, t)`,
			names, append([]string{}, subscriptions...)).Scan(&wants); err != nil {
			rt.Fatal(err)
		}
		var gots []string
		for _, name := range names {
			if webhook.Type(name).Takes(subscriptions) {
				gots = append(gots, name)
			}
		}
		if !slices.Equal(gots, wants) {
			rt.Errorf("%q take %q, and by the database %q", subscriptions, gots, wants)
		}
	})
}

// TestTakersAreRemembered for their life, by nobody who waits for another, and not beyond a change by this process.
func TestTakersAreRemembered(t *testing.T) {
	t.Parallel()
	db := open(t)
	taken := func() bool {
		t.Helper()
		known, err := db.takers.now(t.Context(), db.pool)
		if err != nil {
			t.Fatal(err)
		}
		return known.any(webhook.DeliverySent)
	}
	db.takers.life = time.Hour
	before := taken()
	everything(t, db)
	db.takers.life = time.Hour
	after := taken()
	exec(t, db, `UPDATE webhook_endpoint SET enabled = false`)
	remembered := taken()
	db.takers.known.at = time.Now().Add(-90 * time.Minute)
	db.takers.reading = true // another one looks just now
	meanwhile := taken()
	db.takers.known.at = time.Now().Add(-3 * time.Hour)
	tooOld := taken()
	if got, want := []bool{before, after, remembered, meanwhile, tooOld}, []bool{false, true, true, true, false}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	db.takers.forget()
	if _, err := db.takers.now(gone, db.pool); err == nil {
		t.Error("knows without having looked")
	}
	if db.takers.reading || db.takers.known != nil {
		t.Error("a failure is remembered")
	}
}
