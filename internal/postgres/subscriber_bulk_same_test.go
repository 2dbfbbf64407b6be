package postgres

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/bulk"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
)

// wish is an item before it is of one of two worlds, which have the same people at two domains.
type wish struct {
	action  bulk.Action
	person  int // of those who are there; the last is nobody
	version int // 0: any
	address int
	status  string
	topics  []string
	bad     bool
}

func anyWish(t *rapid.T) wish {
	return wish{
		action: rapid.SampledFrom(bulk.Actions()).Draw(t, "action"), person: rapid.IntRange(0, 3).Draw(t, "person"),
		version: rapid.IntRange(0, 2).Draw(t, "version"), address: rapid.IntRange(0, 5).Draw(t, "address"),
		status: rapid.SampledFrom([]string{"", "active", "unsubscribed"}).Draw(t, "status"),
		topics: rapid.SampledFrom([][]string{nil, {"go"}, {"go", "art"}}).Draw(t, "topics"),
		bad:    rapid.IntRange(0, 9).Draw(t, "bad") == 0,
	}
}

// world is a place with three people, a, b and c.
type world struct {
	db     *DB
	domain string
	people []ident.UID
}

func newWorld(t *rapid.T, db *DB, domain string) world {
	w := world{db: db, domain: domain}
	for range 4 {
		w.people = append(w.people, ident.New())
	}
	if _, err := db.pool.Exec(context.Background(), `
		INSERT INTO subscriber (uid, email, status, consent_source)
		SELECT uid, chr(96 + n::integer) || '@' || $2, CASE n WHEN 3 THEN 'unsubscribed' ELSE 'active' END, 'form'
		FROM unnest($1::uuid[]) WITH ORDINALITY AS p (uid, n) WHERE n < 4`, w.people, domain); err != nil {
		t.Fatal(err)
	}
	return w
}

var errWrongVersion = fault.New(fault.Conflict, "version_mismatch", "")

// item is a wish in a world.
func (w world) item(wanted wish) subscriber.Item {
	in := subscriber.Input{Email: string(rune('a'+wanted.address)) + "@" + w.domain, Name: "N" + fmt.Sprint(wanted.address),
		Status: wanted.status, Topics: wanted.topics}
	matches := func(version int) error {
		if wanted.version != 0 && wanted.version != version {
			return errWrongVersion
		}
		return nil
	}
	i := subscriber.Item{Action: wanted.action, Check: func(s subscriber.Subscriber) error { return matches(s.Version) }}
	i.Change = func(s subscriber.Subscriber) (subscriber.Change, error) {
		if err := matches(s.Version); err != nil {
			return subscriber.Change{}, err
		}
		return s.Change(in)
	}
	if i.Action != bulk.Create {
		i.UID = w.people[wanted.person]
	}
	if i.Action != bulk.Delete {
		i.New, i.Err = subscriber.New(in)
		i.Email = i.New.Email
	}
	if wanted.bad {
		i.Err = fault.New(fault.Invalid, "invalid_input", "")
	}
	return i
}

// alone does an item as a request of its own would, and says what became of it: the version, or why not.
func (w world) alone(i subscriber.Item) string {
	ctx := context.Background()
	var s subscriber.Subscriber
	err := i.Err
	switch {
	case err != nil:
	case i.Action == bulk.Create:
		s, err = w.db.CreateSubscriber(ctx, i.New)
	case i.Action == bulk.Update:
		s, err = w.db.UpdateSubscriber(ctx, i.UID, i.Change)
	default:
		err = w.db.DeleteSubscriber(ctx, i.UID, i.Check)
	}
	return became(s.Version, err)
}

func became(version int, err error) string {
	if err != nil {
		return fault.CodeOf(err)
	}
	return fmt.Sprint(version)
}

// people is everybody of a world as far as they can be compared with those of another.
func (w world) all(t *rapid.T) []string {
	return texts(t, w.db, `
		SELECT concat_ws(' ', split_part(email, '@', 1), name, status, version, consent_source, consent_at IS NULL, revoked_at IS NULL,
		                 ARRAY(SELECT slug FROM topic t WHERE t.id = ANY(s.topics) ORDER BY slug))
		FROM subscriber s WHERE email LIKE '%@' || $1 ORDER BY email`, w.domain)
}

// trailAfter is what the audit log says since an event, but for whom it is about.
func trailAfter(t *rapid.T, db *DB, id string) []string {
	return texts(t, db, `SELECT action || changes FROM audit_event WHERE id > $1::bigint ORDER BY 1`, id)
}

func lastAudited(t *rapid.T, db *DB) string {
	return texts(t, db, `SELECT coalesce(max(id), 0) || $1 FROM audit_event`, "")[0]
}

func texts(t *rapid.T, db *DB, sql, arg string) []string {
	rows, err := db.pool.Query(context.Background(), sql, arg)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for rows.Next() {
		var one string
		if err := rows.Scan(&one); err != nil {
			t.Fatal(err)
		}
		list = append(list, one)
	}
	return list
}

// TestBulkIsEachAlone: whatever is asked for in a call, per item it becomes what it becomes in turn: the same answers, the same
// people, the same lines in the audit log.
func TestBulkIsEachAlone(t *testing.T) {
	t.Parallel()
	db := open(t)
	rapid.Check(t, func(rt *rapid.T) {
		if _, err := db.pool.Exec(context.Background(), `DELETE FROM subscriber`); err != nil {
			rt.Fatal(err)
		}
		one, two := newWorld(rt, db, "one.org"), newWorld(rt, db, "two.org")
		wishes := rapid.SliceOfN(rapid.Custom(anyWish), 1, 5).Draw(rt, "wishes")
		var items []subscriber.Item
		var want, got []string
		begun := lastAudited(rt, db)
		for _, w := range wishes {
			items = append(items, one.item(w))
			want = append(want, two.alone(two.item(w)))
		}
		wantTrail, begun := trailAfter(rt, db, begun), lastAudited(rt, db)
		r, err := db.BulkSubscribers(context.Background(), call(bulk.PerItem), items)
		if err != nil || !r.Done {
			rt.Fatalf("%+v, %v", r, err)
		}
		for _, o := range r.Outcomes {
			got = append(got, became(o.Version, o.Err))
		}
		if !slices.Equal(got, want) {
			rt.Fatalf("%v, want %v", got, want)
		}
		if a, b := one.all(rt), two.all(rt); !slices.Equal(a, b) {
			rt.Fatalf("%v, want %v", a, b)
		}
		if trail := trailAfter(rt, db, begun); !slices.Equal(trail, wantTrail) {
			rt.Fatalf("audit log: %v, want %v", trail, wantTrail)
		}
	})
}
