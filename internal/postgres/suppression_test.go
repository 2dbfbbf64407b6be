package postgres

import (
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
	"github.com/presswork/presswork/internal/suppression"
)

// byHand is an entry that an operator makes.
func byHand() suppression.Entry {
	return suppression.Entry{Reason: suppression.Manual, Source: suppression.SourceAPI}
}

func TestSuppressedAtSendTime(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	sending(t, db, 4)
	_, b := claim(t, db)
	entry, added, err := db.Suppress(t.Context(), "reader2@example.org", byHand())
	if err != nil || !added || entry.Reason != suppression.Manual || entry.UID.IsZero() {
		t.Fatalf("%+v, %v, %v", entry, added, err)
	}
	skips := func() (list []delivery.Reason) {
		t.Helper()
		owed, err := db.Owed(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range owed {
			list = append(list, r.Skip)
		}
		return list
	}
	if got := skips(); len(got) != 4 || got[1] != delivery.SuppressedManual || got[0] != 0 || !got[1].Suppressed() {
		t.Errorf("owed %v", got)
	}
	if c, err := db.Control(t.Context(), delivery.InHand{}); err != nil || len(c.Revoked) != 1 {
		t.Errorf("a batch in hand would not notice: %+v, %v", c, err)
	}
	if err := db.Unsuppress(t.Context(), entry.UID); err != nil {
		t.Fatal(err)
	}
	if got := skips(); got[1] != 0 {
		t.Errorf("owed %v after it was taken off the list", got)
	}
	if err := db.Unsuppress(t.Context(), entry.UID); !fault.Is(err, fault.NotFound) {
		t.Errorf("taken off twice: %v", err)
	}
}

// The list outlives the subscriber, and holds no address.
func TestSuppressionOutlivesTheSubscriber(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	ctx := t.Context()
	create := func(email string) (subscriber.Subscriber, error) {
		return db.CreateSubscriber(ctx, subscriber.Subscriber{Email: email, Language: "en", Timezone: "UTC", Status: subscriber.Active, Attributes: map[string]any{}})
	}
	suppressed := func() (n int) {
		t.Helper()
		scan(t, db, `SELECT count(*) FROM subscriber s JOIN suppression u ON u.id = s.suppression_id WHERE s.email LIKE '%@example.org'`, &n)
		return n
	}
	if _, _, err := db.Suppress(ctx, "anna@example.org", byHand()); err != nil { // before she subscribes
		t.Fatal(err)
	}
	if _, added, err := db.Suppress(ctx, "anna@example.org", byHand()); err != nil || added {
		t.Errorf("listed twice: %v, %v", added, err)
	}
	anna, err := create("anna@example.org")
	if err != nil || suppressed() != 1 {
		t.Fatalf("%v; %d suppressed", err, suppressed())
	}
	if err := db.DeleteSubscriber(ctx, anna.UID, func(subscriber.Subscriber) error { return nil }); err != nil {
		t.Fatal(err)
	}
	lines := []subscriber.Subscriber{{Email: "anna@example.org", Attributes: map[string]any{}}, {Email: "bert@example.org", Attributes: map[string]any{}}}
	for range 2 {
		if _, err := db.ImportSubscribers(ctx, lines, subscriber.Update, false); err != nil || suppressed() != 1 {
			t.Errorf("%v; %d suppressed after an import", err, suppressed())
		}
	}
	anna, err = scanSubscriber(db.pool.QueryRow(ctx, selectSubscriber+` WHERE s.email = 'anna@example.org'`))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.UpdateSubscriber(ctx, anna.UID, func(s subscriber.Subscriber) (subscriber.Change, error) {
		s.Email = "carl@example.org"
		return subscriber.Change{After: s, Fields: []string{"email"}}, nil
	})
	if err != nil || suppressed() != 0 {
		t.Errorf("%v; %d suppressed under another address", err, suppressed())
	}
	list, err := db.Suppressions(ctx, "anna@example.org", 0, 10)
	if err != nil || len(list) != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	if list, err = db.Suppressions(ctx, "bert@example.org", 0, 10); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	var text string
	scan(t, db, `SELECT string_agg(u::text, ' ') || (SELECT string_agg(changes::text, ' ') FROM audit_event) FROM suppression u`, &text)
	if strings.Contains(text, "@") {
		t.Errorf("an address is stored: %s", text)
	}
	if _, _, err := open(t).Suppress(ctx, "anna@example.org", byHand()); err == nil {
		t.Error("an address was listed without a key")
	}
}

// A key that was changed leaves the list in force.
func TestSuppressionsOutliveTheKey(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	if _, _, err := db.Suppress(t.Context(), "anna@example.org", byHand()); err != nil {
		t.Fatal(err)
	}
	var err error
	db.addresses, err = suppression.NewHasher([]byte("fedcba9876543210fedcba9876543210"), []byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	if _, added, err := db.Suppress(t.Context(), "anna@example.org", byHand()); err != nil || added {
		t.Errorf("listed anew: %v, %v", added, err)
	}
	list, err := db.Suppressions(t.Context(), "anna@example.org", 0, 10)
	if err != nil || len(list) != 1 {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestSuppressionsAreFound by their hash, however many there are, and however often it is asked.
func TestSuppressionsAreFound(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	exec(t, db, `INSERT INTO suppression (uid, hash, reason, source) SELECT gen_random_uuid(), sha256(int4send(n)), 1, 'import' FROM generate_series(1, 20000) n`)
	asOwner(t, db, `ANALYZE suppression`)
	hashes := db.addresses.Hashes("nobody@example.org")
	for name, c := range map[string]struct {
		sql  string
		args []any
	}{
		"an address": {suppressionsOf, []any{int64(0), 1, hashes}},
		"a page":     {suppressionsAfter, []any{int64(10_000), 10}},
	} {
		if n := blocksOf(t, db, c.sql, c.args); n > 20 {
			t.Errorf("%s takes %d blocks", name, n)
		}
	}
}

// TestComplaintsCountMoreThanBounces: who complains after their mailbox failed has withdrawn, for the list, the record and what waits
// to be confirmed; and a mailbox that fails takes nothing of that back.
func TestComplaintsCountMoreThanBounces(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	sentTo(t, db, 2, 2)
	email, uid := "reader1@example.org", value[ident.UID](t, db, `SELECT uid FROM subscriber WHERE id = 1`)
	list := func(reason suppression.Reason) (suppression.Entry, bool) {
		t.Helper()
		entry, added, err := db.Suppress(t.Context(), email, suppression.Entry{Reason: reason, Source: suppression.SourceSES})
		if err != nil {
			t.Fatal(err)
		}
		wantSuppressed(t, db, email)
		return entry, added
	}
	soft, added := list(suppression.SoftBounce)
	if again, twice := list(suppression.Bounce); !added || twice || again.UID != soft.UID {
		t.Errorf("%+v, then %+v", soft, again)
	}
	if n := len(history(t, db, uid)); n != 1 {
		t.Errorf("a bounce left %d entries", n)
	}
	exec(t, db, `UPDATE subscriber SET revoked_at = NULL`)
	complaint, added := list(suppression.Complaint)
	if !added || complaint.Reason != suppression.Complaint || complaint.UID == soft.UID {
		t.Errorf("after the complaint it is %+v", complaint)
	}
	if got := history(t, db, uid); len(got) != 2 || !strings.HasPrefix(got[1], "suppressed by ") || !value[bool](t, db, `SELECT revoked_at IS NOT NULL FROM subscriber WHERE id = 1`) {
		t.Errorf("the record says %q", got)
	}
	for _, reason := range []suppression.Reason{suppression.Bounce, suppression.SoftBounce, suppression.Manual, suppression.Complaint} {
		if entry, added := list(reason); added || entry.UID != complaint.UID {
			t.Errorf("after %s it is %+v", reason, entry)
		}
	}
	if got := value[string](t, db, `SELECT string_agg(action, ' ' ORDER BY id) FROM audit_event WHERE entity = 'suppression'`); got != "suppression.create suppression.delete suppression.create" {
		t.Errorf("the audit log says %s", got)
	}
}
