package postgres

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/feedback"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/seal"
	"github.com/presswork/presswork/internal/suppression"
	"github.com/presswork/presswork/internal/testkit/dbtest"
)

// openHashing is open with a key for the suppression list.
func openHashing(tb testing.TB) *DB {
	tb.Helper()
	h, err := suppression.NewHasher([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		tb.Fatal(err)
	}
	sealer, err := seal.New([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		tb.Fatal(err)
	}
	db, err := Open(tb.Context(), dbtest.New(tb), Options{Addresses: h, Sealer: sealer})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(db.Close)
	return db
}

// events makes events of a kind for recipients of the only publication.
func events(tb testing.TB, db *DB, kind feedback.Kind, recipients ...int64) []feedback.Event {
	tb.Helper()
	var uid ident.UID
	scan(tb, db, `SELECT uid FROM publication`, &uid)
	var list []feedback.Event
	for _, r := range recipients {
		id := strconv.FormatInt(r, 10)
		e := feedback.Event{Key: feedback.NewKey(kind.String(), id), Kind: kind, Publication: uid, Channel: "email", Recipient: r,
			At: time.Now(), Source: suppression.SourceSES, Cause: "Permanent/General"}
		if kind == feedback.Bounced || kind == feedback.Complained {
			e.Suppress = []string{"reader" + id + "@example.org"}
		}
		list = append(list, e)
	}
	return list
}

// wantResults applies events and compares what became of them.
func wantResults(tb testing.TB, db *DB, list []feedback.Event, want ...feedback.Result) {
	tb.Helper()
	got, err := db.ApplyFeedback(tb.Context(), list)
	if err != nil || !slices.Equal(got, want) {
		tb.Errorf("%v, %v; want %v", got, err, want)
	}
}

// sentTo has a publication to n readers, of whom the first few were sent to, and their batch closed if that is all.
func sentTo(tb testing.TB, db *DB, n, few int) (int64, *delivery.Batch) {
	tb.Helper()
	sending(tb, db, n)
	session, b := claim(tb, db)
	var ids []int64
	for i := range few {
		ids = append(ids, int64(i+1))
	}
	flush := delivery.Flush{Session: session, Number: 1, Lease: time.Minute, Outcomes: sent(b, ids...)}
	if err := db.Flush(tb.Context(), flush); err != nil {
		tb.Fatal(err)
	}
	return session, b
}

func stateOf(tb testing.TB, db *DB, recipient int) string {
	tb.Helper()
	var s delivery.State
	var reason delivery.Reason
	scan(tb, db, `SELECT state, reason FROM delivery WHERE recipient_id = `+strconv.Itoa(recipient), &s, &reason)
	if reason != 0 {
		return s.String() + " " + reason.String()
	}
	return s.String()
}

func TestFeedbackSettles(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	sentTo(t, db, 8, 8)
	const a, r, u = feedback.Applied, feedback.Repeated, feedback.Unknown
	wantResults(t, db, events(t, db, feedback.Delivered, 1, 2, 3, 99, 1), a, a, a, u, r)
	wantResults(t, db, events(t, db, feedback.Bounced, 2, 4), a, a)
	wantResults(t, db, events(t, db, feedback.Complained, 3, 5, 2), a, a, r)
	wantResults(t, db, events(t, db, feedback.SoftBounced, 6, 1), a, a)
	wantResults(t, db, events(t, db, feedback.Rejected, 7, 1), a, r)
	wantResults(t, db, events(t, db, feedback.Accepted, 8), r)
	for range 2 { // everything once more, in another order
		list := slices.Concat(events(t, db, feedback.SoftBounced, 6, 1), events(t, db, feedback.Delivered, 4, 1, 2, 3),
			events(t, db, feedback.Bounced, 2, 4), events(t, db, feedback.Complained, 3, 5), events(t, db, feedback.Rejected, 7))
		wantResults(t, db, list, slices.Repeat([]feedback.Result{r}, len(list))...)
	}
	for i, want := range []string{"delivered", "bounced", "complained", "bounced", "complained", "sent", "failed rejected", "sent"} {
		if got := stateOf(t, db, i+1); got != want {
			t.Errorf("recipient %d is %s, want %s", i+1, got, want)
		}
	}
	caughtUp(t, db)
	for kind, want := range map[int]int{4: 4, 5: 2, 6: 2, 7: 2} { // recipient 5 complained, and thus had got it
		var n int
		scan(t, db, `SELECT coalesce(sum(total), 0) FROM stat WHERE kind = `+strconv.Itoa(kind), &n)
		if n != want {
			t.Errorf("%d events of kind %d, want %d", n, kind, want)
		}
	}
	var dead, listed, pointed int
	scan(t, db, `SELECT count(*) FROM dead_letter WHERE recipient_id = 7 AND error_code = 'rejected_later'`, &dead)
	scan(t, db, `SELECT count(*) FROM suppression WHERE publication_id IS NOT NULL`, &listed)
	scan(t, db, `SELECT count(*) FROM subscriber s JOIN suppression u ON u.id = s.suppression_id WHERE s.id IN (2, 3, 4, 5)`, &pointed)
	if dead != 1 || listed != 4 || pointed != 4 {
		t.Errorf("%d dead letters, %d addresses listed, %d readers know", dead, listed, pointed)
	}
}

// TestComplaintAndDelivery in either order count the same, and however often they come.
func TestComplaintAndDelivery(t *testing.T) {
	t.Parallel()
	for _, order := range [][]feedback.Kind{
		{feedback.Delivered, feedback.Complained}, {feedback.Complained, feedback.Delivered},
		{feedback.Complained, feedback.Delivered, feedback.Complained, feedback.Delivered}, {feedback.Complained},
	} {
		db := openHashing(t)
		sentTo(t, db, 1, 1)
		for _, kind := range order {
			if _, err := db.ApplyFeedback(t.Context(), events(t, db, kind, 1)); err != nil {
				t.Fatal(err)
			}
		}
		var kinds []int16
		scan(t, db, `SELECT array_agg(kind ORDER BY kind) FROM event`, &kinds)
		if got := stateOf(t, db, 1); got != "complained" || !slices.Equal(kinds, []int16{4, 6}) {
			t.Errorf("%v: %s, events of kinds %v", order, got, kinds)
		}
	}
}

// Evidence settles who is uncertain, and the closed batch counts them anew.
func TestFeedbackIsEvidence(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	sending(t, db, 6)
	session, b := claim(t, db)
	outcomes := sent(b, 1, 2, 3, 4, 5, 6)
	for i := range outcomes {
		outcomes[i].State, outcomes[i].Reason = delivery.Uncertain, delivery.NoAnswer
	}
	if err := db.Flush(t.Context(), delivery.Flush{Session: session, Number: 1, Lease: time.Minute, Outcomes: outcomes}); err != nil {
		t.Fatal(err)
	}
	if r, err := db.Release(t.Context(), b, 0); err != nil || !r.Done {
		t.Fatalf("%+v, %v", r, err)
	}
	const a = feedback.Applied
	list := slices.Concat(events(t, db, feedback.Rejected, 5), events(t, db, feedback.Delivered, 1),
		events(t, db, feedback.Accepted, 2, 1), events(t, db, feedback.Bounced, 3), events(t, db, feedback.SoftBounced, 4))
	wantResults(t, db, list, a, a, a, a, a, a)
	for i, want := range []string{"delivered", "sent", "bounced", "sent", "failed rejected", "uncertain no_answer"} {
		if got := stateOf(t, db, i+1); got != want {
			t.Errorf("recipient %d is %s, want %s", i+1, got, want)
		}
	}
	var sent, failed, uncertain int
	scan(t, db, `SELECT n_sent, n_failed, n_uncertain FROM batch`, &sent, &failed, &uncertain)
	if sent != 4 || failed != 1 || uncertain != 1 {
		t.Errorf("the batch counts %d sent, %d failed, %d uncertain", sent, failed, uncertain)
	}
	// A batch that was counted by somebody who had not seen it yet is counted once more.
	exec(t, db, `UPDATE batch SET n_sent = 0; UPDATE feedback SET next_at = now(), created_at = now() - interval '1 minute' WHERE kind = 0`)
	for range 2 {
		if _, err := db.SweepFeedback(t.Context(), 100); err != nil {
			t.Fatal(err)
		}
	}
	var waiting int
	scan(t, db, `SELECT n_sent, (SELECT count(*) FROM feedback WHERE next_at IS NOT NULL) FROM batch`, &sent, &waiting)
	if sent != 4 || waiting != 0 {
		t.Errorf("%d sent after the sweep, %d rows wait", sent, waiting)
	}
}

// What comes before its delivery is written waits for it, and owed deliveries are never touched.
func TestEarlyFeedbackWaits(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	session, b := sentTo(t, db, 4, 0)
	const early, r = feedback.Early, feedback.Repeated
	list := slices.Concat(events(t, db, feedback.Accepted, 1), events(t, db, feedback.Delivered, 1), events(t, db, feedback.SoftBounced, 2),
		events(t, db, feedback.Bounced, 3))
	for range 2 {
		wantResults(t, db, list, early, early, early, early)
	}
	sweep := func(want int) {
		t.Helper()
		exec(t, db, `UPDATE feedback SET next_at = now() WHERE next_at IS NOT NULL`)
		if n, err := db.SweepFeedback(t.Context(), 100); err != nil || n != want {
			t.Errorf("looked at %d, %v; want %d", n, err, want)
		}
	}
	sweep(4)
	if got := stateOf(t, db, 1); got != "pending" {
		t.Errorf("an owed delivery became %s", got)
	}
	if err := db.Flush(t.Context(), delivery.Flush{Session: session, Number: 2, Lease: time.Minute, Outcomes: sent(b, 1, 2, 3, 4)}); err != nil {
		t.Fatal(err)
	}
	sweep(4)
	sweep(0)
	for i, want := range []string{"delivered", "sent", "bounced", "sent"} {
		if got := stateOf(t, db, i+1); got != want {
			t.Errorf("recipient %d is %s, want %s", i+1, got, want)
		}
	}
	wantResults(t, db, list, r, r, r, r)
	var kinds []int16
	scan(t, db, `SELECT array_agg(kind ORDER BY kind) FROM event`, &kinds)
	if !slices.Equal(kinds, []int16{4, 5, 7}) {
		t.Errorf("events of kinds %v", kinds)
	}
	exec(t, db, `INSERT INTO feedback (key, publication_id, channel_id, recipient_id, kind, at, created_at, next_at)
		VALUES ('\x01', 77, 1, 1, 2, now(), now() - interval '2 days', now())`)
	sweep(1)
	if n, err := db.purgeFeedback(t.Context(), time.Now().Add(time.Minute), 10); err != nil || n != 1 {
		t.Errorf("%d forgotten, %v: the soft bounce is the only one kept", n, err)
	}
}

// TestFeedbackAtOnce applies the same events from many sides: each counts once.
func TestFeedbackAtOnce(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	sentTo(t, db, 90, 90)
	var ids []int64
	for i := range 90 {
		ids = append(ids, int64(i+1))
	}
	list := slices.Concat(events(t, db, feedback.Delivered, ids...), events(t, db, feedback.Bounced, ids[:30]...),
		events(t, db, feedback.SoftBounced, ids[60:]...))
	errs := make(chan error, 8)
	for i := range cap(errs) {
		mixed := slices.Clone(list)
		slices.Reverse(mixed[:(i+1)*15])
		go func() {
			_, err := db.ApplyFeedback(t.Context(), mixed)
			errs <- err
		}()
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	for range 3 { // what one passed over, because another was at it
		exec(t, db, `UPDATE feedback SET next_at = now() WHERE next_at IS NOT NULL`)
		if _, err := db.SweepFeedback(t.Context(), 1000); err != nil {
			t.Fatal(err)
		}
	}
	var delivered, bounced, soft, hard int
	scan(t, db, `SELECT count(*) FILTER (WHERE state = 3), count(*) FILTER (WHERE state = 4) FROM delivery`, &delivered, &bounced)
	scan(t, db, `SELECT count(*) FILTER (WHERE kind = 7), count(*) FILTER (WHERE kind = 5) FROM event`, &soft, &hard)
	if delivered != 60 || bounced != 30 || soft != 30 || hard != 30 {
		t.Errorf("%d delivered, %d bounced; %d soft and %d hard bounces counted", delivered, bounced, soft, hard)
	}
}

// TestComplaintOfWhatWasKeptBack proves no delivery.
func TestComplaintOfWhatWasKeptBack(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	sentTo(t, db, 8, 8)
	list := events(t, db, feedback.Complained, 1, 2)
	list[1].Kept = true
	wantResults(t, db, list, feedback.Applied, feedback.Applied)
	var delivered, complained int
	scan(t, db, `SELECT count(*) FILTER (WHERE kind = 4), count(*) FILTER (WHERE kind = 6) FROM event`, &delivered, &complained)
	if delivered != 1 || complained != 2 {
		t.Errorf("%d delivered, %d complained", delivered, complained)
	}
}

// TestFeedbackOnYoungLedgers settles by events in ledgers that were never analysed; see TestFlushOnYoungLedgers.
func TestFeedbackOnYoungLedgers(t *testing.T) {
	t.Parallel()
	for _, people := range []int{700, 2000, 10_000} {
		t.Run(strconv.Itoa(people), func(t *testing.T) {
			t.Parallel()
			db := open(t)
			asOwner(t, db, `ALTER TABLE delivery_0 SET (autovacuum_enabled = off)`)
			id := sending(t, db, people)
			exec(t, db, `UPDATE delivery SET state = 2`)
			for _, size := range []int{1, 64, 500} {
				var k outcomeColumns
				for r := range size {
					k.publication, k.channel, k.recipient = append(k.publication, id), append(k.channel, 1), append(k.recipient, int64(r+1))
				}
				keys := []any{k.publication, k.channel, k.recipient}
				for name, blocks := range map[string]int{
					"settle": blocksOf(t, db, settleByEvent, append(slices.Clone(keys), int16(3), int16(0), []int16{2, 7}, id, id)),
					"states": blocksOf(t, db, statesOfDeliveries, keys),
				} {
					if blocks > 20*size+100 {
						t.Errorf("%s of %d rows among %d touched %d blocks", name, size, people, blocks)
					}
				}
			}
		})
	}
}
