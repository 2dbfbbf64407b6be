// Package attempt watches the one HTTP request of a Send and says, when it fails, whether the message
// may have been accepted. Every adapter that speaks HTTP uses it, whatever client library lies between.
//
// An Attempt travels in the context. Network.Client makes the http.Client that honours it: a second
// request under the same Attempt is refused, so that no library can retry behind our back, and net/http
// itself has nothing to replay a request from.
package attempt

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"code.dny.dev/ssrf"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
)

// DefaultWait is how long to wait if a provider limits the rate and does not say for how long.
const DefaultWait = 10 * time.Second

// ErrSecond refuses a second request under one Attempt.
var ErrSecond = errors.New("a client library tried to send twice")

// Attempt is one request on its way. It is made by Start and watched by the client of Network.
type Attempt struct {
	identity string
	begun    atomic.Bool
	written  atomic.Bool
	answer   atomic.Pointer[answer]
}

// answer is what is remembered of a response.
type answer struct {
	status int
	header http.Header
}

type key struct{}

// Start begins an attempt to deliver id. Requests made with the returned context belong to it, and carry
// id in the header channel.DeliveryHeader.
func Start(ctx context.Context, id channel.Identity) (context.Context, *Attempt) {
	a := &Attempt{identity: id.String()}
	return context.WithValue(ctx, key{}, a), a
}

// of is the attempt that ctx belongs to, or nil.
func of(ctx context.Context) *Attempt {
	a, _ := ctx.Value(key{}).(*Attempt)
	return a
}

// Status is the status of the answer, 0 if none came.
func (a *Attempt) Status() int {
	if got := a.answer.Load(); got != nil {
		return got.status
	}
	return 0
}

// Header is the header of the answer, nil if none came.
func (a *Attempt) Header() http.Header {
	if got := a.answer.Load(); got != nil {
		return got.header
	}
	return nil
}

// Fault turns the error of a request that was not answered with success into what must happen next:
//
//   - the address may not be called (see Network): fault.GiveUp "address_forbidden";
//   - no answer, and the request did not leave completely: fault.Retry "not_sent";
//   - no answer, and it did: fault.Uncertain "no_answer";
//   - an answer that refuses: what Refusal makes of its status;
//   - an answer of 2xx that the caller could not read: fault.Uncertain "unreadable_answer".
//
// net/http reports a request as written when it is in the connection's buffer, a moment before it is on
// the wire. That errs on the side of Uncertain. The result's text names no address and no URL.
func (a *Attempt) Fault(err error) error {
	status := a.Status()
	switch {
	case errors.Is(err, ssrf.ErrProhibitedIP):
		return fault.Wrap(Cause(err), fault.GiveUp, "address_forbidden")
	case status >= 300:
		return Refusal(status, a.Header(), err)
	case status != 0:
		return fault.Wrap(Cause(err), fault.Uncertain, "unreadable_answer")
	case a.written.Load():
		return fault.Wrap(Cause(err), fault.Uncertain, "no_answer")
	}
	return fault.Wrap(Cause(err), fault.Retry, "not_sent")
}

// Refusal is the error for an answer that is not a success; err may be nil or a library's error.
//
// 429 is fault.Wait; so are 502, 503 and 504 that name a time, while other 5xx, 408 and 425 are
// fault.Retry. What remains (3xx, for redirects are not followed, and 4xx) is fault.GiveUp.
func Refusal(status int, header http.Header, err error) error {
	after, told := RetryAfter(header, time.Now())
	f := &fault.Error{Kind: fault.GiveUp, Code: fmt.Sprintf("http_%d", status), Err: Cause(err)}
	switch status {
	case http.StatusTooManyRequests:
		f.Kind, f.Code, f.After = fault.Wait, "rate_limited", DefaultWait
		if told {
			f.After = after
		}
	case http.StatusRequestTimeout, http.StatusTooEarly:
		f.Kind = fault.Retry
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		f.Kind = fault.Retry
		if told {
			f.Kind, f.After = fault.Wait, after
		}
	default:
		if status >= 500 {
			f.Kind = fault.Retry
		}
	}
	return f
}
