package ratelimit

import (
	"context"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/presswork/presswork/internal/allowance"
	"github.com/presswork/presswork/internal/testkit/redistest"
)

func TestMain(m *testing.M) { redistest.Main(m) }

// process is a Limiter as one process has it, which does not give Redis up because the machine is busy.
func process(t testing.TB, client redis.UniversalClient, notices ...func(string)) *Limiter {
	t.Helper()
	o := Options{Redis: client, Secret: []byte("secret of the tests")}
	if len(notices) > 0 {
		o.Notice = notices[0]
	}
	l, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	l.patience = time.Minute
	return l
}

// day is a bucket that gives nothing back while a test runs.
func day(name string, units int) allowance.Bucket {
	return allowance.Bucket{Policy: allowance.Policy{Name: name, Units: units, Window: 24 * time.Hour}, Key: "192.0.2.7"}
}

// calls counts what is asked of Redis.
type calls struct{ n atomic.Int64 }

func (c *calls) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *calls) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.n.Add(1)
		return next(ctx, cmd)
	}
}

func (c *calls) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// gone is a client whose calls fail at once.
func gone(t *testing.T) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	return client
}

// silent is a client of a server that takes connections and says nothing.
func silent(t *testing.T) (*redis.Client, *atomic.Int64) {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var met atomic.Int64
	var serving sync.WaitGroup
	var open []net.Conn
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			met.Add(1)
			open = append(open, c)
		}
	})
	client := redis.NewClient(&redis.Options{Addr: l.Addr().String(), MaxRetries: -1, ContextTimeoutEnabled: true})
	t.Cleanup(func() {
		_ = client.Close()
		_ = l.Close()
		serving.Wait()
		for _, c := range open {
			_ = c.Close()
		}
	})
	return client, &met
}

// takeAll takes units one by one until one is refused, and is how many there were.
func takeAll(t *testing.T, l *Limiter, b allowance.Bucket) (int, allowance.Verdict) {
	t.Helper()
	for n := range 1_000_000 {
		if v := l.Take(t.Context(), 1, b); !v.Allowed {
			return n, v
		}
	}
	t.Fatal("there is no end to " + strconv.Quote(b.Name))
	return 0, allowance.Verdict{}
}
