package budget

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/testkit/redistest"
	"github.com/presswork/presswork/tasks"
)

// sendAll takes whatever a pass gives, as connections do, until ctx ends, and notes when.
func sendAll(ctx context.Context, t *testing.T, target *Target, lane tasks.Lane, note func()) {
	t.Helper()
	w := newWoken()
	p, err := target.Enter(ctx, lane, 1<<20, w.wake)
	if err != nil {
		t.Error(err)
		return
	}
	defer p.Leave()
	for {
		n, err := p.Take(3)
		if err != nil {
			t.Error(err)
			return
		}
		for range n {
			note()
		}
		if n > 0 && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-w.ch:
		}
	}
}

// TestTogetherNeverAboveTheRate: several processes at once, at several rates. No stretch of time from the beginning has more than
// the rate allows, the bucket and what each may hold ahead. (One that begins later says nothing: a machine that has other things to
// do notes together what was given apart.)
func TestTogetherNeverAboveTheRate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rate      float64
		processes int
	}{{5, 1}, {40, 3}, {400, 2}} {
		t.Run(fmt.Sprintf("%v by %d", c.rate, c.processes), func(t *testing.T) {
			t.Parallel()
			client := redistest.Client(t)
			var mu sync.Mutex
			var times []time.Time
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var wg sync.WaitGroup
			began := time.Now()
			note := func() {
				mu.Lock()
				defer mu.Unlock()
				times = append(times, time.Now())
				if time.Since(began) > 3*time.Second && float64(len(times)) >= c.rate {
					cancel() // however long a busy machine took for as many as one second's
				}
			}
			for i := range c.processes {
				b := process(t, client, fmt.Sprint("process", i))
				target := b.Channel(outlet("rate", fmt.Sprint(c.rate)))
				wg.Go(func() {
					sendAll(ctx, t, target, tasks.LaneBulk, note)
				})
			}
			wg.Wait()
			held := c.rate*tokenLife.Seconds() + float64(c.processes)
			for i, at := range times {
				allowed := c.rate*at.Sub(began).Seconds() + c.rate + held
				if n := float64(i + 1); n > allowed {
					t.Fatalf("%v messages in %s, %v allowed", n, at.Sub(began), allowed)
				}
			}
			if n := float64(len(times)); n < c.rate {
				t.Errorf("only %v were sent in a minute at %v a second", n, c.rate)
			}
		})
	}
}

