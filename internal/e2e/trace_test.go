package e2e

import (
	"testing"

	"github.com/presswork/presswork/internal/sandbox"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

// One correlation id goes from the request through the queue to each provider call, accepted or not. (That no
// reader's address is in a log line is checked for every test, at its end.)
func TestOneCorrelationID(t *testing.T) {
	t.Parallel()
	const wanted = "trace-of-the-test"
	h := open(t)
	h.ConnectSMTP(t, "email")
	h.ConnectWebhook(t, "traced")
	h.Subscribe(t, fixture.People("trace", 5))
	h.inject(sandbox.ProviderSMTP, sandbox.Fault{Match: "trace4@", ErrorRatio: 1, ErrorKind: sandbox.Permanent})
	id := h.Publish(t, fixture.Order{Title: "Traced", Channels: []string{"email", "webhook"}}, "X-Correlation-Id", wanted)
	h.Await(t, id, "completed_with_failures", patience)
	for message, want := range map[string]int{"request": 1, "delivery accepted": 5, "delivery not accepted": 1} {
		n := 0
		for _, entry := range h.logs.FilterMessage(message).All() {
			if entry.ContextMap()["correlation_id"] == wanted {
				n++
			}
		}
		if n != want {
			t.Errorf("%d lines %q have the id, want %d", n, message, want)
		}
	}
}
