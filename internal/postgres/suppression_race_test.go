package postgres

import (
	"context"
	"runtime"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/feedback"
	"github.com/presswork/presswork/internal/subscriber"
	"github.com/presswork/presswork/internal/suppression"
)

// begin is a transaction that the test holds open.
func begin(t *testing.T, db *DB) pgx.Tx {
	t.Helper()
	tx, err := db.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }) // done already, if all went well
	return tx
}

// listing is one that has put an address on the list.
func listing(t *testing.T, db *DB, address string) pgx.Tx {
	t.Helper()
	tx := begin(t, db)
	if err := beginListing(t.Context(), tx, address); err != nil {
		t.Fatal(err)
	}
	entry := suppression.Entry{Reason: suppression.Manual, Source: suppression.SourceAPI}
	if added, err := db.suppress(t.Context(), tx, address, 0, &entry); err != nil || !added {
		t.Fatalf("%v, %v", added, err)
	}
	return tx
}

// whileWaiting does something until it waits for tx, which commits then.
func whileWaiting(t *testing.T, db *DB, tx pgx.Tx, do func(context.Context) error) {
	t.Helper()
	ctx, done := context.WithoutCancel(t.Context()), make(chan error, 1)
	go func() { done <- do(ctx) }()
	waitForLock(t, db)
	commit(t, tx)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func commit(t *testing.T, tx pgx.Tx) {
	t.Helper()
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func wantSuppressed(t *testing.T, db *DB, want ...string) {
	t.Helper()
	sameStrings(t, value[[]string](t, db, `SELECT coalesce(array_agg(s.email ORDER BY s.email), '{}')
		FROM subscriber s JOIN suppression u ON u.id = s.suppression_id`), want...)
}

func named(email string) subscriber.Subscriber {
	return subscriber.Subscriber{Email: email, Language: "en", Timezone: "UTC", Status: subscriber.Active, Attributes: map[string]any{}}
}

// TestListedWhileStored: the address is listed, and not committed yet, when its subscriber is stored.
func TestListedWhileStored(t *testing.T) {
	t.Parallel()
	const email = "anna@example.org"
	for name, store := range map[string]func(*DB) func(context.Context) error{
		"created": func(db *DB) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := db.CreateSubscriber(ctx, named(email))
				return err
			}
		},
		"imported": func(db *DB) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := db.ImportSubscribers(ctx, []subscriber.Subscriber{named(email), named("bert@example.org")}, subscriber.Skip, false)
				return err
			}
		},
		"changed": func(db *DB) func(context.Context) error {
			before, err := db.CreateSubscriber(t.Context(), named("anne@example.org"))
			return func(ctx context.Context) error {
				if err != nil {
					return err
				}
				_, err := db.UpdateSubscriber(ctx, before.UID, func(s subscriber.Subscriber) (subscriber.Change, error) {
					s.Email = email
					return subscriber.Change{After: s, Fields: []string{"email"}}, nil
				})
				return err
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := openHashing(t)
			do := store(db)
			whileWaiting(t, db, listing(t, db, email), do)
			wantSuppressed(t, db, email)
		})
	}
}

// TestStoredWhileListed: the subscriber is stored, and not committed yet, when the address is listed.
func TestStoredWhileListed(t *testing.T) {
	t.Parallel()
	for name, list := range map[string]func(*testing.T, *DB, context.Context) error{
		"by hand": func(_ *testing.T, db *DB, ctx context.Context) error {
			_, _, err := db.Suppress(ctx, "reader9@example.org", byHand())
			return err
		},
		"by a bounce": func(t *testing.T, db *DB, ctx context.Context) error {
			list := events(t, db, feedback.Bounced, 1)
			list[0].Suppress = []string{"reader9@example.org"}
			_, err := db.ApplyFeedback(ctx, list)
			return err
		},
		"by an erasure": func(_ *testing.T, db *DB, ctx context.Context) error {
			_, err := db.EraseAddress(ctx, "reader9@example.org")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := openHashing(t)
			sentTo(t, db, 8, 8)
			tx := begin(t, db)
			insertReader(t, tx, "reader9@example.org")
			if err := db.honourSuppressions(t.Context(), tx, "reader9@example.org"); err != nil {
				t.Fatal(err)
			}
			whileWaiting(t, db, tx, func(ctx context.Context) error { return list(t, db, ctx) })
			wantSuppressed(t, db, "reader9@example.org")
		})
	}
}

// insertReader is a line of an import.
func insertReader(t *testing.T, tx pgx.Tx, email string) {
	t.Helper()
	run := subscriber.Run{On: subscriber.Update}
	if err := importLines(t.Context(), tx, &run, []subscriber.Subscriber{named(email)}, nil); err != nil {
		t.Fatal(err)
	}
}

// TestNobodyWaitsForAnImport but at its end: what is listed meanwhile, it finds then.
func TestNobodyWaitsForAnImport(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	ctx := t.Context()
	if _, err := db.CreateSubscriber(ctx, named("old@example.org")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := db.Suppress(ctx, "before@example.org", byHand()); err != nil {
		t.Fatal(err)
	}
	emails := []string{"before@example.org", "during@example.org", "end@example.org", "never@example.org", "old@example.org"}
	last, err := db.lastSuppression(ctx)
	if err != nil {
		t.Fatal(err)
	}
	tx := begin(t, db)
	for _, email := range emails {
		insertReader(t, tx, email)
	}
	if err := db.pointAll(ctx, tx, emails); err != nil {
		t.Fatal(err)
	}
	if _, _, err := db.Suppress(ctx, "during@example.org", byHand()); err != nil { // does not wait
		t.Fatal(err)
	}
	// Whoever lists the address of a subscriber whom the import changes waits, and the end of the import not for them.
	done := make(chan error, 1)
	go func() {
		_, _, err := db.Suppress(context.WithoutCancel(ctx), "old@example.org", byHand())
		done <- err
	}()
	waitForLock(t, db)
	ended, stop := make(chan error, 1), listing(t, db, "end@example.org")
	go func() { ended <- db.honourLater(context.WithoutCancel(ctx), tx, last, emails) }()
	for len(ended) == 0 && !value[bool](t, db, `SELECT EXISTS (SELECT FROM pg_stat_activity
		WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event = 'advisory')`) {
		runtime.Gosched()
	}
	commit(t, stop)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	commit(t, tx)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	wantSuppressed(t, db, "before@example.org", "during@example.org", "end@example.org", "old@example.org")
	if n := value[int](t, db, `SELECT count(*)::int FROM subscriber`); n != len(emails) {
		t.Errorf("%d subscribers", n)
	}
}

// TestPartsAreTakenInOrder, each once, so that nobody waits in a circle.
func TestPartsAreTakenInOrder(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range 1000 {
		many = append(many, string(rune('a'+i%26))+string(rune('a'+i/26%26))+"@example.org")
	}
	parts := partsOf(many)
	if len(parts) != addressParts {
		t.Errorf("%d parts are used", len(parts))
	}
	for i, part := range everyPart() {
		if i < len(parts) && parts[i] != part {
			t.Fatalf("%v", parts)
		}
	}
}
