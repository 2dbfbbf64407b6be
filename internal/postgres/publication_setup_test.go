package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/testkit/dbtest"
)

// newsroom is a database with what a publication can name.
type newsroom struct {
	*DB
	Content, Template, Sender, Slack ident.UID
	Readers                          []ident.UID // the last one has unsubscribed
}

func newNewsroom(t testing.TB) *newsroom {
	t.Helper()
	db, err := Open(t.Context(), dbtest.New(t), Options{MaxConns: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return furnish(t, db)
}

// furnish fills a database.
func furnish(t testing.TB, db *DB) *newsroom {
	t.Helper()
	n := &newsroom{DB: db, Content: ident.New(), Template: ident.New(), Sender: ident.New(), Slack: ident.New()}
	for range 4 {
		n.Readers = append(n.Readers, ident.New())
	}
	n.exec(t, `INSERT INTO content (uid, version) VALUES ($1, 3)`, n.Content)
	n.exec(t, `INSERT INTO template (uid, name, channel, version) VALUES ($1, 'plain', 'email', 2)`, n.Template)
	n.exec(t, `INSERT INTO sender_identity (uid, name, from_name, from_email, postal_address, is_default)
		VALUES ($1, 'desk', 'Desk', 'desk@example.org', 'Street 1', true)`, n.Sender)
	n.exec(t, `INSERT INTO channel (uid, kind, provider, name) VALUES ($1, 'email', 'smtp', 'mail'), ($2, 'slack', 'slack', 'chat')`,
		ident.New(), n.Slack)
	n.exec(t, `INSERT INTO topic (uid, slug, name) VALUES ($1, 'go', 'Go'), ($2, 'empty', 'Empty')`, ident.New(), ident.New())
	for i, uid := range n.Readers {
		n.exec(t, `INSERT INTO subscriber (uid, email, status, topics) VALUES ($1, $1::uuid || '@example.org', $2,
			ARRAY(SELECT id FROM topic WHERE slug = 'go' AND $3))`,
			uid, []string{"active", "active", "active", "unsubscribed"}[i], i == 0 || i == 3)
	}
	return n
}

func (n *newsroom) exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	if _, err := n.pool.Exec(context.WithoutCancel(t.Context()), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func value[T any](t testing.TB, db *DB, sql string, args ...any) T {
	t.Helper()
	var v T
	if err := db.pool.QueryRow(context.WithoutCancel(t.Context()), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func kinds(names ...channel.Kind) []publication.Channel {
	var list []publication.Channel
	for _, k := range names {
		list = append(list, publication.Channel{Name: string(k), ID: k.ID(), Personal: k.Personal()})
	}
	return list
}

// order is one that resolves.
func (n *newsroom) order() publication.Order {
	return publication.Order{
		Title: "Spring", Type: publication.Newsletter, Priority: publication.Normal, Channels: kinds(channel.Email, channel.Slack),
		Contents: []ident.UID{n.Content}, Audience: publication.AudienceOrder{All: true}, Data: map[string]any{}, Encoded: "{}",
	}
}

func (n *newsroom) submission(t testing.TB, change func(*publication.Order)) publication.Submission {
	t.Helper()
	o := n.order()
	if change != nil {
		change(&o)
	}
	r, err := n.ResolveOrder(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return publication.Submission{Resolved: r}
}

// acceptor runs one until the test ends.
func (n *newsroom) acceptor(t testing.TB, stored func()) *Acceptor {
	t.Helper()
	a := NewAcceptor(n.DB, stored)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		a.Run(ctx)
		close(done)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return a
}

// accepted stores a publication and returns its internal id and uid.
func (n *newsroom) accepted(t testing.TB, change func(*publication.Order)) (int64, ident.UID) {
	t.Helper()
	got, err := n.acceptor(t, nil).Accept(t.Context(), n.submission(t, change))
	if err != nil {
		t.Fatal(err)
	}
	return value[int64](t, n.DB, `SELECT id FROM publication WHERE uid = $1`, got.UID), got.UID
}

func inAnHour(o *publication.Order) {
	at := time.Now().Add(time.Hour)
	o.ScheduledAt = &at
}

func fieldsOf(err error) []string {
	var e *fault.Error
	if !errors.As(err, &e) {
		return nil
	}
	list := []string{}
	for _, f := range e.Fields {
		list = append(list, f.Pointer+" "+f.Code)
	}
	slices.Sort(list)
	return list
}

func sameStrings(t testing.TB, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
