package queue

import (
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/testkit/redistest"
	"github.com/presswork/presswork/tasks"
)

func TestMain(m *testing.M) { redistest.Main(m) }

// open is a Queue on a Redis database of the test's own.
func open(t testing.TB) *Queue {
	t.Helper()
	return openAt(t, redistest.New(t))
}

func openAt(t testing.TB, address string) *Queue {
	t.Helper()
	q, err := Open(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := q.Close(); err != nil {
			t.Errorf("close the queue: %v", err)
		}
	})
	return q
}

// batch is the nudge of an e-mail batch in a lane.
func batch(t testing.TB, id int64, lane tasks.Lane) tasks.Task {
	t.Helper()
	args, err := tasks.NewSend("email", id, 1)
	if err != nil {
		t.Fatal(err)
	}
	task, err := tasks.New(args, lane)
	if err != nil {
		t.Fatal(err)
	}
	return task
}

func enqueue(t testing.TB, q *Queue, list ...tasks.Task) {
	t.Helper()
	for _, task := range list {
		if err := q.Enqueue(t.Context(), task); err != nil {
			t.Fatal(err)
		}
	}
}

// work starts a worker, which the test or its end stops.
func work(t testing.TB, q *Queue, queues map[string]int, slots Slots, h *Handlers) *Worker {
	t.Helper()
	w, err := q.NewWorker(queues, slots, h, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, w) })
	return w
}

// stop stops a worker and waits for what it runs. It may be repeated.
func stop(t testing.TB, w *Worker) {
	t.Helper()
	if err := w.Stop(context.Background()); err != nil {
		t.Errorf("stop the worker: %v", err)
	}
}

// depth is how full one queue is.
func depth(t testing.TB, q *Queue, name string) Depth {
	t.Helper()
	list, err := q.Depths([]string{name})
	if err != nil || len(list) != 1 {
		t.Fatalf("depths: %v, %v", list, err)
	}
	return list[0]
}

// gate is a way to Redis that can be shut: the server is away for whoever goes through it.
type gate struct {
	address  string
	target   string
	listener net.Listener
	wg       sync.WaitGroup

	mu   sync.Mutex
	shut bool
	open map[net.Conn]bool
}

// newGate makes an open gate in front of the Redis at address.
func newGate(t testing.TB, address string) *gate {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	var config net.ListenConfig
	l, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{target: u.Host, listener: l, open: map[net.Conn]bool{}}
	u.Host = l.Addr().String()
	g.address = u.String()
	g.wg.Go(g.accept)
	t.Cleanup(func() {
		_ = l.Close()
		g.set(true)
		g.wg.Wait()
	})
	return g
}

func (g *gate) accept() {
	for {
		inner, err := g.listener.Accept()
		if err != nil {
			return
		}
		g.wg.Go(func() { g.pass(inner) })
	}
}

// pass copies both ways until either side ends or the gate is shut.
func (g *gate) pass(inner net.Conn) {
	defer inner.Close()
	var dialer net.Dialer
	outer, err := dialer.DialContext(context.Background(), "tcp", g.target)
	if err != nil {
		return
	}
	defer outer.Close()
	if !g.register(inner) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(outer, inner); _ = outer.Close() })
	_, _ = io.Copy(inner, outer)
	_ = inner.Close()
	both.Wait()
}

func (g *gate) register(c net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open[c] = true
	return !g.shut
}

// set shuts the gate, which ends every connection, or opens it again.
func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
	if shut {
		for c := range g.open {
			_ = c.Close()
		}
		g.open = map[net.Conn]bool{}
	}
}
