package postgres

import (
	"fmt"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/analytics"
	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/feedback"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
)

// mailing has n publications that were sent to one reader.
func mailing(t *testing.T, n int) (*DB, []ident.UID) {
	t.Helper()
	db := openHashing(t)
	subscribers(t, db, 1)
	var uids []ident.UID
	for range n {
		uid := ident.New()
		id := value[int64](t, db, `INSERT INTO publication (uid, title, type, priority, lane, state, channels, audience, contents, created_by)
			VALUES ($1, 't', 'announcement', 'normal', 1, 'completed', '{1}', '{}', '[]', 'test') RETURNING id`, uid)
		exec(t, db, `INSERT INTO delivery (publication_id, channel_id, recipient_id, state, settled_at) VALUES ($1, 1, 1, 2, now())`, id)
		uids = append(uids, uid)
	}
	return db, uids
}

// softly is a soft bounce of one of those publications so many days ago; which tells several of one publication apart.
func softly(uid ident.UID, daysAgo float64, which string) feedback.Event {
	return feedback.Event{Key: feedback.NewKey(uid.String(), which), Kind: feedback.SoftBounced, Publication: uid, Channel: "email", Recipient: 1,
		At: time.Now().Add(-time.Duration(daysAgo * 24 * float64(time.Hour))), Source: "ses", Cause: "Transient/MailboxFull"}
}

func apply(t *testing.T, db *DB, events ...feedback.Event) {
	t.Helper()
	if _, err := db.ApplyFeedback(t.Context(), events); err != nil {
		t.Fatal(err)
	}
}

func listedSoftly(t *testing.T, db *DB) int {
	t.Helper()
	return value[int](t, db, `SELECT count(*)::int FROM suppression u JOIN subscriber s ON s.suppression_id = u.id
		WHERE u.reason = 5 AND u.source = 'ses' AND u.publication_id IS NOT NULL`)
}

// TestSoftBouncesSuppress: five over three days do, unless mail reached the mailbox between them.
func TestSoftBouncesSuppress(t *testing.T) {
	t.Parallel()
	event := func(kind analytics.Kind, daysAgo float64) func(*testing.T, *DB) {
		return func(t *testing.T, db *DB) {
			exec(t, db, `INSERT INTO event (at, kind, publication_id, channel_id, recipient_id) VALUES (now() - make_interval(secs => $1), $2, 1, $3, 1)`,
				daysAgo*86400, int16(kind), channel.Email.ID())
			caughtUp(t, db)
		}
	}
	for name, c := range map[string]struct {
		days    []float64 // of bounces, ago
		between func(*testing.T, *DB)
		want    int
	}{
		"five over four days":     {[]float64{4, 3, 2, 1, 0}, nil, 1},
		"five over exactly three": {[]float64{3, 2, 1, 0.5, 0}, nil, 1},
		"four":                    {[]float64{9, 6, 3, 0}, nil, 0},
		"five within two days":    {[]float64{2, 1.5, 1, 0.5, 0}, nil, 0},
		"delivered between":       {[]float64{4, 3, 2, 1, 0}, event(analytics.Delivered, 2.5), 0},
		"opened between":          {[]float64{4, 3, 2, 1, 0}, event(analytics.Open, 0.5), 0},
		"a link was followed":     {[]float64{4, 3, 2, 1, 0}, event(analytics.Click, 0.5), 0},
		"delivered before":        {[]float64{4, 3, 2, 1, 0}, event(analytics.Delivered, 5), 1},
		"unsubscribed between":    {[]float64{4, 3, 2, 1, 0}, event(analytics.Unsubscribe, 0.5), 1},
		"another's mail was opened": {[]float64{4, 3, 2, 1, 0}, func(t *testing.T, db *DB) {
			exec(t, db, `INSERT INTO event (kind, publication_id, channel_id, recipient_id) VALUES (1, 1, 1, 2), (1, 1, 3, 1)`)
			caughtUp(t, db)
		}, 1},
		"of five, six": {[]float64{6, 5, 4, 3, 2, 0}, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, uids := mailing(t, len(c.days))
			for i, days := range c.days {
				if i == len(c.days)-1 && c.between != nil {
					c.between(t, db)
				}
				apply(t, db, softly(uids[i], days, ""), softly(uids[i], days, "")) // as SNS does, twice
			}
			if got := listedSoftly(t, db); got != c.want {
				t.Errorf("%d suppressed, want %d", got, c.want)
			}
		})
	}
}

