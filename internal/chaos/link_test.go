package chaos

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// link is the network between those who connect to its address and one server: it can be cut, slow, or take what is
// sent and pass nothing on.
type link struct {
	listener net.Listener
	network  string // of the server: tcp or unix
	target   string
	slow     atomic.Int64 // nanoseconds that each piece is held up
	hazards  atomic.Int64 // connections that were cut or held while somebody may have waited for an answer
	done     chan struct{}
	running  sync.WaitGroup

	mu   sync.Mutex
	open map[net.Conn]struct{} // the clients' ends
	hold chan struct{}         // closed when the link lets pass again; nil while it does
}

func newLink(t *testing.T, network, target string) *link {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &link{listener: l, network: network, target: target, done: make(chan struct{}), open: map[net.Conn]struct{}{}}
	k.running.Go(func() { k.accept(context.WithoutCancel(t.Context())) })
	t.Cleanup(k.close)
	return k
}

func (k *link) address() string { return k.listener.Addr().String() }

func (k *link) accept(ctx context.Context) {
	var dialer net.Dialer
	for {
		client, err := k.listener.Accept()
		if err != nil {
			return
		}
		k.running.Go(func() {
			defer client.Close()
			if !k.enter(client) {
				return
			}
			defer k.leave(client)
			server, err := dialer.DialContext(ctx, k.network, k.target)
			if err != nil {
				return // it is down, and so the connection ends
			}
			defer server.Close()
			k.carry(client, server)
		})
	}
}

// carry passes everything on in both directions until one end is closed.
func (k *link) carry(client, server net.Conn) {
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
		both.Go(func() {
			defer client.Close()
			defer server.Close()
			k.pass(way[0], way[1])
		})
	}
	both.Wait()
}

func (k *link) pass(from, to net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil || !k.wait() {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// wait lets the time pass that the link takes; false means that it is closed.
func (k *link) wait() bool {
	k.mu.Lock()
	hold := k.hold
	k.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-k.done:
			return false
		}
	}
	slow := k.slow.Load()
	if slow == 0 {
		return true
	}
	timer := time.NewTimer(time.Duration(slow))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-k.done:
		return false
	}
}

func (k *link) enter(client net.Conn) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	select {
	case <-k.done:
		return false
	default:
	}
	k.open[client] = struct{}{}
	if k.hold != nil {
		k.hazards.Add(1)
	}
	return true
}

func (k *link) leave(client net.Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.open, client)
}

// cut ends every connection there is. New ones are let through.
func (k *link) cut() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.hazards.Add(int64(len(k.open)))
	for client := range k.open {
		client.Close()
	}
}

// freeze lets nothing pass until thaw: connections stay, and what is sent is taken.
func (k *link) freeze() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.hold == nil {
		k.hold = make(chan struct{})
		k.hazards.Add(int64(len(k.open)))
	}
}

// thaw ends a freeze; what was held goes on its way.
func (k *link) thaw() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.hold != nil {
		close(k.hold)
		k.hold = nil
	}
}

// delay holds every piece up for so long; 0 is no delay.
func (k *link) delay(d time.Duration) { k.slow.Store(int64(d)) }

func (k *link) close() {
	k.listener.Close()
	k.mu.Lock()
	close(k.done)
	for client := range k.open {
		client.Close()
	}
	k.mu.Unlock()
	k.running.Wait()
}
