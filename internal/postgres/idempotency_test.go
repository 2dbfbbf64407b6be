package postgres

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/bulk"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

// TestKeysUnderWay: who comes with the key of a request that does not end is told so in a bounded time, is answered by what that
// one stored once it ended, and keeps nobody else waiting who comes with another key.
func TestKeysUnderWay(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ctx := audit.WithActor(t.Context(), "a")
	s := n.submission(t, nil)
	a := n.acceptor(t, nil)
	clone := keyed(s, "k", 1)
	clone.Origin = ident.New()
	many := bulk.Call{Mode: bulk.PerItem, Route: "POST /test", Key: "k", Answer: func([]bulk.Outcome) (string, error) { return "done", nil }}
	routes := map[string]func() error{
		acceptRoute: func() error {
			_, err := a.Accept(ctx, keyed(s, "k", 1))
			return err
		},
		cloneRoute: func() error {
			_, err := n.StorePublication(ctx, clone)
			return err
		},
		many.Route: func() error {
			_, err := n.bulk(ctx, "do nothing", many, func(pgx.Tx) ([]bulk.Outcome, error) { return nil, nil })
			return err
		},
	}
	tx, err := n.pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(ctx) //nolint:errcheck // it is over, unless the test is
	for route := range routes {
		digest := keyed(s, "k", 1).Digest
		if route == many.Route {
			digest = many.Digest
		}
		if err := claimKey(ctx, tx, route, "k", digest[:], 0); err != nil {
			t.Fatal(err)
		}
	}
	for route, ask := range routes {
		if err := ask(); !fault.Is(err, fault.Conflict) || fault.CodeOf(err) != "idempotency_in_flight" {
			t.Errorf("%s: %v", route, err)
		}
	}
	var group []*acceptance
	for i := range 12 { // which would wait for 24 seconds, did each wait
		key := fmt.Sprint("k", i)
		if err := claimKey(ctx, tx, acceptRoute, key, many.Digest[:], 0); err != nil {
			t.Fatal(err)
		}
		group = append(group, &acceptance{Submission: keyed(s, key, 1), uid: ident.New(), actor: "a"})
	}
	group = append(group, &acceptance{Submission: keyed(s, "other", 1), uid: ident.New(), actor: "a"})
	within, cancel := context.WithTimeout(ctx, acceptTimeout)
	defer cancel()
	got := n.accept(within, group)
	if other := got[12]; other.err != nil || other.accepted.Replay {
		t.Errorf("of a group, another one's: %+v", other)
	}
	for i, one := range got[:12] {
		if fault.CodeOf(one.err) != "idempotency_in_flight" {
			t.Errorf("of a group, %d: %+v", i, one)
		}
	}
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	for route, ask := range routes {
		err := ask()
		if gone := fault.CodeOf(err) == "deleted"; gone == (route == many.Route) || !gone && err != nil { // there are no publications 0
			t.Errorf("%s, afterwards: %v", route, err)
		}
	}
	if publications := value[int](t, n.DB, `SELECT count(*)::int FROM publication`); publications != 1 {
		t.Errorf("%d publications", publications)
	}
	// The wait is that of the claim alone.
	err = n.tx(ctx, "look", func(tx pgx.Tx) error {
		if err := claimKey(ctx, tx, "route", "new", many.Digest[:], 0); err != nil {
			return err
		}
		var wait string
		if err := tx.QueryRow(ctx, `SHOW lock_timeout`).Scan(&wait); err != nil || wait != "0" {
			t.Errorf("lock_timeout is %s, %v", wait, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if wait := value[string](t, n.DB, `SELECT current_setting('lock_timeout')`); wait != "0" {
		t.Errorf("lock_timeout of the connection is %s", wait)
	}
}

// TestOtherLocksAreNoKeys: who waits for something else than a key goes on waiting, and is not told that a request is under way.
func TestOtherLocksAreNoKeys(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	s := n.submission(t, nil)
	tx, err := n.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.WithoutCancel(t.Context()))                                     //nolint:errcheck // it is over, unless the test is
	if _, err := tx.Exec(t.Context(), `SELECT FROM sender_identity FOR UPDATE`); err != nil { // as who deletes it
		t.Fatal(err)
	}
	group := []*acceptance{{Submission: keyed(s, "k", 1), uid: ident.New(), actor: "a"}, {Submission: keyed(s, "l", 1), uid: ident.New(), actor: "a"}}
	done := make(chan []answer, 1)
	go func() { done <- n.accept(t.Context(), group) }()
	waitForLock(t, n.DB)
	first := value[time.Time](t, n.DB, `SELECT max(xact_start) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)
	for until := time.Now().Add(time.Minute); ; { // until it tries once more
		again := value[int](t, n.DB, `SELECT count(*)::int FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock' AND xact_start > $1`, first)
		if again > 0 {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("it does not wait again: %+v", <-done)
		}
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, a := range <-done {
		if a.err != nil || a.accepted.Replay {
			t.Errorf("%+v", a)
		}
	}
}
