package ratelimit

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/presswork/presswork/internal/allowance"
	"github.com/presswork/presswork/internal/testkit/redistest"
)

func TestOneBucketForAllProcesses(t *testing.T) {
	t.Parallel()
	client := redistest.Client(t)
	one, two := process(t, client), process(t, client)
	b := day("address", 100)
	for i := range 50 {
		for _, l := range []*Limiter{one, two} {
			if v := l.Take(t.Context(), 1, b); !v.Allowed || v.Policy != b.Policy || v.RetryAfter != 0 || v.Remaining > 99-2*i || v.Remaining < 98-2*i {
				t.Fatalf("round %d: %+v", i, v)
			}
		}
	}
	for name, l := range map[string]*Limiter{"one": one, "two": two, "a new one": process(t, client)} {
		v := l.Take(t.Context(), 1, b)
		if v.Allowed || v.Remaining != 0 || v.RetryAfter <= 0 || v.RetryAfter > 24*time.Hour/100 || v.Reset <= 23*time.Hour || v.Reset > 24*time.Hour {
			t.Errorf("%s: %+v", name, v)
		}
		if l.Refused()["address"] != 1 {
			t.Errorf("%s counted %v", name, l.Refused())
		}
	}
	other := b
	other.Key = "192.0.2.8"
	if v := one.Take(t.Context(), 1, other); !v.Allowed || v.Remaining != 99 {
		t.Errorf("another client: %+v", v)
	}
}

func TestAllBucketsOrNone(t *testing.T) {
	t.Parallel()
	l := process(t, redistest.Client(t))
	small, large := day("address", 3), day("principal", 1000)
	if v := l.Take(t.Context(), 2, small, large); !v.Allowed || v.Policy.Name != "address" || v.Remaining != 1 {
		t.Errorf("the first: %+v", v)
	}
	for range 3 {
		if v := l.Take(t.Context(), 2, large, small); v.Allowed || v.Policy.Name != "address" || v.Remaining != 1 {
			t.Errorf("too much of the smaller: %+v", v)
		}
	}
	if v := l.Take(t.Context(), 1, large); v.Remaining != 1000-2-1 {
		t.Errorf("what was refused was taken of the larger: %+v", v)
	}
	if v := l.Take(t.Context(), 5000, day("other", 10)); !v.Allowed || v.Remaining != 0 {
		t.Errorf("more than the whole bucket: %+v", v)
	}
	if v := l.Take(t.Context(), 1); !v.Allowed {
		t.Errorf("no bucket: %+v", v)
	}
}

// TestWhatIsKnownIsNotAsked: neither that a bucket is empty nor, of a busy one, that there is some of it.
func TestWhatIsKnownIsNotAsked(t *testing.T) {
	t.Parallel()
	client := redistest.Client(t)
	asked := &calls{}
	client.AddHook(asked)
	l := process(t, client)
	empty := day("address", 2)
	takeAll(t, l, empty)
	before := asked.n.Load()
	for range 1000 {
		if v := l.Take(t.Context(), 1, empty); v.Allowed {
			t.Fatalf("allowed: %+v", v)
		}
	}
	if v, known := l.Empty(empty); !known || v.Allowed || v.RetryAfter <= 0 {
		t.Errorf("it is not known to be empty: %+v", v)
	}
	if n := asked.n.Load() - before; n != 0 {
		t.Errorf("an empty bucket was asked for %d times", n)
	}
	busy := day("principal", 100_000_000)
	for asked.n.Load() > 0 { // until one costs nothing: after a tenth of a second
		before = asked.n.Load()
		l.Take(t.Context(), 1, busy)
		if asked.n.Load() == before {
			break
		}
	}
	small := day("small", aheadLeast-1)
	for range 200 {
		before = asked.n.Load()
		if l.Take(t.Context(), 1, small); asked.n.Load() == before {
			t.Fatal("something was taken ahead of a small bucket")
		}
	}
}

// TestBusyBucketsAreExact: taking ahead lets nobody have more, and loses a hundredth for each process at most.
func TestBusyBucketsAreExact(t *testing.T) {
	t.Parallel()
	client := redistest.Client(t)
	const units, processes = 30_000, 3
	b := day("principal", units)
	var allowed atomic.Int64
	var group sync.WaitGroup
	for range processes {
		l := process(t, client)
		for range 4 {
			group.Go(func() {
				for l.Take(t.Context(), 1, b).Allowed {
					allowed.Add(1)
				}
			})
		}
	}
	group.Wait()
	if n := allowed.Load(); n > units+1 || n < units-processes*units/aheadPart {
		t.Errorf("%d were let through, of %d", n, units)
	}
}

// TestRedisLearnsNoAddress, and forgets who was not there for a window.
func TestRedisLearnsNoAddress(t *testing.T) {
	t.Parallel()
	client := redistest.Client(t)
	l := process(t, client)
	l.Take(t.Context(), 50, allowance.Bucket{Policy: allowance.Policy{Name: "address", Units: 100, Window: time.Minute}, Key: "192.0.2.7"})
	keys, err := client.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) != 1 {
		t.Fatalf("%v, %v", keys, err)
	}
	if !strings.HasPrefix(keys[0], "{presswork:rate}:") || strings.Contains(keys[0], "192.0.2.7") {
		t.Errorf("a client stands there as %q", keys[0])
	}
	life, err := client.PTTL(t.Context(), keys[0]).Result()
	if err != nil || life <= 0 || life > 30*time.Second {
		t.Errorf("half a bucket of a minute is remembered for %v, %v", life, err)
	}
}

// TestOddStates: what stands in Redis and is no bucket, or one of the future since the clock was set back, is mended.
func TestOddStates(t *testing.T) {
	t.Parallel()
	client := redistest.Client(t)
	for value, want := range map[string]bool{"nonsense": true, "": true, "0": true, "9e18": false} {
		b := day("address", 10)
		b.Key = value
		l := process(t, client)
		if err := client.Set(t.Context(), l.name(b), value, 0).Err(); err != nil {
			t.Fatal(err)
		}
		v := l.Take(t.Context(), 1, b)
		if v.Allowed != want || v.Reset > b.Window {
			t.Errorf("%q: %+v", value, v)
		}
	}
}

func TestCluster(t *testing.T) {
	t.Parallel()
	options, err := redis.ParseClusterURL(strings.Replace(redistest.Cluster(t), "redis-cluster://", "redis://", 1))
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClusterClient(options)
	t.Cleanup(func() { _ = client.Close() })
	l := process(t, client)
	for range 3 {
		if v := l.Take(t.Context(), 1, day("address", 3), day("principal", 1000)); !v.Allowed {
			t.Errorf("%+v", v)
		}
	}
	if v := l.Take(t.Context(), 1, day("principal", 1000), day("address", 3)); v.Allowed || l.Alone() {
		t.Errorf("%+v, alone: %v", v, l.Alone())
	}
}
