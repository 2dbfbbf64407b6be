package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/bulk"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/subscriber"
	"github.com/presswork/presswork/internal/suppression"
)

// withdrawals are all ways in which a reader of Art and Go withdraws something.
func withdrawals(t *testing.T) map[string]func(context.Context, *DB, subscriber.Subscriber) error {
	gone := func(s subscriber.Subscriber) (subscriber.Change, error) {
		return s.Change(subscriber.Input{Email: s.Email, Status: string(subscriber.Unsubscribed), Topics: s.Topics})
	}
	choose := func(in subscriber.PreferencesInput) func(context.Context, *DB, subscriber.Subscriber) error {
		return func(ctx context.Context, db *DB, s subscriber.Subscriber) error {
			_, err := db.ChangePreferences(ctx, s.UID, func(was subscriber.Preferences) (subscriber.PreferencesChange, error) {
				return was.Change(in, time.Now())
			})
			return err
		}
	}
	return map[string]func(context.Context, *DB, subscriber.Subscriber) error{
		"from everything": func(ctx context.Context, db *DB, s subscriber.Subscriber) error {
			return db.Subscriptions(&noted{}).Leave(ctx, s.UID)
		},
		"by the link of a message": func(ctx context.Context, db *DB, s subscriber.Subscriber) error {
			return db.Unsubscribe(ctx, publication.Unsubscription{Subscriber: s.ID, Publication: 1, Channel: 1})
		},
		"from a topic": func(ctx context.Context, db *DB, s subscriber.Subscriber) error {
			return db.Unsubscribe(ctx, publication.Unsubscription{Subscriber: s.ID, Publication: 1, Channel: 1, Topics: []int32{1, 2}})
		},
		"a topic less":   choose(subscriber.PreferencesInput{Topics: []string{"art"}}),
		"a channel less": choose(subscriber.PreferencesInput{Topics: []string{"art", "go"}, ChannelsOff: []int16{1}}),
		"by a client": func(ctx context.Context, db *DB, s subscriber.Subscriber) error {
			_, err := db.UpdateSubscriber(ctx, s.UID, gone)
			return err
		},
		"in bulk": func(ctx context.Context, db *DB, s subscriber.Subscriber) error {
			_, err := db.BulkSubscribers(ctx, call(bulk.PerItem), []subscriber.Item{{Action: bulk.Update, UID: s.UID, Email: s.Email, Change: gone}})
			return err
		},
		"by a file": func(ctx context.Context, db *DB, s subscriber.Subscriber) error {
			_, err := db.ImportSubscribers(ctx, readLines(t, "email,status\n"+s.Email+",unsubscribed\n"), subscriber.Update, false)
			return err
		},
		"by an operator": func(ctx context.Context, db *DB, s subscriber.Subscriber) error {
			_, _, err := db.Suppress(ctx, s.Email, byHand())
			return err
		},
		"by a list": func(ctx context.Context, db *DB, s subscriber.Subscriber) error {
			_, _, err := db.ImportSuppressions(ctx, []suppression.Line{{Address: s.Email, Reason: suppression.Complaint}}, false)
			return err
		},
		"deleted": func(ctx context.Context, db *DB, s subscriber.Subscriber) error {
			return db.DeleteSubscriber(ctx, s.UID, func(subscriber.Subscriber) error { return nil })
		},
		"erased": func(ctx context.Context, db *DB, s subscriber.Subscriber) error {
			_, err := db.EraseSubscriber(ctx, s.UID, func(subscriber.Subscriber) error { return nil })
			return err
		},
	}
}

// TestWithdrawalsReachWhoIsInHand: by whatever way a reader withdraws, whoever has already read that they are to be sent to hears
// of it.
func TestWithdrawalsReachWhoIsInHand(t *testing.T) {
	t.Parallel()
	for name, withdraw := range withdrawals(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, _, _ := openHouse(t)
			ctx := t.Context()
			one := createReader(t, db, subscriber.Input{Email: "ann@x.org", Topics: []string{"art", "go"}})
			heard := func() map[int64]time.Time {
				c, err := db.Control(ctx, delivery.InHand{Readers: []int64{one.ID}})
				if err != nil {
					t.Fatal(err)
				}
				return c.Revoked
			}
			if list := heard(); len(list) > 0 {
				t.Fatalf("before anything happened: %v", list)
			}
			if err := withdraw(ctx, db, one); err != nil {
				t.Fatal(err)
			}
			if list := heard(); list[one.ID].IsZero() {
				t.Error("nobody hears of it who has read them before")
			}
		})
	}
}

// TestAnotherAddressIsNotSuppressed: the entry on the list is of an address, and stays with it.
func TestAnotherAddressIsNotSuppressed(t *testing.T) {
	t.Parallel()
	moved := func(s subscriber.Subscriber) (subscriber.Change, error) {
		return s.Change(subscriber.Input{Email: "new-" + s.Email, Status: string(s.Status), Topics: s.Topics})
	}
	for name, change := range map[string]func(context.Context, *DB, subscriber.Subscriber) error{
		"alone": func(ctx context.Context, db *DB, s subscriber.Subscriber) error {
			_, err := db.UpdateSubscriber(ctx, s.UID, moved)
			return err
		},
		"in bulk": func(ctx context.Context, db *DB, s subscriber.Subscriber) error {
			_, err := db.BulkSubscribers(ctx, call(bulk.PerItem), []subscriber.Item{{Action: bulk.Update, UID: s.UID, Email: s.Email, Change: moved}})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, _, _ := openHouse(t)
			one := createReader(t, db, subscriber.Input{Email: "ann@x.org"})
			if _, _, err := db.Suppress(t.Context(), one.Email, byHand()); err != nil {
				t.Fatal(err)
			}
			if err := change(t.Context(), db, one); err != nil {
				t.Fatal(err)
			}
			if got := value[string](t, db, `SELECT email || ' ' || (suppression_id IS NULL) FROM subscriber`); got != "new-ann@x.org true" {
				t.Errorf("%s", got)
			}
		})
	}
}

// TestSendersKnowWhenHoursClose: who may be sent to now may not any more from when quiet hours begin, and a sender is told.
func TestSendersKnowWhenHoursClose(t *testing.T) {
	t.Parallel()
	db := open(t)
	id := sending(t, db, 2)
	_, b := claim(t, db)
	exec(t, db, `UPDATE delivery_policy SET (quiet_from, quiet_to) = (
		SELECT (m + 120) % 1440, (m + 180) % 1440
		FROM (SELECT (extract(hour FROM now() AT TIME ZONE 'UTC') * 60 + extract(minute FROM now() AT TIME ZONE 'UTC'))::smallint AS m) x)`)
	want := value[time.Time](t, db, `SELECT d.at FROM delivery_policy, LATERAL (
		SELECT date_trunc('day', now(), 'UTC') + n * interval '1 day' + quiet_from * interval '1 minute' AS at FROM generate_series(0, 1) n) d
		WHERE d.at > now() ORDER BY d.at LIMIT 1`)
	owed, err := db.Owed(t.Context(), b)
	if err != nil || len(owed) != 2 {
		t.Fatalf("publication %d owes %v, %v", id, owed, err)
	}
	for _, r := range owed { // by the clock of this process, which asked before the database answered
		if r.Closes.After(want) || r.Closes.Before(want.Add(-time.Hour)) {
			t.Errorf("it closes at %s, not at %s", r.Closes, want)
		}
	}
}
