package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/presswork/presswork/internal/app"
	"github.com/presswork/presswork/internal/testkit/contract"
	"github.com/presswork/presswork/internal/testkit/fixture"
	"github.com/presswork/presswork/internal/webhook"
)

// counts is how many events of each type came, each once, without the test of the endpoint.
func (s *subscriber) counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := make(map[string]int)
	for id, kind := range s.types {
		contract.VerifyEvent(s.t, kind, []byte(s.bodies[id]))
		counts[kind]++
	}
	delete(counts, string(webhook.Test))
	return counts
}

// TestEventsAreTheLedger: of a run whose worker is taken for dead, tells all the same what became of its calls, and is shut down
// while another goes on, an endpoint is told exactly what the ledger says.
func TestEventsAreTheLedger(t *testing.T) {
	t.Parallel()
	const readers = 600
	h := open(t, app.API, app.Scheduler)
	s := &subscriber{t: t, secret: webhook.NewSecret(), bodies: map[string]string{}, types: map[string]string{}, busy: map[string]bool{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	h.Call(t, http.MethodPost, "/webhook-endpoints", map[string]any{"url": server.URL, "secret": s.secret, "enabled": true}, nil)
	first := h.start(nil, app.Worker)
	id := halfway(h, readers)
	fixture.Until(t, patience, "the worker's session to be taken over", func() (bool, string) {
		if _, err := h.pool.Exec(t.Context(), `UPDATE sender_session SET until = now() - interval '1 second' WHERE ended_at IS NULL`); err != nil {
			t.Fatal(err)
		}
		return h.logs.FilterMessage("sender session taken over").Len() > 0, ""
	})
	h.stop(first)
	h.hasten()
	h.start(nil, app.Worker)
	h.Await(t, id, "completed", patience)
	fixture.Until(t, patience, "everything to be told", func() (bool, string) {
		got, want := s.counts(), h.happened()
		return maps.Equal(got, want), fmt.Sprintf("%v, want %v", got, want)
	})
	if all, n := value[int](h, `SELECT count(*)::int FROM webhook_event`), s.counts(); all != total(n) || n["delivery.sent"] < readers-n["delivery.uncertain"] {
		t.Errorf("%d events, of which came %v", all, n)
	}
}

// happened is how many events of each type there have to be, by the ledger and the history of attempts.
func (h *house) happened() map[string]int {
	counts := map[string]int{"channel.enabled": 1, "publication.queued": 1, "publication.sending": 1, "publication.completed": 1,
		"delivery.sent":      value[int](h, `SELECT count(*)::int FROM delivery WHERE state = 2`),
		"delivery.uncertain": value[int](h, `SELECT count(*)::int FROM delivery_attempt WHERE state = 7`)}
	maps.DeleteFunc(counts, func(_ string, n int) bool { return n == 0 })
	return counts
}

func total(counts map[string]int) (n int) {
	for _, one := range counts {
		n += one
	}
	return n
}
