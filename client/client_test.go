package client

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/presswork/presswork/client/api"
)

// standIn is an API that does what a test says, and a client of it that waits for nothing.
type standIn struct {
	*Client
	mu     sync.Mutex
	waited []time.Duration
}

func serve(t *testing.T, handler http.HandlerFunc, options ...Option) *standIn {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	server.Config.SetKeepAlivesEnabled(false) // net/http repeats by itself what breaks off on a connection that was kept
	s := &standIn{Client: New(server.URL+"/", "key", options...)}
	t.Cleanup(s.Close)
	s.calls.jitter = func(d time.Duration) time.Duration { return d }
	s.calls.wait = func(ctx context.Context, d time.Duration) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.waited = append(s.waited, d)
		return ctx.Err()
	}
	return s
}

// write answers with a body.
func write(t *testing.T, w http.ResponseWriter, status int, body string) {
	t.Helper()
	w.WriteHeader(status)
	if _, err := w.Write([]byte(body)); err != nil {
		t.Error(err)
	}
}

func problemOf(t *testing.T, err error) *Problem {
	t.Helper()
	var p *Problem
	if !errors.As(err, &p) {
		t.Fatalf("%v is no problem", err)
	}
	return p
}

// TestCallsAreMadeAs who has the key, in JSON, and go nowhere else.
func TestCallsAreMadeAs(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer key" || r.Header.Get("Accept") != "application/json" || r.Header.Get("If-Match") != `"7"` ||
			r.Header.Get("X-Correlation-ID") != "job-1" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
		}
		write(t, w, http.StatusOK, `{"id":"x"}`)
	}, WithHTTPClient(&http.Client{Transport: http.DefaultTransport}))
	got, err := c.UpdateTemplate(t.Context(), "a b", api.TemplateChange{Name: "n"}, IfVersion(7), CorrelationID("job-1"))
	if err != nil || got.ID != "x" {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestARedirectionIsNoSuccess: nothing was done where it points away from, and nobody goes there. But an operation may answer
// one, and 304 is what was asked for.
func TestARedirectionIsNoSuccess(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if r.Header.Get("If-None-Match") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(http.StatusFound)
	}, WithHTTPClient(&http.Client{Transport: http.DefaultTransport}))
	_, getting := c.GetTopic(t.Context(), "x")
	_, exporting := c.ExportSubscribers(t.Context(), api.ExportSubscribersParams{}) //nolint:bodyclose // there is none
	for _, err := range []error{c.DeleteTopic(t.Context(), "x"), getting, exporting} {
		if p := problemOf(t, err); p.Status != http.StatusFound || p.Title != "Found" || Passing(err) {
			t.Errorf("%+v", p)
		}
	}
	if n := requests.Load(); n != 3 {
		t.Errorf("%d requests", n)
	}
	clicked, err := c.TrackClick(t.Context(), "token", 1)
	if err != nil || clicked.StatusCode != http.StatusFound || clicked.Body.Close() != nil {
		t.Errorf("%v", err)
	}
	same, err := c.GetAssetContent(t.Context(), "x", api.Header("If-None-Match", `"1"`))
	if err != nil || same.StatusCode != http.StatusNotModified || same.Body.Close() != nil {
		t.Errorf("%v", err)
	}
}

func TestIfVersionIsAny(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-Match") != "*" {
			t.Errorf("%v", r.Header)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	if err := c.DeleteTopic(t.Context(), "x", IfVersion(0)); err != nil {
		t.Error(err)
	}
}

// TestEmptyKey: a key that a caller forgot to fill in is not one of its own.
func TestEmptyKey(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if keys := r.Header.Values("Idempotency-Key"); len(keys) != 1 || keys[0] != "" {
			t.Errorf("%q", keys)
		}
		write(t, w, http.StatusBadRequest, `{"type":"/problems/invalid_idempotency_key","status":400}`)
	})
	if _, err := c.Publish(t.Context(), api.PublicationInput{Title: "News"}, IdempotencyKey("")); err == nil {
		t.Error("it was accepted")
	}
}

func TestAnswerInto(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Idempotency-Key") != "mine" {
			t.Errorf("%v", r.Header)
		}
		for name, value := range map[string]string{"ETag": `"3"`, "Location": "/api/v1/publications/p", "X-Correlation-ID": "c",
			"Idempotent-Replay": "true", "RateLimit-Policy": `"key";q=1000;w=60`, "RateLimit": `"key";r=995;t=12`} {
			w.Header().Set(name, value)
		}
		write(t, w, http.StatusAccepted, `{"id":"p","state":"queued"}`)
	})
	var a Answer
	p, err := c.Publish(t.Context(), api.PublicationInput{Title: "News"}, IdempotencyKey("mine"), Into(&a))
	if err != nil || p.ID != "p" || p.State != api.AcceptedStateQueued {
		t.Errorf("%+v, %v", p, err)
	}
	if a.Status != http.StatusAccepted || a.ETag != `"3"` || a.Location != "/api/v1/publications/p" || a.CorrelationID != "c" || !a.Replayed ||
		len(a.Limits) != 1 || a.Limits[0] != (Limit{Name: "key", Quota: 1000, Window: time.Minute, Remaining: 995, Reset: 12 * time.Second}) {
		t.Errorf("%+v", a)
	}
}

// TestDryRunHasNoKey: it stores nothing, and must not use one up.
func TestDryRunHasNoKey(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "dry_run=true" || r.Header.Get("Idempotency-Key") != "" {
			t.Errorf("%s %v", r.URL, r.Header)
		}
		write(t, w, http.StatusOK, `{"dry_run":true,"lane":"bulk"}`)
	})
	if f, err := c.DryRun(t.Context(), api.PublicationInput{}); err != nil || f.Lane != "bulk" {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestAnUnexpectedStatusIsAnError(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { write(t, w, http.StatusCreated, `{}`) })
	if _, err := c.Publish(t.Context(), api.PublicationInput{}); err == nil || !strings.Contains(err.Error(), "createPublication: an answer with the status 201") {
		t.Error(err)
	}
}

// TestTimelineByAddress keeps the address out of the path, and an error of the network out of the text.
func TestTimelineByAddress(t *testing.T) {
	t.Parallel()
	var asked []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, strings.TrimPrefix(r.URL.RequestURI(), "/api/v1/publications/p"))
		write(t, w, http.StatusOK, `{"deliveries":[{"channel":"email"}]}`)
	})
	for _, who := range []string{"id", "a+b@example.org"} {
		if got, err := c.Timeline(t.Context(), "p", who); err != nil || len(got.Deliveries) != 1 {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if got := strings.Join(asked, " "); got != "/recipients/id /recipients/lookup?email=a%2Bb%40example.org" {
		t.Errorf("asked %s", got)
	}
	away := New("http://127.0.0.1:1", "key", WithoutRetries())
	defer away.Close()
	if _, err := away.Timeline(t.Context(), "p", "ann@example.org"); err == nil || strings.Contains(err.Error(), "ann") || strings.Contains(err.Error(), "email=") {
		t.Error(err)
	}
}

func TestDecideAllGoesOn(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, 1000)
		n, _ := r.Body.Read(body)
		if strings.Contains(string(body[:n]), `"after":9`) {
			write(t, w, http.StatusOK, `{"changed":3}`)
			return
		}
		write(t, w, http.StatusOK, `{"changed":2,"busy":1,"next":9}`)
	})
	if f, err := c.DecideAll(t.Context(), api.DecisionInput{Decision: "sent", All: true}); err != nil || f.Changed != 5 || f.Busy != 1 {
		t.Errorf("%+v, %v", f, err)
	}
}
