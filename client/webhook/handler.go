package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// MaxBody bounds a message, in bytes: a channel posts all items of a publication, which are 15 MB if a hundred of them have the
// longest bodies, as HTML, as text and in the text of the whole.
const MaxBody = 32 << 20

// ErrTooLarge is a message of more than MaxBody bytes.
var ErrTooLarge = errors.New("the message is too large")

// Read reads and verifies the message that a request carries. An error is the sender's fault, unless reading failed.
func (v *Verifier) Read(r *http.Request) (Event, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxBody+1))
	if err != nil {
		return Event{}, fmt.Errorf("read a message: %w", err)
	}
	if len(body) > MaxBody {
		return Event{}, ErrTooLarge
	}
	if err := v.Verify(r.Header, body); err != nil {
		return Event{}, err
	}
	return Parse(r.Header, body)
}

// Handler answers Presswork's requests: 204 once handle has an event, 500 if handle fails, upon which the event comes
// again, 401 to what was not signed as it should be, and 400 to what cannot be read. Presswork waits 10 seconds at most:
// handle should put the event away and do the work later.
func Handler(v *Verifier, handle func(context.Context, Event) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e, err := v.Read(r)
		switch {
		case errors.Is(err, ErrUnsigned) || errors.Is(err, ErrSignature) || errors.Is(err, ErrTime):
			w.WriteHeader(http.StatusUnauthorized)
		case err != nil:
			w.WriteHeader(http.StatusBadRequest)
		case handle(r.Context(), e) != nil:
			w.WriteHeader(http.StatusInternalServerError)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	})
}
