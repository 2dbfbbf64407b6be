// Package budget holds what each provider takes, for all processes together: a rate of messages, which falls when the
// provider complains and rises again slowly, a number a day while a domain is new, and a circuit breaker. It is kept in
// Redis, whose clock is the only one that counts there.
//
// A healthy target without a rate costs no call to Redis but one read in half a second. With a rate, a process takes what
// it needs for a tenth of a second at a time. While Redis is away each process goes on with its share.
//
// What is promised: of a target with a rate, never more than rate × t + burst + what was taken ahead are sent in any time
// t, where taken ahead is at most half a second of the rate. A Redis that loses everything gives the burst anew; and, of
// a warm-up, the day's number.
package budget

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/presswork/presswork/internal/channel"
)

const (
	// callTimeout bounds a call to Redis: nobody waits for it for longer.
	callTimeout = 300 * time.Millisecond
	// awayTime is how long Redis is left alone after it failed to answer.
	awayTime = time.Second
	// readPeriod is how often the shared state of a target in use is read: what one process learns, all know so soon.
	readPeriod = 500 * time.Millisecond
	// idleTime is after how long without a batch nothing is read of a target any more.
	idleTime = 5 * time.Second
)

// Options of a Budget.
type Options struct {
	// Redis is where the state is shared.
	Redis redis.UniversalClient
	// Process is this process's name, not shared with any other.
	Process string
	// Failures in a row open a circuit; 0 is 5.
	Failures int
	// OpenFor is how long a circuit stays open before a probe; 0 is a minute.
	OpenFor time.Duration
	// DefaultRate is what a provider takes unless a channel's settings say otherwise; nil: nothing is known.
	DefaultRate func(provider string) channel.Rate
	// Channels are the channels that are switched on; only Rate and Circuits ask for them.
	Channels func(ctx context.Context) ([]channel.Channel, error)
	// Notice is told when a circuit opens or closes, and when Redis is away or back; nil: nobody is.
	Notice func(message, target string)
}

// Budget is the limits of every provider. It is safe for concurrent use. Close it at the end.
type Budget struct {
	options Options
	began   time.Time
	ctx     context.Context
	cancel  context.CancelFunc
	wg      sync.WaitGroup

	mu       sync.Mutex
	targets  map[string]*Target
	watching bool
	closed   bool
	away     time.Duration // until when Redis is left alone
}

// New makes a Budget. It makes no call.
func New(o Options) *Budget {
	if o.Failures == 0 {
		o.Failures = 5
	}
	if o.OpenFor == 0 {
		o.OpenFor = time.Minute
	}
	if o.DefaultRate == nil {
		o.DefaultRate = func(string) channel.Rate { return channel.Rate{} }
	}
	if o.Notice == nil {
		o.Notice = func(string, string) {}
	}
	b := &Budget{options: o, began: time.Now(), targets: make(map[string]*Target)}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	return b
}

// Close ends what goes on in the background. Passes that are still held give nothing more.
func (b *Budget) Close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.cancel()
	b.wg.Wait()
}

// now is this process's monotonic clock, never 0.
func (b *Budget) now() time.Duration { return time.Since(b.began) + 1 }

// Channel is the target of a channel, as its settings have it now.
func (b *Budget) Channel(c channel.Channel) *Target {
	return b.target(b.specOf(c))
}

// Publication is the target of one publication on a channel kind. It has a rate and no circuit.
func (b *Budget) Publication(id int64, kind channel.Kind, perMinute int) *Target {
	return b.target(publicationSpec(id, kind, perMinute))
}

func (b *Budget) target(s spec) *Target {
	b.mu.Lock()
	t, ok := b.targets[s.key]
	if !ok {
		b.forgetIdle()
		t = newTarget(b, s.key)
		b.targets[s.key] = t
	}
	t.asked = b.now()
	b.mu.Unlock()
	t.configure(s)
	return t
}

// forgottenAfter is how long the target of a publication is kept of which every batch was turned away: longer than such a
// batch stays away.
const forgottenAfter = 2 * time.Minute

// forgetIdle lets go of the targets of publications that went on in other processes, with the lock held.
func (b *Budget) forgetIdle() {
	for key, t := range b.targets {
		if !t.spec.Load().breaks && t.inHand.Load() == 0 && b.now()-t.asked > forgottenAfter {
			delete(b.targets, key)
		}
	}
}

// forget lets go of a publication's target that nobody uses.
func (b *Budget) forget(t *Target) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.targets[t.key] == t {
		delete(b.targets, t.key)
	}
}

// isAway reports whether Redis failed to answer a moment ago.
func (b *Budget) isAway() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now() < b.away
}

// Away reports whether this process goes on with its own share, since Redis does not answer.
func (b *Budget) Away() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.away != 0
}

// answered notes whether a call to Redis was answered.
func (b *Budget) answered(err error) {
	b.mu.Lock()
	was := b.away != 0
	b.away = 0
	if err != nil && b.ctx.Err() == nil {
		b.away = b.now() + awayTime
	}
	is := b.away != 0
	b.mu.Unlock()
	switch {
	case is && !was:
		b.options.Notice("Redis is away: this process goes on with its share of the rates", "")
	case was && !is:
		b.options.Notice("Redis is back: the rates are shared again", "")
	}
}

// goes runs fn in the background unless the Budget is closed.
func (b *Budget) goes(fn func()) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.wg.Go(fn)
	return true
}
