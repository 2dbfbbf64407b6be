package postgres

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/presswork/presswork/internal/bulk"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
)

// call is one with a mode and without a key.
func call(mode bulk.Mode) bulk.Call {
	return bulk.Call{Mode: mode, Route: "POST /test", Answer: func(o []bulk.Outcome) (string, error) { return fmt.Sprint(len(o)), nil }}
}

func creations(addresses ...string) (items []subscriber.Item) {
	for _, address := range addresses {
		s, err := subscriber.New(subscriber.Input{Email: address, Topics: []string{"go"}})
		items = append(items, subscriber.Item{Action: bulk.Create, New: s, Email: s.Email, Err: err})
	}
	return items
}

// TestBulkAllOrNothing: one bad item takes back all, and every bad one is told.
func TestBulkAllOrNothing(t *testing.T) {
	t.Parallel()
	db := open(t)
	createReader(t, db, subscriber.Input{Email: "there@x.org"})
	for name, items := range map[string][]subscriber.Item{
		"apart":   creations("a@x.org", "there@x.org", "b@x.org"),
		"in turn": creations("a@x.org", "b@x.org", "a@x.org"),
	} {
		r, err := db.BulkSubscribers(t.Context(), call(bulk.AllOrNothing), items)
		if err != nil || r.Done || bulk.Failed(r.Outcomes) != 1 || r.Answer != "" {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	if n := value[int](t, db, `SELECT count(*) FROM subscriber`); n != 1 {
		t.Errorf("%d subscribers", n)
	}
	if got := auditActions(t, db); !slices.Equal(got, []string{"subscriber.create"}) {
		t.Errorf("audit log: %v", got)
	}
	r, err := db.BulkSubscribers(t.Context(), call(bulk.AllOrNothing), creations("a@x.org", "b@x.org"))
	if err != nil || !r.Done || r.Answer != "2" || r.Outcomes[1].Version != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestBulkOppositeCalls: calls about the same people and addresses in opposite orders all come to an end, each as if alone.
func TestBulkOppositeCalls(t *testing.T) {
	t.Parallel()
	db := open(t)
	var there []subscriber.Subscriber
	var fresh []string
	for n := range 40 {
		there = append(there, createReader(t, db, subscriber.Input{Email: fmt.Sprintf("p%d@x.org", n)}))
		fresh = append(fresh, fmt.Sprintf("new%d@x.org", n))
	}
	items := creations(fresh...)
	for n, s := range there {
		items = append(items, subscriber.Item{Action: bulk.Update, UID: s.UID, Email: s.Email, Change: func(s subscriber.Subscriber) (subscriber.Change, error) {
			return s.Change(subscriber.Input{Email: s.Email, Name: fmt.Sprint("n", s.Version), Topics: []string{fmt.Sprint("t", n%7)}})
		}})
	}
	backwards := slices.Clone(items)
	slices.Reverse(backwards)
	var group sync.WaitGroup
	made := make([]int, 6)
	for k := range made {
		group.Go(func() {
			r, err := db.BulkSubscribers(t.Context(), call(bulk.PerItem), [][]subscriber.Item{items, backwards}[k%2])
			if err != nil {
				t.Error(err)
			}
			made[k] = len(items) - bulk.Failed(r.Outcomes)
		})
	}
	group.Wait()
	slices.Sort(made)
	if want := []int{40, 40, 40, 40, 40, 80}; !slices.Equal(made, want) {
		t.Errorf("done: %v, want %v", made, want)
	}
	if n := value[int](t, db, `SELECT count(*) FROM subscriber WHERE version = 7`); n != 40 {
		t.Errorf("%d have every change", n)
	}
}

// TestBulkMeetsARace: an address that somebody takes while a call is under way; who wanted it is refused alone.
func TestBulkMeetsARace(t *testing.T) {
	t.Parallel()
	for name, wants := range map[string]func(s subscriber.Subscriber) subscriber.Item{
		"made": func(subscriber.Subscriber) subscriber.Item { return creations("wanted@x.org")[0] },
		"moved": func(s subscriber.Subscriber) subscriber.Item {
			return subscriber.Item{Action: bulk.Update, UID: s.UID, Email: "wanted@x.org", Change: func(s subscriber.Subscriber) (subscriber.Change, error) {
				return s.Change(subscriber.Input{Email: "wanted@x.org"})
			}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t)
			s := createReader(t, db, subscriber.Input{Email: "old@x.org"})
			tx := begin(t, db)
			other := newReader(t, subscriber.Input{Email: "wanted@x.org"})
			other.UID = ident.New()
			if err := createSubscriber(t.Context(), tx, &other); err != nil {
				t.Fatal(err)
			}
			whileWaiting(t, db, tx, func(ctx context.Context) error {
				r, err := db.BulkSubscribers(ctx, call(bulk.PerItem), append(creations("fine@x.org"), wants(s)))
				if err == nil && (r.Outcomes[0].Err != nil || fault.CodeOf(r.Outcomes[1].Err) != "already_exists") {
					err = fmt.Errorf("%+v", r)
				}
				return err
			})
			if got := auditActions(t, db); !slices.Equal(got, []string{"subscriber.create", "subscriber.create", "subscriber.create"}) {
				t.Errorf("audit log: %v", got)
			}
		})
	}
}

// TestBulkRepeated: with a key a call is done once, however often and by how many it is asked at once, and answered alike.
func TestBulkRepeated(t *testing.T) {
	t.Parallel()
	db := open(t)
	c := call(bulk.PerItem)
	c.Key, c.Digest = "k", [32]byte{1}
	c.Answer = func(o []bulk.Outcome) (string, error) { return strings.Repeat("x", 300_000) + o[0].UID.String(), nil }
	var group sync.WaitGroup
	results := make([]bulk.Result, 4)
	for n := range results {
		group.Go(func() {
			var err error
			if results[n], err = db.BulkSubscribers(t.Context(), c, creations("a@x.org")); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	first := 0
	for _, r := range results {
		if !r.Replay {
			first++
		}
		if r.Answer != results[0].Answer || !r.Done {
			t.Error("another answer")
		}
	}
	if first != 1 {
		t.Errorf("%d were no repetition", first)
	}
	c.Digest = [32]byte{2}
	if _, err := db.BulkSubscribers(t.Context(), c, creations("b@x.org")); fault.CodeOf(err) != "idempotency_mismatch" {
		t.Errorf("another request: %v", err)
	}
	if _, err := db.pool.Exec(t.Context(), `UPDATE idempotency SET created_at = now() - interval '25 hours'`); err != nil {
		t.Fatal(err)
	}
	if r, err := db.BulkSubscribers(t.Context(), c, creations("b@x.org")); err != nil || r.Replay {
		t.Errorf("a day later: %v", err)
	}
	// What was refused keeps no key: it may be sent again.
	c = call(bulk.AllOrNothing)
	c.Key = "other"
	if r, err := db.BulkSubscribers(t.Context(), c, creations("a@x.org")); err != nil || r.Done {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := db.EarlierBulk(t.Context(), c); !fault.Is(err, fault.NotFound) {
		t.Errorf("a key was kept: %v", err)
	}
}

// TestBulkHonoursSuppressions: who is made or moved by a call to an address that is on the list is pointed at it.
func TestBulkHonoursSuppressions(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	for _, address := range []string{"a@x.org", "b@x.org"} {
		tx := listing(t, db, address)
		commit(t, tx)
	}
	s := createReader(t, db, subscriber.Input{Email: "c@x.org"})
	move := subscriber.Item{Action: bulk.Update, UID: s.UID, Email: "b@x.org", Change: func(s subscriber.Subscriber) (subscriber.Change, error) {
		return s.Change(subscriber.Input{Email: "b@x.org"})
	}}
	for _, items := range [][]subscriber.Item{append(creations("a@x.org", "d@x.org"), move), creations("e@x.org", "e@x.org")} {
		if _, err := db.BulkSubscribers(t.Context(), call(bulk.PerItem), items); err != nil {
			t.Fatal(err)
		}
	}
	wantSuppressed(t, db, "a@x.org", "b@x.org")
}

// TestBulkEndsWithTheServer: an error that is of no item ends the whole call.
func TestBulkEndsWithTheServer(t *testing.T) {
	t.Parallel()
	db := open(t)
	broken := errors.New("broken")
	items := creations("a@x.org")
	items[0].Action = bulk.Update
	items[0].UID = createReader(t, db, subscriber.Input{Email: "b@x.org"}).UID
	items[0].Change = func(subscriber.Subscriber) (subscriber.Change, error) { return subscriber.Change{}, broken }
	if _, err := db.BulkSubscribers(t.Context(), call(bulk.PerItem), append(items, items...)); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	if !reflect.DeepEqual(auditActions(t, db), []string{"subscriber.create"}) {
		t.Error("something was written")
	}
}

// BenchmarkBulkSubscribers makes a thousand subscribers in a call: together, and in turn, as those have to be of which two are
// about the same address.
func BenchmarkBulkSubscribers(b *testing.B) {
	for name, doubled := range map[string]int{"together": 0, "in turn": 1} {
		b.Run(name, func(b *testing.B) {
			db := openHashing(b)
			round := 0
			for b.Loop() {
				round++
				addresses := make([]string, bulk.MaxSubscribers)
				for n := range addresses {
					addresses[n] = fmt.Sprintf("r%d.%d@x.org", round, max(n, doubled))
				}
				if r, err := db.BulkSubscribers(b.Context(), call(bulk.PerItem), creations(addresses...)); err != nil || bulk.Failed(r.Outcomes) != doubled {
					b.Fatalf("%d failed, %v", bulk.Failed(r.Outcomes), err)
				}
			}
		})
	}
}
