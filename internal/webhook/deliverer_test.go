package webhook_test

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a store with a number of events for each endpoint, as far as a Deliverer can tell.
type memory struct {
	mu       sync.Mutex
	due      map[int64]int       // events
	held     map[int64]time.Time // endpoints
	posts    []webhook.Post
	claims   int
	recorded error
	changed  bool          // endpoints, as soon as something is recorded
	failing  time.Duration // for how long endpoints have failed; a success ends it
	slow     time.Duration // how long the first claim takes to come back
}

func (m *memory) DueEndpoints(context.Context) ([]int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []int64
	for endpoint := range maps.Keys(m.due) {
		if m.due[endpoint] > 0 && !time.Now().Before(m.held[endpoint]) {
			list = append(list, endpoint)
		}
	}
	return list, nil
}

func (m *memory) ClaimDue(_ context.Context, endpoint int64, limit int, _ time.Duration) (webhook.Claim, error) {
	m.mu.Lock()
	slow := m.slow
	m.slow = 0
	defer func() {
		m.mu.Unlock()
		<-time.After(slow)
	}()
	c := webhook.Claim{Endpoint: webhook.Endpoint{ID: endpoint, URL: string(rune('0' + endpoint))}}
	if time.Now().Before(m.held[endpoint]) {
		return c, nil
	}
	if c.Failing = m.failing; c.Failing > 0 {
		limit = 1
	}
	for range min(limit, m.due[endpoint]) {
		m.due[endpoint]--
		c.Items = append(c.Items, webhook.Claimed{Event: webhook.Event{UID: ident.New(), Type: webhook.PublicationSending, Data: struct{}{}}})
	}
	m.claims++
	return c, nil
}

func (m *memory) RecordPosts(_ context.Context, c webhook.Claim, posts []webhook.Post) (webhook.Standing, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := webhook.Standing{Changed: m.changed}
	for _, p := range posts {
		if p.Back || p.Verdict.State == webhook.Pending {
			m.due[c.Endpoint.ID]++
		}
		if p.Verdict.State == webhook.Delivered {
			m.failing = 0
		}
		if p.Verdict.Hold > 0 {
			m.held[c.Endpoint.ID] = time.Now().Add(p.Verdict.Hold)
		}
		if p.Verdict.Disable != "" {
			s.Disabled, m.due[c.Endpoint.ID] = p.Verdict.Disable, 0
		}
	}
	m.posts = append(m.posts, posts...)
	return s, m.recorded
}

func (m *memory) count(of func(webhook.Post) bool) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.posts {
		if of(p) {
			n++
		}
	}
	return n
}

func delivered(p webhook.Post) bool { return p.Verdict.State == webhook.Delivered }
func back(p webhook.Post) bool      { return p.Back }

type callFunc func(ctx context.Context, c webhook.Call) webhook.Answer

func (f callFunc) Call(ctx context.Context, c webhook.Call) webhook.Answer { return f(ctx, c) }

// inBubble runs a Deliverer while do runs, under a clock of its own, and waits for its end.
func inBubble(t *testing.T, m *memory, call callFunc, o webhook.Options, do func(stop func())) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if m.held == nil {
			m.held = map[int64]time.Time{}
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var wg sync.WaitGroup
		wg.Go(func() { webhook.NewDeliverer(m, call, o).Run(ctx) })
		do(stop)
		stop()
		wg.Wait()
	})
}

// TestSlowEndpoint: one that takes nine seconds for each answer has a few calls under way, and others do not wait for it.
func TestSlowEndpoint(t *testing.T) {
	t.Parallel()
	m := &memory{due: map[int64]int{1: 1000, 2: 500}}
	var mu sync.Mutex
	slow, most := 0, 0
	call := func(_ context.Context, c webhook.Call) webhook.Answer {
		if c.URL == "1" {
			mu.Lock()
			slow++
			most = max(most, slow)
			mu.Unlock()
			<-time.After(9 * time.Second)
			mu.Lock()
			slow--
			mu.Unlock()
		}
		return webhook.Answer{Status: 200}
	}
	inBubble(t, m, call, webhook.Options{}, func(func()) {
		<-time.After(5 * time.Second)
		if n := m.count(delivered); n != 500 {
			t.Errorf("%d were delivered beside the slow ones", n)
		}
	})
	if most != 8 {
		t.Errorf("%d calls of one endpoint were under way", most)
	}
}

// TestManySlowEndpoints: as many as could have every call of the process under way hold up nobody else.
func TestManySlowEndpoints(t *testing.T) {
	t.Parallel()
	const fast = 1
	m := &memory{due: map[int64]int{}}
	for endpoint := range int64(60) {
		m.due[100+endpoint] = 1000
	}
	call := func(_ context.Context, c webhook.Call) webhook.Answer {
		if c.URL != string(rune('0'+fast)) {
			<-time.After(9 * time.Second)
		}
		return webhook.Answer{Status: 200}
	}
	inBubble(t, m, call, webhook.Options{}, func(func()) {
		<-time.After(2 * time.Second)
		m.mu.Lock()
		m.due[fast] = 500
		m.mu.Unlock()
		<-time.After(2 * time.Second)
		if n := m.count(delivered); n != 500 {
			t.Errorf("%d were delivered beside the slow ones", n)
		}
	})
}

