package chaos

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/presswork/presswork/internal/testkit/fixture"
)

// subscriber is a webhook endpoint that counts events by their types, each once.
type subscriber struct {
	mu    sync.Mutex
	types map[string]string // by id
}

func (u *subscriber) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var event struct{ ID, Type string }
	if json.NewDecoder(r.Body).Decode(&event) != nil || event.ID != r.Header.Get("Webhook-Id") {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.types[event.ID] = event.Type
}

func (u *subscriber) counts() map[string]int {
	u.mu.Lock()
	defer u.mu.Unlock()
	counts := make(map[string]int)
	for _, one := range u.types {
		counts[one]++
	}
	return counts
}

// subscribe has an endpoint told of some events.
func (s *stand) subscribe(events ...string) *subscriber {
	s.t.Helper()
	u := &subscriber{types: make(map[string]string)}
	server := httptest.NewServer(u)
	s.t.Cleanup(server.Close)
	s.Call(s.t, http.MethodPost, "/webhook-endpoints", map[string]any{"url": server.URL, "events": events, "enabled": true}, nil)
	return u
}

// awaitTold waits until exactly these events arrived, and the one that verified the endpoint.
func (s *stand) awaitTold(u *subscriber, want map[string]int) {
	s.t.Helper()
	want["presswork.test"] = 1
	maps.DeleteFunc(want, func(_ string, n int) bool { return n == 0 })
	fixture.Until(s.t, patience, "everything to be told", func() (bool, string) {
		got := u.counts()
		return maps.Equal(got, want), fmt.Sprintf("%v, want %v", got, want)
	})
}
