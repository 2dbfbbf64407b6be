package postgres

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/subscriber"
	"github.com/presswork/presswork/internal/template"
	"github.com/presswork/presswork/internal/testkit/dbtest"
)

// statementCounter counts the statements of a pool.
type statementCounter struct{ n atomic.Int64 }

func (s *statementCounter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	s.n.Add(1)
	return ctx
}

func (*statementCounter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// A list is one statement, however long it is.
func TestListsAreOneStatement(t *testing.T) {
	t.Parallel()
	config, err := pgxpool.ParseConfig(dbtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	counter := &statementCounter{}
	config.ConnConfig.Tracer = counter
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	db := &DB{pool: pool}
	channels := channelsOf(t, db, "k")
	lists := map[string]func() (int, error){
		"subscribers": func() (int, error) {
			l, err := db.ListSubscribers(t.Context(), subscriber.Filter{}, 0, 100)
			return len(l), err
		},
		"topics":    func() (int, error) { l, err := db.ListTopics(t.Context(), 0, 100); return len(l), err },
		"contents":  func() (int, error) { l, err := db.ListContents(t.Context(), 0, 100); return len(l), err },
		"templates": func() (int, error) { l, err := db.ListTemplates(t.Context(), 0, 100); return len(l), err },
		"channels":  func() (int, error) { l, err := channels.ListChannels(t.Context(), 0, 100); return len(l), err },
		"senders":   func() (int, error) { l, err := db.ListSenders(t.Context(), 0, 100); return len(l), err },
	}
	for size := 1; size <= 40; size += 13 {
		for i := range 13 {
			if size > 1 || i == 0 {
				makeOneOfEach(t, db, channels, fmt.Sprintf("n%d-%d", size, i))
			}
		}
		for name, read := range lists {
			before := counter.n.Load()
			n, err := read()
			if took := counter.n.Load() - before; err != nil || n != size || took != 1 {
				t.Errorf("%s: %d statements for %d of %d, %v", name, took, n, size, err)
			}
		}
	}
}

func makeOneOfEach(t *testing.T, db *DB, channels *Channels, name string) {
	t.Helper()
	createReader(t, db, subscriber.Input{Email: name + "@x.org", Topics: []string{name}})
	createContent(t, db, name)
	_, err := db.CreateTemplate(t.Context(), template.Set{Name: name, Channel: "email", Languages: map[string]template.Source{"en": {}, "de": {}}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = channels.CreateChannel(t.Context(), channel.Channel{Kind: channel.Slack, Provider: "slack", Name: name, Secrets: map[string]string{"a": "b"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.CreateSender(t.Context(), identity(name, false)); err != nil {
		t.Fatal(err)
	}
}
