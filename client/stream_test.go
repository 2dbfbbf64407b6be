package client

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// TestFollow goes on after a stream that was cut, where it ended, up to the end.
func TestFollow(t *testing.T) {
	t.Parallel()
	var streams atomic.Int32
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/publications/p/progress/stream" || r.Header.Get("Authorization") != "Bearer key" {
			t.Errorf("%s %v", r.URL, r.Header)
		}
		w.Header().Set("Content-Type", "text/event-stream")
		switch last := r.Header.Get("Last-Event-ID"); streams.Add(1) {
		case 1:
			_, _ = fmt.Fprint(w, "retry: 2000\n\nid: one\nevent: progress\ndata: {\"state\":\"sending\"}\n\n:\n\nid: two\nevent: progress\ndata: {\"state\"")
		case 2:
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			if last != "one" {
				t.Errorf("it goes on after %q", last)
			}
			_, _ = fmt.Fprint(w, "id: three\nevent: final\ndata: {\"state\":\"completed\",\"rate_per_second\":7}\n\n")
		}
	})
	var shown []string
	last, err := c.Follow(t.Context(), "p", func(p Progress) { shown = append(shown, p.State) })
	if err != nil || last.Rate != 7 || strings.Join(shown, " ") != "sending completed" {
		t.Errorf("%+v, %v, shown %v", last, err, shown)
	}
}

// TestFollowNothing ends with what the API says.
func TestFollowNothing(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	_, err := c.Follow(t.Context(), "p", func(Progress) {})
	var p *Problem
	if !errors.As(err, &p) || p.Status != http.StatusNotFound {
		t.Errorf("%v", err)
	}
}

// TestFollowKeepsTheLast when it ends with an error.
func TestFollowKeepsTheLast(t *testing.T) {
	t.Parallel()
	var streams atomic.Int32
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !strings.HasSuffix(r.URL.Path, "/stream"):
			w.WriteHeader(http.StatusForbidden)
		case streams.Add(1) == 1:
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = fmt.Fprint(w, "id: one\nevent: progress\ndata: {\"state\":\"sending\"}\n\n")
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	})
	last, err := c.Follow(t.Context(), "p", func(Progress) {})
	var p *Problem
	if !errors.As(err, &p) || p.Status != http.StatusForbidden || last.State != "sending" {
		t.Errorf("%+v, %v", last, err)
	}
}

// TestControl asks for what it says.
func TestControl(t *testing.T) {
	t.Parallel()
	var asked []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+strings.TrimPrefix(r.URL.RequestURI(), "/api/v1"))
		_, _ = fmt.Fprint(w, `{"items":[{"scope":"all"}],"state":"paused"}`)
	})
	ctx := t.Context()
	_, first := c.PausePublication(ctx, "p")
	_, second := c.ResumePublication(ctx, "p")
	p, third := c.CancelPublication(ctx, "p")
	list, fourth := c.Pauses(ctx)
	err := errors.Join(first, second, third, fourth, c.Pause(ctx, "queue:email"), c.Resume(ctx, "all"))
	if err != nil || p.State != "paused" || len(list) != 1 {
		t.Errorf("%+v, %v, %v", p, list, err)
	}
	want := "POST /publications/p/pause, POST /publications/p/resume, POST /publications/p/cancel, GET /pauses, PUT /pauses/queue:email, DELETE /pauses/all"
	if got := strings.Join(asked, ", "); got != want {
		t.Errorf("asked %s", got)
	}
}

// TestTimelineByAddress keeps the address out of the path.
func TestTimelineByAddress(t *testing.T) {
	t.Parallel()
	var asked []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, strings.TrimPrefix(r.URL.RequestURI(), "/api/v1/publications/p"))
		if strings.Contains(r.URL.RawQuery, "limit") && !strings.Contains(r.URL.RawQuery, "cursor") {
			_, _ = fmt.Fprint(w, `{"items":[],"next":"more"}`)
			return
		}
		_, _ = fmt.Fprint(w, `{"items":[{"channel":"email"}],"deliveries":[{"channel":"email"}]}`)
	})
	for _, who := range []string{"id", "a+b@example.org"} {
		if got, err := c.Timeline(t.Context(), "p", who); err != nil || len(got.Deliveries) != 1 {
			t.Errorf("%+v, %v", got, err)
		}
	}
	n := 0
	err := c.Recipients(t.Context(), "p", map[string][]string{"state": {"failed"}}, func(list []Recipient) error { n += len(list); return nil })
	want := "/recipients/id /recipients/lookup?email=a%2Bb%40example.org /recipients?limit=200&state=failed /recipients?cursor=more&limit=200&state=failed"
	if got := strings.Join(asked, " "); err != nil || n != 1 || got != want {
		t.Errorf("%d, %v, asked %s", n, err, got)
	}
}
