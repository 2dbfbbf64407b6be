package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/presswork/presswork/internal/testkit/fixture"
	"github.com/presswork/presswork/internal/webhook"
)

// subscriber is a receiver of events, as a client would write one: it verifies with the library that Standard Webhooks
// publishes, and tells repetitions by the id.
type subscriber struct {
	t      *testing.T
	secret string

	mu     sync.Mutex
	bodies map[string]string // by id
	types  map[string]string // likewise
	posts  int
	busy   map[string]bool // types whose first post is answered with 429
}

func (s *subscriber) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	verifier, err := standardwebhooks.NewWebhook(s.secret)
	if err != nil {
		s.t.Error(err)
	}
	if err := verifier.Verify(body, r.Header); err != nil {
		s.t.Errorf("not verified: %v", err)
	}
	var event struct{ SpecVersion, ID, Source, Type, Subject string }
	if err := json.Unmarshal(body, &event); err != nil || event.SpecVersion != "1.0" || event.ID != r.Header.Get("Webhook-Id") {
		s.t.Errorf("%s, %v", body, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.posts++
	if before, known := s.bodies[event.ID]; known && before != string(body) {
		s.t.Errorf("%s, then %s", before, body)
	}
	s.bodies[event.ID], s.types[event.ID] = string(body), event.Type
	if s.busy[event.Type] {
		s.busy[event.Type] = false
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusTooManyRequests)
	}
}

// of is the body of the only event of a type, "" if there is none.
func (s *subscriber) of(kind string) (body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for id, one := range s.types {
		if one == kind {
			body, n = s.bodies[id], n+1
		}
	}
	if n > 1 {
		s.t.Errorf("%d events of type %s", n, kind)
	}
	return body
}

// TestSubscription: an endpoint is tested, told of a publication that completes, told again when it asks for time, and told once
// more when somebody wants it to be.
func TestSubscription(t *testing.T) {
	t.Parallel()
	h := open(t)
	s := &subscriber{t: t, secret: webhook.NewSecret(), bodies: map[string]string{}, types: map[string]string{}, busy: map[string]bool{"publication.completed": true}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	var endpoint struct{ ID string }
	h.Call(t, http.MethodPost, "/webhook-endpoints", map[string]any{"url": server.URL, "secret": s.secret, "enabled": true, "events": []string{"publication.*"}}, &endpoint)
	if s.of("presswork.test") == "" {
		t.Error("it was not tested")
	}
	h.ConnectSMTP(t, "email")
	h.Subscribe(t, fixture.People("told", 3))
	id := h.Publish(t, fixture.Order{Title: "Told", Channels: []string{"email"}})
	h.Await(t, id, "completed", patience)
	var list struct {
		Items []struct {
			ID, Type, State string
			Attempts        int
		}
	}
	where := "/webhook-endpoints/" + endpoint.ID + "/deliveries"
	fixture.Until(t, patience, "everything delivered", func() (bool, string) {
		h.Call(t, http.MethodGet, where+"?state=delivered&type=publication.completed", nil, &list)
		return len(list.Items) == 1, fmt.Sprint(list)
	})
	completed := s.of("publication.completed")
	if !strings.Contains(completed, id) || !strings.Contains(completed, `"sent":3`) || !strings.Contains(completed, `"subject":"publications/`+id+`"`) ||
		s.of("publication.queued") == "" || list.Items[0].Attempts != 2 {
		t.Errorf("told %s after %+v", completed, list.Items)
	}
	s.mu.Lock()
	posts := s.posts
	s.mu.Unlock()
	h.Call(t, http.MethodPost, where+"/"+list.Items[0].ID+"/resend", nil, nil)
	fixture.Until(t, patience, "told once more", func() (bool, string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.posts > posts, fmt.Sprint(s.posts)
	})
	var status struct{ Enabled bool }
	if h.Call(t, http.MethodGet, "/webhook-endpoints/"+endpoint.ID, nil, &status); !status.Enabled {
		t.Error("it was switched off")
	}
}
