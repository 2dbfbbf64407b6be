package postgres

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/subscriber"
	"github.com/presswork/presswork/internal/suppression"
)

func wantImported(t *testing.T, db *DB, lines []suppression.Line, dryRun bool, wantCreated, wantSkipped int) {
	t.Helper()
	created, skipped, err := db.ImportSuppressions(t.Context(), lines, dryRun)
	if err != nil || created != wantCreated || skipped != wantSkipped {
		t.Errorf("%d created, %d skipped, %v; want %d and %d", created, skipped, err, wantCreated, wantSkipped)
	}
}

// TestImportSuppressions: what is imported is honoured for who is a subscriber, and for who becomes one.
func TestImportSuppressions(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	ctx := t.Context()
	for _, email := range []string{"anna@example.org", "bert@example.org", "carl@example.org"} {
		if _, err := db.CreateSubscriber(ctx, named(email)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := db.Suppress(ctx, "carl@example.org", byHand()); err != nil {
		t.Fatal(err)
	}
	since := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	lines := []suppression.Line{
		{Address: "anna@example.org", Reason: suppression.Bounce, At: since},
		{Hash: db.addresses.Hashes("bert@example.org")[0], Reason: suppression.Complaint, Note: "from an export"},
		{Address: "carl@example.org", Reason: suppression.Bounce},
		{Address: "dora@example.org", Reason: suppression.Manual},
		{Hash: bytes.Repeat([]byte{7}, 32), Reason: suppression.Manual},
	}
	wantImported(t, db, lines, true, 4, 1)
	wantSuppressed(t, db, "carl@example.org")
	wantImported(t, db, lines, false, 4, 1)
	wantImported(t, db, lines, false, 0, 5)
	wantSuppressed(t, db, "anna@example.org", "bert@example.org", "carl@example.org")
	if _, err := db.CreateSubscriber(ctx, named("dora@example.org")); err != nil {
		t.Fatal(err)
	}
	wantSuppressed(t, db, "anna@example.org", "bert@example.org", "carl@example.org", "dora@example.org")
	sameStrings(t, value[[]string](t, db, `SELECT array_agg(email ORDER BY email) FROM subscriber WHERE revoked_at IS NOT NULL`),
		"bert@example.org", "carl@example.org") // in hand, a batch looks again at who withdrew

	list, err := db.ExportSuppressions(ctx, 0, 10)
	if err != nil || len(list) != 5 {
		t.Fatalf("%d entries, %v", len(list), err)
	}
	var got []string
	for _, l := range list {
		got = append(got, fmt.Sprint(l.Address, " ", l.Reason, " ", l.Source, " ", l.Note))
	}
	slices.Sort(got)
	sameStrings(t, got, " manual import ", "anna@example.org bounce import ", "bert@example.org complaint import from an export",
		"carl@example.org manual api ", "dora@example.org manual import ")
	if at := value[time.Time](t, db, `SELECT created_at FROM suppression WHERE reason = 1`); !at.Equal(since) {
		t.Errorf("listed since %s", at)
	}
	if n := value[int](t, db, `SELECT count(*)::int FROM audit_event WHERE action = 'suppression.import'`); n != 2 {
		t.Errorf("%d imports in the audit log", n)
	}
	if _, _, err := open(t).ImportSuppressions(ctx, lines, false); err == nil {
		t.Error("imported without a key")
	}
}

// TestImportUnderAnotherKey knows who was listed under the one before.
func TestImportUnderAnotherKey(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	lines := []suppression.Line{{Address: "anna@example.org", Reason: suppression.Bounce}, {Address: "bert@example.org", Reason: suppression.Bounce}}
	wantImported(t, db, lines[:1], false, 1, 0)
	var err error
	db.addresses, err = suppression.NewHasher([]byte("fedcba9876543210fedcba9876543210"), []byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	wantImported(t, db, lines, false, 1, 1)
}

// TestImportedWhileStored: an import of the list and somebody who stores a subscriber exclude each other.
func TestImportedWhileStored(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]suppression.Line{
		"an address": {Address: "anna@example.org", Reason: suppression.Manual},
		"a hash":     {Reason: suppression.Manual},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := openHashing(t)
			if line.Address == "" {
				line.Hash = db.addresses.Hashes("anna@example.org")[0]
			}
			tx := begin(t, db)
			s := named("anna@example.org")
			if err := createSubscriber(t.Context(), tx, &s); err != nil {
				t.Fatal(err)
			}
			if err := db.honourSuppressions(t.Context(), tx, s.Email); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() {
				_, _, err := db.ImportSuppressions(t.Context(), []suppression.Line{line}, false)
				done <- err
			}()
			waitForLock(t, db)
			commit(t, tx)
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			wantSuppressed(t, db, "anna@example.org")
		})
	}
}

// TestImportManySuppressions takes more than one chunk, beside many subscribers.
func TestImportManySuppressions(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	const n = 2*importChunk + 3
	var lines []suppression.Line
	var readers []subscriber.Subscriber
	for i := range n {
		address := fmt.Sprintf("reader%d@example.org", i)
		readers = append(readers, named(address))
		line := suppression.Line{Address: address, Reason: suppression.Bounce}
		if i%2 == 0 {
			line = suppression.Line{Hash: db.addresses.Hashes(address)[0], Reason: suppression.Bounce}
		}
		lines = append(lines, line)
	}
	if _, err := db.ImportSubscribers(t.Context(), readers, subscriber.Skip, false); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	wantImported(t, db, lines, false, n, 0)
	t.Logf("%d lines in %s", n, time.Since(began))
	if got := value[int](t, db, `SELECT count(*)::int FROM subscriber s JOIN suppression u ON u.id = s.suppression_id`); got != n {
		t.Errorf("%d of %d are suppressed", got, n)
	}
}