// TestSoftBouncesOfOnePublication are one.
func TestSoftBouncesOfOnePublication(t *testing.T) {
	t.Parallel()
	db, uids := mailing(t, 1)
	for i := range 6 {
		apply(t, db, softly(uids[0], float64(6-i), fmt.Sprint(i)))
	}
	if got := listedSoftly(t, db); got != 0 {
		t.Errorf("%d suppressed", got)
	}
}

// TestEarlySoftBouncesSuppress as well, when their deliveries are there.
func TestEarlySoftBouncesSuppress(t *testing.T) {
	t.Parallel()
	db, uids := mailing(t, 5)
	exec(t, db, `UPDATE delivery SET state = 0, settled_at = NULL`)
	for i, uid := range uids {
		apply(t, db, softly(uid, float64(5-i), ""))
	}
	if got := listedSoftly(t, db); got != 0 {
		t.Fatalf("%d suppressed of what was not sent yet", got)
	}
	exec(t, db, `UPDATE delivery SET state = 2, settled_at = now(); UPDATE feedback SET next_at = now()`)
	if _, err := db.SweepFeedback(t.Context(), 100); err != nil {
		t.Fatal(err)
	}
	if got := listedSoftly(t, db); got != 1 {
		t.Errorf("%d suppressed", got)
	}
}

// TestSoftBouncesAreForgotten when the reader has another address, and when an operator takes it off the list.
func TestSoftBouncesAreForgotten(t *testing.T) {
	t.Parallel()
	db, uids := mailing(t, 11)
	bounce := func(from, upTo int) {
		t.Helper()
		for i := from; i < upTo; i++ {
			apply(t, db, softly(uids[i], float64(11-i), ""))
		}
	}
	bounce(0, 4)
	reader, err := db.SubscriberByID(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.UpdateSubscriber(t.Context(), reader.UID, func(s subscriber.Subscriber) (subscriber.Change, error) {
		s.Email = "moved@example.org"
		return subscriber.Change{After: s, Fields: []string{"email"}}, nil
	}); err != nil {
		t.Fatal(err)
	}
	bounce(4, 5)
	if got := listedSoftly(t, db); got != 0 {
		t.Errorf("%d suppressed for what another mailbox did", got)
	}
	bounce(5, 9)
	if got := listedSoftly(t, db); got != 1 {
		t.Fatalf("%d suppressed", got)
	}
	if err := db.Unsuppress(t.Context(), value[ident.UID](t, db, `SELECT uid FROM suppression`)); err != nil {
		t.Fatal(err)
	}
	bounce(9, 11)
	if got := listedSoftly(t, db); got != 0 {
		t.Errorf("%d suppressed right after an operator said otherwise", got)
	}
}

// TestSoftPolicy follows what operators say.
func TestSoftPolicy(t *testing.T) {
	t.Parallel()
	for policy, want := range map[string]int{"soft_bounces = 2, soft_days = 0": 1, "soft_bounces = 0": 0} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			db, uids := mailing(t, 2)
			asOwner(t, db, `UPDATE reputation_policy SET `+policy)
			apply(t, db, softly(uids[0], 0, ""), softly(uids[1], 0, ""))
			if got := listedSoftly(t, db); got != want {
				t.Errorf("%d suppressed, want %d", got, want)
			}
		})
	}
}
