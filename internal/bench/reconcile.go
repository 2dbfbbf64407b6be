package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/presswork/presswork/internal/sandbox"
)

// Recovery is how sending went before Redis lost everything and once it went on.
type Recovery struct {
	Pending    int64   `json:"pending"` // recipients when it happened
	RateBefore float64 `json:"rate_before"`
	RateAfter  float64 `json:"rate_after"`
	CPUBefore  float64 `json:"cpu_us_before"` // of worker, scheduler, PostgreSQL and Redis for a message
	CPUAfter   float64 `json:"cpu_us_after"`
}

// How reconcile looks at sending.
const (
	lookPeriod = 50 * time.Millisecond
	// slowFor is the shortest time that counts as a break in sending.
	slowFor = 500 * time.Millisecond
	// patience is for a machine so busy that nothing comes for several times as long as was to be looked at.
	patience = 30 * time.Second
)

// reconcile measures how long sending takes to go on after Redis lost all it held, with a large backlog, and what it
// costs from then on.
func reconcile(ctx context.Context, r *runner, s *system) (Line, error) {
	if err := s.slow(ctx, r.size.delay); err != nil {
		return Line{}, err
	}
	r.logf("storing %d subscribers", r.size.backlog)
	if err := s.seed(ctx, r.size.backlog); err != nil {
		return Line{}, err
	}
	contents, err := s.prepare(ctx, "smtp")
	if err != nil {
		return Line{}, err
	}
	made, err := s.api.Publish(ctx, mailing(contents))
	if err != nil {
		return Line{}, err
	}
	defer func() { // what is left need not be sent
		_, _ = s.api.CancelPublication(context.WithoutCancel(ctx), made.ID)
	}()
	if err := s.expanded(ctx, made.ID); err != nil {
		return Line{}, err
	}
	before, err := s.during(ctx, made.ID, r.size.load)
	if err != nil {
		return Line{}, err
	}
	p, err := s.api.GetProgress(ctx, made.ID)
	if err != nil {
		return Line{}, err
	}
	lost, err := s.flushAll(ctx)
	if err != nil {
		return Line{}, err
	}
	broke, err := s.steady(ctx, made.ID, lost, breaks{rate: before.rate() / 2, steady: r.size.steady})
	if err != nil {
		return Line{}, err
	}
	r.logf("sending went on after %v", broke)
	after, err := s.during(ctx, made.ID, r.size.load)
	if err != nil {
		return Line{}, err
	}
	return Line{
		Value: rounded(broke.Seconds(), 2), Unit: "s until sending goes on",
		Recovery: &Recovery{
			Pending: p.All.Pending, RateBefore: rounded(before.rate(), 1), RateAfter: rounded(after.rate(), 1),
			CPUBefore: newCost(before).all(), CPUAfter: newCost(after).all(),
		},
		Note: fmt.Sprintf("FLUSHALL while a publication to %d readers is being sent to a stand-in that takes %v; the time after which it "+
			"gets at least half as many messages a second as before, in every %v from then on; 0: they never were fewer",
			r.size.backlog, r.size.delay, slowFor),
	}, nil
}

// expanded waits until all of a publication's recipients are in the ledger.
func (s *system) expanded(ctx context.Context, id string) error {
	for {
		p, err := s.api.GetProgress(ctx, id)
		if err != nil || p.FanoutDone {
			return err
		}
		if p.State.Final() {
			return fmt.Errorf("publication %s is %s", id, p.State)
		}
		if err := wait(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}

// during is what is sent of a publication in a time, or, if nothing came, in a multiple of it, and what that takes.
func (s *system) during(ctx context.Context, id string, lasting time.Duration) (run, error) {
	var one run
	var err error
	one.used, err = s.using(ctx, func(ctx context.Context) error {
		from, err := s.received(ctx, id)
		if err != nil {
			return err
		}
		begun := time.Now()
		for one.units == 0 && err == nil && one.took < patience {
			var to int64
			err = wait(ctx, lasting)
			if err == nil {
				to, err = s.received(ctx, id)
			}
			one.took, one.units = time.Since(begun), int(to-from)
		}
		return err
	})
	if err == nil && one.units == 0 {
		err = fmt.Errorf("nothing was sent in %v", one.took)
	}
	return one, err
}

// received is how many messages of a publication the stand-in has got so far.
func (s *system) received(ctx context.Context, id string) (int64, error) {
	inbox := newEndpoint(s.sandbox.Inbox, "")
	defer inbox.close()
	got := map[string]sandbox.Arrivals{}
	err := inbox.call(ctx, http.MethodGet, "/sandbox/first", nil, &got)
	return got[id].Received, err
}

// flushAll empties Redis and returns when it was empty.
func (s *system) flushAll(ctx context.Context) (time.Time, error) {
	options, err := redis.ParseURL(s.stack.RedisURL())
	if err != nil {
		return time.Time{}, fmt.Errorf("read the Redis URL: %w", err)
	}
	db := redis.NewClient(options)
	err = db.FlushAll(ctx).Err()
	now := time.Now()
	if err := errors.Join(err, db.Close()); err != nil {
		return now, fmt.Errorf("empty Redis: %w", err)
	}
	return now, nil
}

// steady waits until a publication is sent without breaks, and returns how long after a time that began.
func (s *system) steady(ctx context.Context, id string, since time.Time, b breaks) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	for {
		got, err := s.received(ctx, id)
		if err != nil {
			return 0, err
		}
		if b.look(time.Since(since), got) {
			return b.last, nil
		}
		if err := wait(ctx, lookPeriod); err != nil {
			return 0, fmt.Errorf("wait for sending to go on: %w", err)
		}
	}
}

// breaks finds the last time at which fewer messages came than at a rate a second.
type breaks struct {
	rate   float64
	steady time.Duration // without a break: that was the last one
	seen   []look
	last   time.Duration
}

// look is how many messages had come at a time.
type look struct {
	at       time.Duration
	received int64
}

// look notes how many messages have come by now, and reports whether there was no break for long enough.
func (b *breaks) look(now time.Duration, received int64) bool {
	b.seen = append(b.seen, look{now, received})
	for len(b.seen) > 1 && now-b.seen[1].at >= slowFor {
		b.seen = b.seen[1:]
	}
	if passed := now - b.seen[0].at; passed >= slowFor && float64(received-b.seen[0].received) < b.rate*passed.Seconds() {
		b.last = now
	}
	return now-b.last >= b.steady
}
