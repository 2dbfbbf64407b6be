package redistest

import (
	"context"
	"net"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/presswork/presswork/internal/devstack"
)

// password is that of every server of these tests, so that one that is not passed on is noticed.
const password = "of-a-server-for-tests"

// server is a redis-server of one test.
type server struct {
	port   int
	child  *devstack.Child
	client *redis.Client
}

// startServer runs redis-server with arguments made of its port, and stops it when the test ends. A port that was
// free may be taken by the time the server wants it, so it tries a few.
func startServer(t testing.TB, arguments func(port int) []string) *server {
	t.Helper()
	program, err := devstack.RedisServer()
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		s := &server{port: freePort(t)}
		cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program, arguments(s.port)...)
		cmd.Dir = t.TempDir()
		if s.child, err = devstack.StartChild(cmd); err != nil {
			t.Fatalf("start redis-server: %v", err)
		}
		s.client = redis.NewClient(&redis.Options{Addr: s.address(), Password: password, MaxRetries: -1})
		t.Cleanup(func() {
			if err := s.client.Close(); err != nil {
				t.Errorf("close the client of a server: %v", err)
			}
			if err := s.child.Stop(); err != nil {
				t.Errorf("stop a server: %v", err)
			}
		})
		if s.answers(t) {
			return s
		}
	}
	t.Fatal("no redis-server could be started")
	return nil
}

// answers waits for the first answer, or for the end of the server.
func (s *server) answers(t testing.TB) bool {
	t.Helper()
	answered := false
	until(t, "a server to answer", func() bool {
		select {
		case <-s.child.Done():
			return true
		default:
		}
		answered = s.client.Ping(t.Context()).Err() == nil
		return answered
	})
	return answered
}

func (s *server) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// do sends a command that has to work.
func (s *server) do(t testing.TB, command ...any) any {
	t.Helper()
	answer, err := s.client.Do(t.Context(), command...).Result()
	if err != nil {
		t.Fatalf("%v: %v", command, err)
	}
	return answer
}

func freePort(t testing.TB) int {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	address, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("a TCP listener is at %v", l.Addr())
	}
	return address.Port
}

// until asks again and again, until the answer is yes.
func until(t testing.TB, what string, yes func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !yes() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
