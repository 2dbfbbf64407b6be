package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/presswork/presswork/internal/app"
	"github.com/presswork/presswork/internal/testkit/dbtest"
	"github.com/presswork/presswork/internal/testkit/fixture"
	"github.com/presswork/presswork/internal/testkit/redistest"
)

// cutter is a network between Presswork and PostgreSQL that loses connections at the worst moment: when the server
// has done what it was asked, and before its answer arrives.
type cutter struct {
	listener net.Listener
	server   string // path of PostgreSQL's socket
	// odds: one answer in so many is lost; 0 for none.
	odds    atomic.Int64
	cuts    atomic.Int64
	mu      sync.Mutex
	open    map[net.Conn]struct{}
	running sync.WaitGroup
}

// cuttable returns a way to a database that can be cut.
func cuttable(t *testing.T, database string) (string, *cutter) {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	c := &cutter{listener: l, open: map[net.Conn]struct{}{},
		server: filepath.Join(query.Get("host"), ".s.PGSQL."+query.Get("port"))}
	c.running.Go(func() { c.accept(context.WithoutCancel(t.Context())) })
	t.Cleanup(c.close)
	u.Host, u.RawQuery = l.Addr().String(), "sslmode=disable"
	return u.String(), c
}

func (c *cutter) accept(ctx context.Context) {
	var dialer net.Dialer
	for {
		client, err := c.listener.Accept()
		if err != nil {
			return
		}
		server, err := dialer.DialContext(ctx, "unix", c.server)
		if err != nil {
			client.Close()
			continue
		}
		c.mu.Lock()
		c.open[client], c.open[server] = struct{}{}, struct{}{}
		c.mu.Unlock()
		end := func() { client.Close(); server.Close() }
		c.running.Go(func() { defer end(); pass(server, client, func() bool { return false }) })
		c.running.Go(func() { defer end(); pass(client, server, c.cut) })
	}
}

// cut draws whether this answer is lost.
func (c *cutter) cut() bool {
	odds := c.odds.Load()
	if odds == 0 || rand.Int64N(odds) != 0 { //nolint:gosec // a chance, not a secret
		return false
	}
	c.cuts.Add(1)
	return true
}

func pass(to, from net.Conn, lost func() bool) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil || lost() {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (c *cutter) close() {
	c.listener.Close()
	c.mu.Lock()
	for conn := range c.open {
		conn.Close()
	}
	c.mu.Unlock()
	c.running.Wait()
}

// Answers of the database that are lost again and again, in the middle of everything, leave nobody out, double
// nobody and leave nobody uncertain: no process died.
func TestConnectionsCut(t *testing.T) {
	t.Parallel()
	const readers = 1200
	database := dbtest.New(t)
	through, network := cuttable(t, database)
	h := openOn(t, servers{through, redistest.New(t)}, app.API, app.Scheduler)
	h.pool = dbtest.Connect(t, database)
	h.ConnectSMTP(t, "email")
	h.ConnectWebhook(t, "hook")
	h.Subscribe(t, fixture.People("cut", readers))
	h.start(nil, app.Worker)
	network.odds.Store(15)
	var accepted struct{ ID string }
	fixture.Until(t, patience, "the publication to be accepted", func() (bool, string) {
		err := h.Try(t.Context(), http.MethodPost, "/publications",
			h.Request(fixture.Order{Title: "Cut", Channels: []string{"email", "webhook"}}), &accepted, "Idempotency-Key", "cut")
		return err == nil, fmt.Sprint(err)
	})
	id := accepted.ID
	fixture.Until(t, patience, "cuts", func() (bool, string) { return network.cuts.Load() > 100, "" })
	network.odds.Store(0)
	p := h.Await(t, id, "completed", 2*patience)
	if p.All.Sent != readers+1 || p.All.Uncertain != 0 {
		t.Errorf("progress is %s", p)
	}
	h.wantOnce(id, "email", readers)
	h.wantOnce(id, "webhook", 1)
}
