package signed

import (
	"context"
	"errors"
	"net/http"
	"time"

	"code.dny.dev/ssrf"

	"github.com/presswork/presswork/internal/provider/attempt"
	"github.com/presswork/presswork/internal/webhook"
)

// maxAnswer bounds what is read of an answer, in bytes, so that the connection can be used again. Nothing of it is kept.
const maxAnswer = 4 << 10

// Caller posts to webhook endpoints. It is safe for concurrent use.
type Caller struct {
	client *http.Client
	now    func() time.Time
}

// NewCaller makes one that reaches what the network lets it reach, and follows no redirect. now is the clock; nil: time.Now.
func NewCaller(n attempt.Network, now func() time.Time) *Caller {
	n.MaxAnswer = maxAnswer
	if now == nil {
		now = time.Now
	}
	return &Caller{client: n.Client(), now: now}
}

// Call makes one attempt, within ctx. The answer's error names neither address nor secret.
func (c *Caller) Call(ctx context.Context, call webhook.Call) webhook.Answer {
	signers, err := Parse(call.Secrets...)
	if err != nil {
		return webhook.Answer{Error: attempt.Cause(err).Error()}
	}
	req, err := signers.Request(ctx, Message{
		URL: call.URL, ID: call.ID, At: c.now(), ContentType: webhook.ContentType, Body: call.Body,
	})
	if err != nil {
		return webhook.Answer{Error: "the address cannot be called"}
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return webhook.Answer{Error: inWords(err)}
	}
	defer func() { _ = resp.Body.Close() }()
	attempt.Drain(resp.Body)
	after, told := attempt.RetryAfter(resp.Header, c.now())
	return webhook.Answer{Status: resp.StatusCode, RetryAfter: after, Told: told}
}

// Close lets go of connections.
func (c *Caller) Close() { c.client.CloseIdleConnections() }

// inWords is why there is no answer. Texts of the network name addresses that whoever reads them need not know: of where a
// name leads inside of the operator's network, too.
func inWords(err error) string {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, ssrf.ErrProhibitedIP):
		return "the address is not public"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	}
	return classOf(err)
}
