package bench

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// startFirst measures how long it takes from the request to the first message at the provider, on a system that
// has nothing else to do.
func startFirst(ctx context.Context, r *runner, s *system) (Line, error) {
	if err := s.seed(ctx, r.size.audience); err != nil {
		return Line{}, err
	}
	contents, err := s.prepare(ctx, "smtp")
	if err != nil {
		return Line{}, err
	}
	r.logf("idle for %v", r.size.idle)
	if err := wait(ctx, r.size.idle); err != nil {
		return Line{}, err
	}
	var took []time.Duration
	for range r.size.starts {
		first, err := s.first(ctx, contents)
		if err != nil {
			return Line{}, err
		}
		r.logf("first message after %v", first.Round(time.Millisecond))
		took = append(took, first)
		if err := wait(ctx, r.size.pause); err != nil {
			return Line{}, err
		}
	}
	least, err := s.leastFirst(ctx, r.size.starts)
	if err != nil {
		return Line{}, err
	}
	times := newLatency(took)
	return Line{
		Value: times.P50, Unit: "ms", Latency: times, Limit: least,
		Note: fmt.Sprintf("%d runs, idle for %v before the first and for %v after each has been completed; "+
			"priority normal, %d readers, e-mail over SMTP", r.size.starts, r.size.idle, r.size.pause, r.size.audience),
	}, nil
}

// first publishes, waits until all is sent and returns how long the first message took.
func (s *system) first(ctx context.Context, contents []string) (time.Duration, error) {
	begun := time.Now()
	made, err := s.api.Publish(ctx, mailing(contents))
	if err != nil {
		return 0, err
	}
	// Seldom, so that the question does not disturb what it asks about.
	if err := wait(ctx, time.Second/2); err != nil {
		return 0, err
	}
	if _, err := s.completed(ctx, made.ID, time.Second/2); err != nil {
		return 0, err
	}
	got, err := s.arrivals(ctx, made.ID)
	return got.First.Sub(begun), err
}

// leastFirst is the median time of the least that has to happen: a request, a commit, and a message on a new
// connection.
func (s *system) leastFirst(ctx context.Context, runs int) (*Limit, error) {
	server, err := startBareServer(ctx, s.stack.DatabaseURL())
	if err != nil {
		return nil, err
	}
	defer server.stop()
	letter, err := s.letter(ctx)
	if err != nil {
		return nil, err
	}
	poster := newEndpoint("http://"+server.addr, "")
	defer poster.close()
	var took []time.Duration
	for range runs {
		begun := time.Now()
		if err := poster.call(ctx, http.MethodPost, "/", mailing(nil), nil); err != nil {
			return nil, err
		}
		if err := sendOne(ctx, s.sandbox.SMTP, letter); err != nil {
			return nil, err
		}
		took = append(took, time.Since(begun))
	}
	return &Limit{newLatency(took).P50, "median of: a post to a bare server, one committed INSERT, one message on a new connection"}, nil
}
