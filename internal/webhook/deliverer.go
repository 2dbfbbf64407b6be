package webhook

import (
	"context"
	"sync"
	"time"

	"github.com/presswork/presswork/internal/backoff"
)

// Times and bounds of posting.
const (
	// callTimeout is how long a receiver may take to answer. Standard Webhooks asks for 15 to 30 seconds; a receiver that
	// stores what it gets and answers needs none of it, and one that does not would hold its own events up.
	callTimeout = 10 * time.Second
	// lease is how long a claim lasts: what a process had when it died comes again after that. Calls begin in its first half,
	// and have ended and are recorded long before its end.
	lease     = time.Minute
	callUntil = lease / 2
	// stopTime is how long calls may go on once the process stops: others wait for it. What is cut short comes again.
	stopTime = 5 * time.Second
	// claimPage is how many events of an endpoint are claimed at once.
	claimPage = 32
	// perEndpoint is how many calls of an endpoint may be under way at once: a slow one holds up itself only. The first ownCalls of
	// each are its own, and all others share perProcess, so that many slow ones hold up nobody else.
	perEndpoint = 8
	ownCalls    = 2
	perProcess  = 256
	// period is how often a process looks for what is due if nobody tells it that there is something.
	period = time.Second
	// restAfter is for how long an endpoint does nothing but fail until a process asks it once a period only: with 100,000 events
	// waiting for one that refuses at once, it would do little else.
	restAfter = time.Minute
	// pokeSoon bounds how often it looks when it is told all the time.
	pokeSoon = 20 * time.Millisecond
	// recordTime bounds one look, claim or record: longer than the database's own limit, so that its word comes first.
	recordTime = 12 * time.Second
)

// Store is the record of endpoints and of what became of events there. Its clock decides what is due.
type Store interface {
	// DueEndpoints are the keys of the enabled endpoints that have something due and are not to be left alone just now.
	DueEndpoints(ctx context.Context) ([]int64, error)
	// ClaimDue takes at most limit events that are due at an endpoint, for as long as the lease; of one that failed last,
	// one. The claim is empty if there is nothing to do any more. ErrUnreadable: it cannot be signed for; it is left alone for a
	// minute.
	ClaimDue(ctx context.Context, endpoint int64, limit int, lease time.Duration) (Claim, error)
	// RecordPosts stores what became of claimed events, if they are with this claim still, and what it means for the endpoint. It may be
	// repeated.
	RecordPosts(ctx context.Context, c Claim, posts []Post) (Standing, error)
}

// Standing is how an endpoint stands once posts were recorded.
type Standing struct {
	// Disabled is why the posts had it switched off; "" if they did not.
	Disabled Reason
	// Changed: it is not the one any more that was claimed for, and nothing else of the claim is to be posted.
	Changed bool
}

// Claim is what one process may post for a while.
type Claim struct {
	Endpoint Endpoint
	// Failing is for how long the endpoint has done nothing but fail.
	Failing time.Duration
	Items   []Claimed
}

// Claimed is an event that is due at an endpoint.
type Claimed struct {
	Key   int64 // the event's
	Event Event
	// Token fences: whoever claims it next has another.
	Token int64
	// Step is how many attempts of the schedule are used up.
	Step int
}

// Post is what became of a claimed event.
type Post struct {
	Claimed
	// Back: it was not tried, and is due at once for whoever is next. The rest is empty then.
	Back    bool
	At      time.Time
	Took    time.Duration
	Answer  Answer
	Verdict Verdict
}

// Caller posts.
type Caller interface {
	// Call makes one attempt, within ctx.
	Call(ctx context.Context, c Call) Answer
}

// Options of a Deliverer.
type Options struct {
	// Source names this installation in events: PUBLIC_URL.
	Source string
	// Schedule of attempts; nil: backoff.Webhook.
	Schedule backoff.Schedule
	// Now is the clock for attempts; nil: time.Now.
	Now func() time.Time
	// Observe is called after each attempt with what came of it; nil: nobody looks.
	Observe func(result Result, took time.Duration)
	// Disabled is told of endpoints that were switched off; nil: nobody is.
	Disabled func(e Endpoint, why Reason)
	// Notice is told what operators should know; nil: nobody is.
	Notice func(message string, err error)
}

