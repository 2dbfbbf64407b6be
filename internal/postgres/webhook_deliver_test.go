package postgres

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/presswork/presswork/internal/ident"
	network "github.com/presswork/presswork/internal/provider/attempt"
	"github.com/presswork/presswork/internal/provider/signed"
	"github.com/presswork/presswork/internal/testkit/fixture"
	"github.com/presswork/presswork/internal/webhook"
)

// receiver verifies what comes in and counts it by event. Each event is refused once.
type receiver struct {
	t      *testing.T
	secret string
	mu     sync.Mutex
	seen   map[string]int
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	verifier, err2 := standardwebhooks.NewWebhook(r.secret)
	if err != nil || err2 != nil || verifier.Verify(body, q.Header) != nil {
		r.t.Errorf("not verified: %v, %v, %s", err, err2, body)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	id := q.Header.Get("Webhook-Id")
	if r.seen[id]++; r.seen[id] == 1 {
		w.WriteHeader(http.StatusInternalServerError)
	}
}

// TestTwoProcessesPost the same events over real sockets, while one of them is stopped halfway: every event arrives, signed, as
// often as it takes and not once more.
func TestTwoProcessesPost(t *testing.T) {
	t.Parallel()
	db := open(t)
	s := hooks(t, db)
	r := &receiver{t: t, secret: webhook.NewSecret(), seen: map[string]int{}}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	e, err := s.CreateEndpoint(t.Context(), webhook.Endpoint{UID: ident.New(), URL: server.URL, Enabled: true, Secrets: webhook.Secrets{Current: r.secret}})
	if err != nil {
		t.Fatal(err)
	}
	const events = 90
	happen(t, db, events)
	caller := signed.NewCaller(network.Network{AllowPrivate: true}, nil)
	t.Cleanup(caller.Close)
	soon := func(n int) (time.Duration, bool) { return time.Millisecond, n < 3 }
	run := func(ctx context.Context) (wait func()) {
		var wg sync.WaitGroup
		wg.Go(func() {
			webhook.NewDeliverer(s, caller, webhook.Options{Source: "https://news.example.org", Schedule: soon}).Run(ctx)
		})
		return wg.Wait
	}
	short, stopShort := context.WithCancel(t.Context())
	long, stopLong := context.WithCancel(t.Context())
	one, other := run(short), run(long)
	defer func() { stopShort(); stopLong(); one(); other() }()
	reached := func(n int) func() (bool, string) {
		return func() (bool, string) {
			done := s.states(t, e)[webhook.Delivered]
			return done >= n, strconv.Itoa(done)
		}
	}
	fixture.Until(t, 20*time.Second, "a third of them", reached(events/3))
	stopShort()
	one()
	// One that was stopped while it claimed does not hear what it got: that comes again after the lease, a minute.
	fixture.Until(t, 90*time.Second, "all of them", reached(events))
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, n := range r.seen {
		if n != 2 {
			t.Errorf("%s came %d times", id, n)
		}
	}
	if len(r.seen) != events || value[int](t, db, `SELECT count(*) FROM webhook_attempt`) != 2*events {
		t.Errorf("%d events came", len(r.seen))
	}
}
