package app

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/testkit/fixture"
)

// serveWith serves on a free port, and is its address.
func serveWith(t *testing.T, p patience, handler http.Handler) string {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := p.server(handler, zap.NewNop())
	done := make(chan error, 1)
	go func() { done <- server.Serve(impatient{l, p.write}) }()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func send(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
}

func empty(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

// TestSlowHeads: who does not finish the head of a request in time loses the connection, and so does who sends nothing at all.
func TestSlowHeads(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", "GET /", ""} {
		synctest.Test(t, func(t *testing.T) {
			p := usual()
			network, server := fixture.NewPipes(), p.server(http.HandlerFunc(empty), zap.NewNop())
			done := make(chan error, 1)
			go func() { done <- server.Serve(impatient{network, p.write}) }()
			conn, err := network.Dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			send(t, conn, text)
			if answer, err := io.ReadAll(conn); err != nil || strings.Contains(string(answer), "204") || time.Since(began) != p.header {
				t.Errorf("%q: %q after %v, %v", text, answer, time.Since(began), err)
			}
			_ = conn.Close()
			if err := server.Close(); err != nil {
				t.Error(err)
			}
			if err := <-done; !errors.Is(err, http.ErrServerClosed) {
				t.Error(err)
			}
		})
	}
}

// TestListenersAreImpatient: what the listeners of a process are made of bounds slow heads and clients that take nothing, as usual.
func TestListenersAreImpatient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		written := make(chan error, 1)
		network := fixture.NewPipes()
		p := (&App{Log: zap.NewNop()}).listener("test", network, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, err := w.Write(make([]byte, 1<<20))
			written <- err
		}))
		if err := p.start(t.Context()); err != nil {
			t.Fatal(err)
		}
		slow, err := network.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		send(t, slow, "GET / HTTP/1.1\r\n")
		if answer, err := io.ReadAll(slow); err != nil || time.Since(began) != usual().header {
			t.Errorf("a slow head: %q after %v, %v", answer, time.Since(began), err)
		}
		lazy, err := network.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		began = time.Now()
		send(t, lazy, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		if err := <-written; err == nil || time.Since(began) != usual().write {
			t.Errorf("who takes nothing: %v after %v", err, time.Since(began))
		}
		_, _ = slow.Close(), lazy.Close()
		if err := p.stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestIdleConnections are closed.
func TestIdleConnections(t *testing.T) {
	t.Parallel()
	p := usual()
	p.idle = 50 * time.Millisecond
	conn := dial(t, serveWith(t, p, http.HandlerFunc(empty)))
	send(t, conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if answer, err := io.ReadAll(conn); err != nil || !strings.Contains(string(answer), "204") {
		t.Errorf("%q, %v", answer, err)
	}
}

func TestHugeHeads(t *testing.T) {
	t.Parallel()
	address := serveWith(t, usual(), http.HandlerFunc(empty))
	for name, text := range map[string]string{
		"one line": "X-Huge: " + strings.Repeat("a", 80<<10) + "\r\n", "many lines": strings.Repeat("X-Many: a\r\n", 10_000),
	} {
		conn := dial(t, address)
		go func() { _, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n"+text+"\r\n") }() // the server may stop reading
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%s: %d", name, response.StatusCode)
		}
		_ = response.Body.Close()
	}
}

// TestClientsThatTakeNothing are cut off, however long the answer; who takes all gets all.
func TestClientsThatTakeNothing(t *testing.T) {
	t.Parallel()
	const size = 32 << 20 // more than the buffers of both ends hold
	written := make(chan error, 2)
	long := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, err := w.Write(make([]byte, size))
		written <- err
	})
	p := usual()
	p.write = 100 * time.Millisecond
	lazy := dial(t, serveWith(t, p, long))
	send(t, lazy, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	var timeout net.Error
	if err := <-written; !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("who takes nothing: %v", err)
	}
	willing := dial(t, serveWith(t, usual(), long))
	send(t, willing, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	n, err := io.Copy(io.Discard, willing)
	if err != nil || n < size || <-written != nil {
		t.Errorf("who takes all got %d bytes, %v", n, err)
	}
}

// TestBodiesOfFilesHaveAnEndToo: the server's own time is the last bound.
func TestBodiesOfFilesHaveAnEndToo(t *testing.T) {
	t.Parallel()
	p := usual()
	p.body = 50 * time.Millisecond
	read := make(chan error, 1)
	address := serveWith(t, p, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		read <- err
	}))
	conn := dial(t, address)
	send(t, conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
	var timeout net.Error
	if err := <-read; !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("the body that does not end: %v", err)
	}
}
