package client

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/presswork/presswork/client/api"
)

// Retries says how a call is repeated. What the API refused with 429 was not done: any call is repeated after that. After
// 502, 503, 504 or no answer at all nobody knows, and only what may be done twice is: GET, PUT, DELETE, and a POST with an
// Idempotency-Key, which every POST that takes one has; such a one also after 409 idempotency_in_flight. A body that is a
// stream and cannot be read again is sent once.
//
// A change with If-Match whose first answer was lost may find its own version there, and be refused with 412;
// Problem.Attempts says that there was more than one. A DELETE that finds nothing after such a loss has succeeded.
type Retries struct {
	// Attempts is how many there are in all; 1: nothing is repeated.
	Attempts int
	// First is the most that is waited before the second attempt. It doubles with each, up to Longest, and what is
	// waited is anything from nothing to that (full jitter), so that clients that failed together come back apart.
	First, Longest time.Duration
	// Patience is the most that Retry-After may ask for. A call that would have to wait longer, or beyond the deadline of
	// its context, ends at once with its Problem.
	Patience time.Duration
}

// DefaultRetries are those of a client that is not told otherwise.
func DefaultRetries() Retries {
	return Retries{Attempts: 4, First: 250 * time.Millisecond, Longest: 10 * time.Second, Patience: time.Minute}
}

// next is how long to wait before another attempt after an error, if there should be one.
func (c *calls) next(ctx context.Context, attempt int, err error, twice, again bool) (time.Duration, bool) {
	if attempt >= c.retries.Attempts || !again || ctx.Err() != nil {
		return 0, false
	}
	pause := c.jitter(c.retries.bound(attempt))
	var p *Problem
	if errors.As(err, &p) {
		switch p.Status {
		case http.StatusTooManyRequests:
		case http.StatusConflict:
			// An attempt before was cut off here, and is still worked on there.
			if !twice || p.Code() != "idempotency_in_flight" {
				return 0, false
			}
		case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			if !twice {
				return 0, false
			}
		default:
			return 0, false
		}
		if p.RetryAfter > c.retries.Patience {
			return 0, false
		}
		pause = cmp.Or(p.RetryAfter, pause)
	} else if !twice {
		return 0, false
	}
	deadline, bounded := ctx.Deadline()
	return pause, !bounded || time.Until(deadline) > pause
}

// bound is the most that is waited after an attempt without a Retry-After.
func (r Retries) bound(attempt int) time.Duration {
	d := r.First
	for range attempt - 1 {
		if d >= r.Longest {
			break
		}
		d *= 2
	}
	return min(d, r.Longest)
}

// repeatable reports a request that may be made twice. A key in a POST that takes none changes nothing.
func repeatable(r *api.Request) bool {
	return r.Method != http.MethodPost && r.Method != http.MethodPatch || r.Keyed
}

// inDoubt reports an error after which the request may have been carried out all the same.
func inDoubt(err error) bool {
	var p *Problem
	return !errors.As(err, &p) || p.Status != http.StatusTooManyRequests
}

// gone reports the answer to a DELETE whose work an earlier attempt has done.
func gone(r *api.Request, err error) bool {
	var p *Problem
	return r.Method == http.MethodDelete && errors.As(err, &p) && p.Status == http.StatusNotFound
}

// nothing is the answer to it.
func nothing() *http.Response {
	return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody}
}

// sleep waits, or ends with the context.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// anywhere is a time below d.
func anywhere(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return rand.N(d) //nolint:gosec // nobody gains by guessing it
}