// Result is what came of an attempt, for metrics.
type Result string

// The closed list.
const (
	ResultDelivered Result = "delivered"
	ResultRetry     Result = "retry"
	ResultWait      Result = "wait" // told to
	ResultFailed    Result = "failed"
)

// Results are all of them.
func Results() []Result {
	return []Result{ResultDelivered, ResultRetry, ResultWait, ResultFailed}
}

// Deliverer posts what is due. Any number of processes may do so at once; it is safe for concurrent use.
type Deliverer struct {
	store  Store
	caller Caller
	o      Options
	poke   chan struct{}
	slots  chan struct{} // calls under way that share them

	mu     sync.Mutex
	active map[int64]bool // endpoints that somebody in this process works on
	wg     sync.WaitGroup
	calls  context.Context //nolint:containedctx // of Run: ends some time after it was told to
}

// NewDeliverer makes one; Run makes it work.
func NewDeliverer(store Store, caller Caller, o Options) *Deliverer {
	if o.Schedule == nil {
		o.Schedule = backoff.Webhook
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Observe == nil {
		o.Observe = func(Result, time.Duration) {}
	}
	if o.Disabled == nil {
		o.Disabled = func(Endpoint, Reason) {}
	}
	if o.Notice == nil {
		o.Notice = func(string, error) {}
	}
	return &Deliverer{store: store, caller: caller, o: o, poke: make(chan struct{}, 1), slots: make(chan struct{}, perProcess),
		active: make(map[int64]bool)}
}

// Poke says that something may be due. It never blocks.
func (d *Deliverer) Poke() {
	select {
	case d.poke <- struct{}{}:
	default:
	}
}

// Run posts what is due until ctx ends, and then lets calls that are under way finish, within 5 seconds. It is called once.
func (d *Deliverer) Run(ctx context.Context) {
	calls, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	d.calls = calls
	defer func() {
		defer time.AfterFunc(stopTime, cut).Stop()
		d.wg.Wait()
	}()
	tick := time.NewTicker(period)
	defer tick.Stop()
	for ctx.Err() == nil {
		d.look(ctx)
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-d.poke:
			select { // what follows at once is found with it
			case <-ctx.Done():
			case <-time.After(pokeSoon):
			}
		}
	}
}

// look sets somebody to work at each endpoint that has something due.
func (d *Deliverer) look(ctx context.Context) {
	ctx2, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	due, err := d.store.DueEndpoints(ctx2)
	if err != nil {
		if ctx.Err() == nil {
			d.o.Notice("webhooks that are due cannot be found, trying again", err)
		}
		return
	}
	for _, endpoint := range due {
		if !d.begin(endpoint) {
			continue
		}
		d.wg.Go(func() {
			defer d.end(endpoint)
			d.work(ctx, endpoint)
		})
	}
}

func (d *Deliverer) begin(endpoint int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.active[endpoint] {
		return false
	}
	d.active[endpoint] = true
	return true
}

func (d *Deliverer) end(endpoint int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.active, endpoint)
}

// work posts to an endpoint until nothing is due there.
func (d *Deliverer) work(ctx context.Context, endpoint int64) {
	for ctx.Err() == nil {
		since := time.Now() // the lease begins then at the earliest
		claim, err := d.claim(ctx, endpoint)
		if err != nil {
			if ctx.Err() == nil {
				d.o.Notice("webhooks that are due cannot be claimed, trying again", err)
			}
			return
		}
		if len(claim.Items) == 0 {
			return
		}
		r := d.newRound(claim, since)
		if !r.run(ctx) {
			return
		}
		if claim.Failing >= restAfter && !r.well.Load() {
			select {
			case <-ctx.Done():
			case <-time.After(period):
			}
		}
	}
}

func (d *Deliverer) claim(ctx context.Context, endpoint int64) (Claim, error) {
	ctx, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	return d.store.ClaimDue(ctx, endpoint, claimPage, lease)
}