// TestPoke: what somebody says is due is posted at once, and not with the next look.
func TestPoke(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{due: map[int64]int{}, held: map[int64]time.Time{}}
		ctx, stop := context.WithCancel(t.Context())
		d := webhook.NewDeliverer(m, callFunc(func(context.Context, webhook.Call) webhook.Answer { return webhook.Answer{Status: 200} }), webhook.Options{})
		var wg sync.WaitGroup
		wg.Go(func() { d.Run(ctx) })
		<-time.After(100 * time.Millisecond)
		m.mu.Lock()
		m.due[1] = 1
		m.mu.Unlock()
		d.Poke()
		d.Poke()
		<-time.After(50 * time.Millisecond)
		if n := m.count(delivered); n != 1 {
			t.Errorf("%d were posted", n)
		}
		stop()
		wg.Wait()
	})
}

// TestOldClaim: what was claimed too long ago is given back, since its lease may end while it is posted.
func TestOldClaim(t *testing.T) {
	t.Parallel()
	m := &memory{due: map[int64]int{1: 32}}
	call := func(context.Context, webhook.Call) webhook.Answer {
		<-time.After(12 * time.Second) // begun after 0, 12 and 24 seconds, and not after 36
		return webhook.Answer{Status: 200}
	}
	inBubble(t, m, call, webhook.Options{}, func(func()) { <-time.After(47 * time.Second) })
	if d, b := m.count(delivered), m.count(back); d != 32 || b != 8 || m.claims < 2 {
		t.Errorf("%d were posted, %d given back, in %d claims", d, b, m.claims)
	}
}

// TestLateClaim: the time that a claim takes to come back is a part of its lease.
func TestLateClaim(t *testing.T) {
	t.Parallel()
	m := &memory{due: map[int64]int{1: 1}, slow: 31 * time.Second}
	call := func(context.Context, webhook.Call) webhook.Answer { return webhook.Answer{Status: 200} }
	inBubble(t, m, call, webhook.Options{}, func(func()) { <-time.After(35 * time.Second) })
	if d, b := m.count(delivered), m.count(back); d != 1 || b != 1 {
		t.Errorf("%d were posted, %d given back", d, b)
	}
}

// TestDeadEndpoint: one for which much waits, and which refuses at once for an hour already, is asked once a second, whoever pokes,
// and gets everything as soon as it takes one.
func TestDeadEndpoint(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{due: map[int64]int{1: 1000}, held: map[int64]time.Time{}, failing: time.Hour}
		var dead atomic.Bool
		dead.Store(true)
		call := func(context.Context, webhook.Call) webhook.Answer {
			if dead.Load() {
				<-time.After(time.Millisecond)
				return webhook.Answer{Error: "no connection"}
			}
			return webhook.Answer{Status: 200}
		}
		ctx, stop := context.WithCancel(t.Context())
		d := webhook.NewDeliverer(m, callFunc(call), webhook.Options{})
		var wg sync.WaitGroup
		wg.Go(func() { d.Run(ctx) })
		for range 100 {
			<-time.After(100 * time.Millisecond)
			d.Poke()
		}
		if n := m.count(func(webhook.Post) bool { return true }); n < 10 || n > 11 {
			t.Errorf("asked %d times in ten seconds", n)
		}
		dead.Store(false)
		<-time.After(2 * time.Second)
		if n := m.count(delivered); n != 1000 {
			t.Errorf("%d were delivered once it was well", n)
		}
		stop()
		wg.Wait()
	})
}

// TestHeld: after 429 nothing of the claim is posted any more, and it goes on when the time is over.
func TestHeld(t *testing.T) {
	t.Parallel()
	m := &memory{due: map[int64]int{1: 30}}
	var mu sync.Mutex
	results := map[webhook.Result]int{}
	closed := true
	call := func(context.Context, webhook.Call) webhook.Answer {
		mu.Lock()
		defer mu.Unlock()
		if closed {
			return webhook.Answer{Status: 429, Told: true, RetryAfter: time.Minute}
		}
		return webhook.Answer{Status: 200}
	}
	observe := func(r webhook.Result, _ time.Duration) { mu.Lock(); results[r]++; mu.Unlock() }
	inBubble(t, m, call, webhook.Options{Observe: observe}, func(func()) {
		<-time.After(59 * time.Second)
		mu.Lock()
		if closed = false; results[webhook.ResultWait] < 1 || results[webhook.ResultWait] > 8 || len(results) > 1 {
			t.Errorf("in the first minute: %v", results)
		}
		mu.Unlock()
		<-time.After(2 * time.Second)
	})
	if m.count(delivered) != 30 || results[webhook.ResultDelivered] != 30 {
		t.Errorf("%d delivered: %v", m.count(delivered), results)
	}
}

