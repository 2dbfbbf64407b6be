package client

import (
	"net/http"
	"strconv"

	"github.com/presswork/presswork/client/api"
)

// Answer is what an answer says besides its body.
type Answer struct {
	Status int
	// ETag is the version that was answered, for IfMatch; "" of what has none.
	ETag string
	// Location is the path of what was made; "" of what was not.
	Location      string
	CorrelationID string
	// Replayed tells that an earlier request with the same Idempotency-Key was accepted, and nothing was stored now.
	Replayed bool
	// Limits are those of the caller, as far as the answer tells.
	Limits []Limit
}

// Into has what an answer says besides its body written to a, when it comes. Of an iterator that is the last page.
func Into(a *Answer) api.Option {
	return func(r *api.Request) {
		r.Answered = func(answer *http.Response) {
			h := answer.Header
			*a = Answer{
				Status: answer.StatusCode, ETag: h.Get("ETag"), Location: h.Get("Location"), CorrelationID: h.Get("X-Correlation-ID"),
				Replayed: h.Get("Idempotent-Replay") == "true", Limits: limits(h),
			}
		}
	}
}

// IfMatch makes a change only to the version with this ETag, else it is refused with 412.
func IfMatch(etag string) api.Option { return api.Header("If-Match", etag) }

// IfVersion is IfMatch for a resource that says its version; 0: whichever it is.
func IfVersion(version int) api.Option {
	if version == 0 {
		return IfMatch("*")
	}
	return IfMatch(strconv.Quote(strconv.Itoa(version)))
}

// IdempotencyKey is the caller's own key for a call of an operation that takes one, so that another process may repeat it: up
// to 128 visible ASCII characters. Within 24 hours the same request with the same key is one. Without it a call makes up its
// own.
func IdempotencyKey(key string) api.Option { return api.Header("Idempotency-Key", key) }

// CorrelationID is the caller's id of a call, which the API's log repeats: up to 128 letters, digits, dots, underscores
// and hyphens.
func CorrelationID(id string) api.Option { return api.Header("X-Correlation-ID", id) }
