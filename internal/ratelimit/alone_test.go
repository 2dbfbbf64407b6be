package ratelimit

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/presswork/presswork/internal/allowance"
	"github.com/presswork/presswork/internal/testkit/redistest"
)

// TestAlone: with Redis away the numbers are the same, and come back with time.
func TestAlone(t *testing.T) {
	t.Parallel()
	client := gone(t)
	synctest.Test(t, func(t *testing.T) {
		told := 0
		l := process(t, client, func(string) { told++ })
		b := allowance.Bucket{Policy: allowance.Policy{Name: "address", Units: 100, Window: time.Minute}, Key: "k"}
		if n, v := takeAll(t, l, b); n != 100 || v.RetryAfter != 600*time.Millisecond || v.Policy != b.Policy {
			t.Errorf("%d were allowed, then %+v", n, v)
		}
		if !l.Alone() || told != 1 {
			t.Errorf("alone: %v, told %d times", l.Alone(), told)
		}
		larger := day("principal", 1000)
		if v := l.Take(t.Context(), 1, larger, b); v.Allowed || v.Policy.Name != "address" {
			t.Errorf("one of two is empty: %+v", v)
		}
		if v := l.Take(t.Context(), 1, larger); v.Remaining != 999 {
			t.Errorf("what was refused was taken: %+v", v)
		}
		<-time.After(600 * time.Millisecond)
		if v := l.Take(t.Context(), 1, b); !v.Allowed {
			t.Errorf("after the wait: %+v", v)
		}
		<-time.After(10 * time.Minute)
		if n, _ := takeAll(t, l, b); n != 100 {
			t.Errorf("%d were allowed after a rest", n)
		}
		if told != 1 {
			t.Errorf("told %d times", told)
		}
	})
}

// TestEmptyAndSpared: the door is closed for those who used up their allowance, unless somebody behind the same address
// has a right of their own.
func TestEmptyAndSpared(t *testing.T) {
	t.Parallel()
	client := gone(t)
	synctest.Test(t, func(t *testing.T) {
		l := process(t, client)
		b := day("address", 2)
		if _, empty := l.Empty(b); empty {
			t.Error("nobody came yet")
		}
		takeAll(t, l, b)
		if v, empty := l.Empty(b); !empty || v.RetryAfter <= 0 {
			t.Errorf("it is not empty: %+v", v)
		}
		l.Spare(b)
		if _, empty := l.Empty(b); empty {
			t.Error("it is not spared")
		}
		if v := l.Take(t.Context(), 1, b); v.Allowed {
			t.Error("to be spared is no allowance")
		}
		<-time.After(spareTime)
		if _, empty := l.Empty(b); !empty {
			t.Error("it is spared for ever")
		}
	})
}

// TestRedisComesBack, and what it holds counts again.
func TestRedisComesBack(t *testing.T) {
	t.Parallel()
	var away atomic.Bool
	options := redistest.Client(t).Options()
	dialer := net.Dialer{}
	client := redis.NewClient(&redis.Options{Addr: options.Addr, Network: options.Network, Username: options.Username, Password: options.Password,
		DB: options.DB, MaxRetries: -1, Dialer: func(ctx context.Context, network, address string) (net.Conn, error) {
			if away.Load() {
				return nil, errors.New("away")
			}
			return dialer.DialContext(ctx, network, address)
		}})
	t.Cleanup(func() { _ = client.Close() })
	away.Store(true)
	notices := make(chan string, 8)
	l := process(t, client, func(text string) { notices <- text })
	b := day("address", 10)
	if n, _ := takeAll(t, l, b); n != 10 || !l.Alone() {
		t.Errorf("%d while it is away; alone: %v", n, l.Alone())
	}
	<-notices
	away.Store(false)
	<-notices
	other := b
	other.Key = "192.0.2.9"
	for l.Alone() { // it is told a moment before
		l.Take(t.Context(), 1, day("nothing", 1))
	}
	if v := l.Take(t.Context(), 4, other); !v.Allowed {
		t.Errorf("%+v", v)
	}
	if v := process(t, client).Take(t.Context(), 1, other); v.Remaining != 5 {
		t.Errorf("another process does not know: %+v", v)
	}
}

// TestSilentRedisIsAskedOnce: later requests do not wait for it.
func TestSilentRedisIsAskedOnce(t *testing.T) {
	t.Parallel()
	client, met := silent(t)
	asked := &calls{}
	client.AddHook(asked)
	l := process(t, client)
	l.patience = callTimeout
	b := day("address", 1000)
	for i := range 1000 {
		if v := l.Take(t.Context(), 1, b); !v.Allowed || v.Remaining != 999-i || !l.Alone() {
			t.Fatalf("%+v, alone: %v", v, l.Alone())
		}
	}
	if n := asked.n.Load(); met.Load() == 0 || n > 100 { // once a second, and what a connection begins with
		t.Errorf("it was asked %d times on %d connections", n, met.Load())
	}
}

// TestAClientWhoLeaves says nothing about Redis.
func TestAClientWhoLeaves(t *testing.T) {
	t.Parallel()
	l := process(t, redistest.Client(t))
	ctx, leave := context.WithCancel(t.Context())
	leave()
	if v := l.Take(ctx, 1, day("address", 5)); !v.Allowed || l.Alone() {
		t.Errorf("%+v, alone: %v", v, l.Alone())
	}
}

func TestClosedItStillAnswers(t *testing.T) {
	t.Parallel()
	l := process(t, gone(t))
	l.Close()
	if n, _ := takeAll(t, l, day("address", 5)); n != 5 {
		t.Errorf("%d", n)
	}
}

// TestMemoryIsBounded whoever comes, and who is in use is not forgotten.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	l := process(t, gone(t))
	l.Close()
	regular := day("address", 1000)
	l.Take(t.Context(), 1, regular)
	for i := range 5 * generation {
		stranger := regular
		stranger.Key = strconv.Itoa(i)
		l.Take(t.Context(), 1, stranger)
		if i%(generation/2) == 0 {
			l.Take(t.Context(), 1, regular)
		}
	}
	if n := len(l.meters.young) + len(l.meters.old); n > 2*generation {
		t.Errorf("%d are remembered", n)
	}
	if v := l.Take(t.Context(), 1, regular); v.Remaining != 1000-12 {
		t.Errorf("a regular was forgotten: %+v", v)
	}
}