// TestChanged: of an endpoint that is changed or switched off while it is posted to, the rest of the claim is given back.
func TestChanged(t *testing.T) {
	t.Parallel()
	m := &memory{due: map[int64]int{1: 32}, changed: true}
	call := func(context.Context, webhook.Call) webhook.Answer {
		<-time.After(100 * time.Millisecond)
		return webhook.Answer{Status: 200}
	}
	inBubble(t, m, call, webhook.Options{}, func(func()) { <-time.After(900 * time.Millisecond) })
	if d, b := m.count(delivered), m.count(back); d < 8 || d > 16 || d+b != 32 {
		t.Errorf("%d were posted and %d given back", d, b)
	}
}

// TestStop: calls that are under way have five seconds, and what they come to is recorded; the rest is given back.
func TestStop(t *testing.T) {
	t.Parallel()
	m := &memory{due: map[int64]int{1: 20}}
	n := 0
	var mu sync.Mutex
	call := func(ctx context.Context, _ webhook.Call) webhook.Answer {
		mu.Lock()
		n++
		hangs := n%2 == 0
		mu.Unlock()
		if !hangs {
			<-time.After(4 * time.Second)
			return webhook.Answer{Status: 200}
		}
		<-ctx.Done()
		return webhook.Answer{Error: "the call was cut short"}
	}
	inBubble(t, m, call, webhook.Options{}, func(stop func()) {
		<-time.After(time.Second)
		stop()
		before := time.Now()
		defer func() {
			if took := time.Since(before); took > 5*time.Second {
				t.Errorf("stopping took %v", took)
			}
		}()
	})
	if d, b := m.count(delivered), m.count(back); d != 4 || b != 16 || n != 8 {
		t.Errorf("%d calls, %d delivered, %d given back", n, d, b)
	}
}

// slowToTell is a context that ends for whoever looks a moment before those who are to be called then are.
type slowToTell struct {
	context.Context

	done chan struct{}
}

func (c slowToTell) Done() <-chan struct{} { return c.done }

// TestStopIsNeverLate: whoever is quick to see that it is over still cuts the calls short.
func TestStopIsNeverLate(t *testing.T) {
	t.Parallel()
	hangs := func(ctx context.Context, _ webhook.Call) webhook.Answer {
		<-ctx.Done()
		return webhook.Answer{Error: "the call was cut short"}
	}
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			m := &memory{due: map[int64]int{1: 1}, held: map[int64]time.Time{}}
			ctx, cancel := context.WithCancel(t.Context())
			slow := slowToTell{ctx, make(chan struct{})}
			var wg sync.WaitGroup
			wg.Go(func() { webhook.NewDeliverer(m, callFunc(hangs), webhook.Options{}).Run(slow) })
			<-time.After(500 * time.Millisecond)
			before := time.Now()
			cancel()
			close(slow.done)
			wg.Wait()
			if took := time.Since(before); took != 5*time.Second {
				t.Errorf("stopping took %v", took)
			}
		})
	}
}

// TestGoneAndUnrecorded: who is switched off is told of, and what cannot be recorded ends the round.
func TestGoneAndUnrecorded(t *testing.T) {
	t.Parallel()
	m := &memory{due: map[int64]int{1: 20}}
	var why webhook.Reason
	gone := func(context.Context, webhook.Call) webhook.Answer { return webhook.Answer{Status: 410} }
	inBubble(t, m, gone, webhook.Options{Disabled: func(_ webhook.Endpoint, r webhook.Reason) { why = r }}, func(func()) { <-time.After(10 * time.Second) })
	if why != webhook.Gone {
		t.Errorf("disabled: %q", why)
	}
	m = &memory{due: map[int64]int{1: 3}, recorded: errors.New("away")}
	notices := 0
	fine := func(context.Context, webhook.Call) webhook.Answer { return webhook.Answer{Status: 200} }
	inBubble(t, m, fine, webhook.Options{Notice: func(string, error) { notices++ }}, func(func()) { <-time.After(10 * time.Second) })
	if notices == 0 {
		t.Error("nobody was told")
	}
}

func TestTester(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer webhook.Answer
		lost   bool
		says   string
	}{
		"fine":       {answer: webhook.Answer{Status: 204}},
		"refused":    {answer: webhook.Answer{Status: 404}, says: "The endpoint answered a test with 404 Not Found."},
		"odd":        {answer: webhook.Answer{Status: 799}, says: "The endpoint answered a test with 799."},
		"no answer":  {answer: webhook.Answer{Error: "no connection"}, says: "The endpoint did not answer a test: no connection."},
		"no secret":  {lost: true, says: "Its secrets cannot be read with the keys at hand: rotate them."},
		"a redirect": {answer: webhook.Answer{Status: 308}, says: "The endpoint answered a test with 308 Permanent Redirect."},
	} {
		e := endpoint()
		e.Unreadable = c.lost
		tester := webhook.Tester{Source: "https://news.example.org", Caller: callFunc(func(ctx context.Context, call webhook.Call) webhook.Answer {
			if _, limited := ctx.Deadline(); !limited || call.URL != e.URL || len(call.Secrets) != 1 {
				t.Errorf("%s: %+v", name, call)
			}
			return c.answer
		})}
		err := tester.Test(t.Context(), e)
		if (err == nil) != (c.says == "") || err != nil && !hasDetail(err, c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