// TestUrgentBeforeBulk: while a bulk run takes all it can, part of the bucket stays for who is urgent.
func TestUrgentBeforeBulk(t *testing.T) {
	t.Parallel()
	client := redistest.Client(t)
	b := process(t, client, "one")
	answer := func(lane, n int) int64 {
		list, err := b.run(t.Context(), takeScript, redisKeys("x"), 20.0, 20.0, spec{breaks: true}.reserve(lane), n, 0, "one", 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		return number(list, 0)
	}
	if n := answer(2, 100); n < 14 || n > 15 {
		t.Errorf("bulk took %d of 20", n)
	}
	if n := answer(2, 100); n != 0 {
		t.Errorf("bulk took %d more", n)
	}
	if n := answer(1, 100); n < 3 || n > 4 {
		t.Errorf("normal took %d", n)
	}
	if n := answer(0, 100); n < 3 || n > 4 {
		t.Errorf("urgent took %d", n)
	}
	if n := answer(0, 100); n != 0 {
		t.Errorf("urgent took %d of nothing", n)
	}
}

// TestWithoutARateNothingIsAsked of Redis but what the others know.
func TestWithoutARateNothingIsAsked(t *testing.T) {
	t.Parallel()
	client := redistest.Client(t)
	b := process(t, client, "one")
	target := b.Channel(outlet())
	p, err := target.Enter(t.Context(), tasks.LaneBulk, 100, newWoken().wake)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Leave()
	asked := make(chan struct{}, 100)
	client.AddHook(counting{asked})
	for range 1000 {
		n, err := p.Take(16)
		if err != nil || n != 16 {
			t.Fatal(n, err)
		}
		done, err := target.Begin(0)
		if err != nil {
			t.Fatal(err)
		}
		_ = done(nil)
	}
	if n := len(asked); n > 1 { // the watch may have looked once
		t.Errorf("Redis was asked %d times", n)
	}
}

type counting struct{ calls chan struct{} }

func (c counting) DialHook(next redis.DialHook) redis.DialHook { return next }
func (c counting) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		select {
		case c.calls <- struct{}{}:
		default:
		}
		return next(ctx, cmd)
	}
}
func (c counting) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// TestBatchesThatWaitComeBackOneAfterAnother rather than all at once.
func TestBatchesThatWaitComeBackOneAfterAnother(t *testing.T) {
	t.Parallel()
	b := process(t, redistest.Client(t), "one")
	target := b.Channel(outlet("rate", "50"))
	p, err := target.Enter(t.Context(), tasks.LaneBulk, 100, newWoken().wake)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Leave()
	var before time.Duration
	for i := range 5 {
		_, err := target.Enter(t.Context(), tasks.LaneBulk, 100, newWoken().wake)
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != fault.Wait || f.Code != codeRate {
			t.Fatal(err)
		}
		if f.After < time.Second || f.After < before-time.Second {
			t.Errorf("batch %d waits %s, the one before %s", i, f.After, before)
		}
		before = f.After
	}
	if before < 6*time.Second {
		t.Errorf("the last waits %s only", before)
	}
	urgent, err := target.Enter(t.Context(), tasks.LaneCritical, 10, newWoken().wake)
	if err != nil {
		t.Fatalf("an urgent one: %v", err)
	}
	urgent.Leave()
}

// TestComplaintsLowerTheRate for everybody, and after a while it rises again.
func TestComplaintsLowerTheRate(t *testing.T) {
	t.Parallel()
	client := redistest.Client(t)
	one, two := process(t, client, "one"), process(t, client, "two")
	c := outlet("rate", "100")
	a := one.Channel(c)
	done, err := a.Begin(0)
	if err != nil {
		t.Fatal(err)
	}
	_ = done(fault.WaitFor(300*time.Millisecond, "rate_limited", nil))
	if _, err := two.Channel(c).Enter(t.Context(), 0, 1, newWoken().wake); fault.CodeOf(err) != codePaused {
		t.Errorf("the other process may go on: %v", err)
	}
	two.options.Channels = func(context.Context) ([]channel.Channel, error) { return []channel.Channel{c}, nil }
	if rate, limited, err := two.Rate(t.Context(), channel.Email); err != nil || !limited || rate != 50 {
		t.Errorf("%v, %v, %v", rate, limited, err)
	}
	until(t, "the rate to rise", func() bool {
		list, err := two.run(t.Context(), takeScript, redisKeys(a.key), 100.0, 0, 0, 1, 0, "two", 0, 0)
		return err == nil && float(list, 4) > 50 && float(list, 4) < 60
	})
}

// TestARateIsLearned where none was known.
func TestARateIsLearned(t *testing.T) {
	t.Parallel()
	b := process(t, redistest.Client(t), "one")
	target := b.Channel(outlet())
	target.mu.Lock()
	target.observed = 30
	target.mu.Unlock()
	target.throttle(fault.WaitFor(time.Millisecond, "rate_limited", nil))
	if s := b.Statuses(); len(s) != 1 || s[0].PerSecond != 15 {
		t.Errorf("%+v", s)
	}
	// A complaint of our own says nothing about the provider.
	other := outlet()
	other.ID = 8
	done, err := b.Channel(other).Begin(0)
	if err != nil {
		t.Fatal(err)
	}
	_ = done(fault.WaitFor(time.Second, channel.CodeBusy, nil))
	if err := b.Channel(other).shutNow(); err != nil {
		t.Error(err)
	}
}

