package postgres

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/publication"
)

// Ways to lose a connection in the middle of a statement.
const (
	intact      int32 = iota
	afterCommit       // the server has done it, its word is lost
	beforeSent        // the statement is lost
)

// cutConn loses the connection once, at the next statement after cut was set.
type cutConn struct {
	net.Conn
	cut *atomic.Int32
	mid bool // a statement is being cut
}

func (c *cutConn) Write(b []byte) (int, error) {
	switch c.cut.Load() {
	case afterCommit:
		c.mid = true
	case beforeSent:
		c.mid = true
		return len(b), nil
	}
	return c.Conn.Write(b)
}

func (c *cutConn) Read(b []byte) (int, error) {
	if !c.mid {
		return c.Conn.Read(b)
	}
	if c.cut.Swap(intact) == afterCommit {
		// ReadyForQuery, idle: the transaction is over.
		var seen []byte
		for !bytes.HasSuffix(seen, []byte("Z\x00\x00\x00\x05I")) {
			n, err := c.Conn.Read(b)
			if err != nil {
				return 0, err
			}
			seen = append(seen, b[:n]...)
		}
	}
	return 0, io.EOF
}

// cuttable is a newsroom whose connections can be cut.
func cuttable(t *testing.T) (*newsroom, *atomic.Int32) {
	t.Helper()
	n := newNewsroom(t)
	cut := &atomic.Int32{}
	config, err := pgxpool.ParseConfig(n.pool.Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = 1
	dial := config.ConnConfig.DialFunc
	config.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &cutConn{Conn: conn, cut: cut}, nil
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	other := *n
	other.DB = &DB{pool: pool, takers: takers{life: time.Hour}}
	return &other, cut
}

// When the answer to a commit is lost, Accept finds out what happened before it answers.
func TestAcceptWhenTheConnectionIsCut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		cut  int32
		key  string
		want int // publications
	}{
		{"after the commit", afterCommit, "", 2}, {"after the commit, with a key", afterCommit, "k", 2},
		{"before it was sent", beforeSent, "", 1}, {"before it was sent, with a key", beforeSent, "k", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n, cut := cuttable(t)
			a := n.acceptor(t, nil)
			s := n.submission(t, nil)
			before := s
			if c.key != "" {
				before = keyed(s, "before", 1)
			}
			if _, err := a.Accept(t.Context(), before); err != nil { // prepares the statements
				t.Fatal(err)
			}
			cut.Store(c.cut)
			got, err := a.Accept(t.Context(), keyed(s, c.key, 1))
			if rows := value[int](t, n.DB, `SELECT count(*)::int FROM publication`); rows != c.want {
				t.Fatalf("%d publications", rows)
			}
			if c.cut == beforeSent {
				if !fault.Is(err, fault.Unavailable) || fault.CodeOf(err) != "outcome_unknown" {
					t.Errorf("nothing is stored, and the answer is %+v, %v", got, err)
				}
				return
			}
			if err != nil || got.Replay || value[int](t, n.DB, `SELECT count(*)::int FROM publication WHERE uid = $1`, got.UID) != 1 {
				t.Errorf("it is stored, and the answer is %+v, %v", got, err)
			}
			if c.key != "" {
				again, err := a.Accept(t.Context(), keyed(s, c.key, 1))
				if err != nil || !again.Replay || again.UID != got.UID {
					t.Errorf("again %+v, %v", again, err)
				}
			}
		})
	}
}

// A server that cannot be reached is an error that says so, never a promise.
func TestAcceptWithoutAServer(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	s := n.submission(t, nil)
	pool, err := pgxpool.New(t.Context(), "postgres://127.0.0.1:1/none?connect_timeout=1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	n.DB = &DB{pool: pool}
	got, err := n.acceptor(t, nil).Accept(t.Context(), s)
	if !fault.Is(err, fault.Unavailable) || got != (publication.Accepted{}) {
		t.Errorf("%+v, %v", got, err)
	}
}