// TestARateThatFellFarComesBack in minutes, not in days: slowly at first, and by its own size from where it was cut. One
// that was learned is forgotten in the end.
func TestARateThatFellFarComesBack(t *testing.T) {
	t.Parallel()
	for ceiling, want := range map[float64]float64{5000: 5000, 0: 0} {
		client := redistest.Client(t)
		b := process(t, client, "one")
		key := redisKeys("far")[0]
		if err := client.HSet(t.Context(), key, "rate", 1, "base", 2).Err(); err != nil {
			t.Fatal(err)
		}
		seconds := 0
		for rate := 1.0; rate != want; seconds++ {
			now, err := client.Time(t.Context()).Result()
			if err != nil {
				t.Fatal(err)
			}
			if err := client.HSet(t.Context(), key, "at", now.Add(-time.Second).UnixMicro()).Err(); err != nil {
				t.Fatal(err)
			}
			list, err := b.run(t.Context(), takeScript, redisKeys("far"), ceiling, 0, 0, 1, 0, "one", 0, 0)
			if err != nil || seconds > 1000 {
				t.Fatalf("after %d seconds it is %v, %v", seconds, rate, err)
			}
			rate = float(list, 4)
		}
		if seconds < 300 {
			t.Errorf("it came back after %d seconds", seconds)
		}
	}
}

// TestTheQuotaIsTheRate unless the channel has one of its own.
func TestTheQuotaIsTheRate(t *testing.T) {
	t.Parallel()
	b := process(t, redistest.Client(t), "one")
	if err := b.SetQuota(t.Context(), 7, channel.Quota{PerSecond: 14}); err != nil {
		t.Fatal(err)
	}
	for settings, want := range map[string]float64{"": 14, "3": 3} {
		c := outlet()
		if settings != "" {
			c = outlet("rate", settings)
		}
		b.options.Channels = func(context.Context) ([]channel.Channel, error) { return []channel.Channel{c}, nil }
		if rate, limited, err := b.Rate(t.Context(), channel.Email); err != nil || !limited || rate != want {
			t.Errorf("%q: %v, %v, %v", settings, rate, limited, err)
		}
	}
}

// TestRedisAway: a process goes on with its share, and says so.
func TestRedisAway(t *testing.T) {
	t.Parallel()
	gone := goneRedis(t)
	synctest.Test(t, func(t *testing.T) {
		b := process(t, gone, "one", quickCircuit(3, 100*time.Millisecond))
		target := b.Channel(outlet("rate", "200"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		n := 0
		sendAll(ctx, t, target, tasks.LaneBulk, func() { n++ })
		if !b.Away() || n == 0 || n > 300 {
			t.Errorf("%d sent, away %v", n, b.Away())
		}
		fail := fault.New(fault.Retry, "not_sent", "")
		for range 3 {
			done, err := target.Begin(0)
			if err != nil {
				t.Fatal(err)
			}
			_ = done(fail)
		}
		if _, err := target.Enter(t.Context(), 0, 1, newWoken().wake); fault.CodeOf(err) != channel.CodeCircuitOpen {
			t.Errorf("its own circuit: %v", err)
		}
	})
}

// BenchmarkHealthyTarget is what a target without a rate costs a message.
func BenchmarkHealthyTarget(b *testing.B) {
	client := redistest.Client(b)
	limits := New(Options{Redis: client, Process: "one"})
	defer limits.Close()
	target := limits.Channel(outlet())
	p, err := target.Enter(b.Context(), tasks.LaneBulk, 1<<30, newWoken().wake)
	if err != nil {
		b.Fatal(err)
	}
	defer p.Leave()
	b.ReportAllocs()
	for b.Loop() {
		if n, err := p.Take(1); n != 1 || err != nil || p.Shut() != nil {
			b.Fatal(n, err)
		}
		done, err := target.Begin(0)
		if err != nil {
			b.Fatal(err)
		}
		_ = done(nil)
	}
}
