package client

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/presswork/presswork/client/api"
)

// TestFollow goes on after a stream that was cut, where it ended, up to the end, and waits as long as it is asked to.
func TestFollow(t *testing.T) {
	t.Parallel()
	var streams atomic.Int32
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/publications/p/progress/stream" || r.Header.Get("Authorization") != "Bearer key" {
			t.Errorf("%s %v", r.URL, r.Header)
		}
		switch last := r.Header.Get("Last-Event-ID"); streams.Add(1) {
		case 1:
			w.Header().Set("Content-Type", "text/event-stream")
			write(t, w, 200, "retry: 2000\n\nid: one\nevent: progress\ndata: {\"state\":\"sending\"}\n\n:\n\nid: two\nevent: progress\ndata: {\"state\"")
		case 2:
			w.Header().Set("Retry-After", "9")
			w.WriteHeader(http.StatusServiceUnavailable)
		case 3:
			panic(http.ErrAbortHandler)
		default:
			if last != "one" {
				t.Errorf("it goes on after %q", last)
			}
			w.Header().Set("Content-Type", "text/event-stream; charset=utf-8") // as something in between may say it
			write(t, w, 200, "id: three\nevent: final\ndata: {\"state\":\"completed\",\"rate_per_second\":7}\n\n")
		}
	})
	var shown []string
	last, err := Last(c.Follow(t.Context(), "p"), func(p api.Progress) { shown = append(shown, string(p.State)) })
	if err != nil || last.RatePerSecond != 7 || strings.Join(shown, " ") != "sending completed" {
		t.Errorf("%+v, %v, shown %v", last, err, shown)
	}
	if len(c.waited) != 3 || c.waited[0] != time.Second || c.waited[1] != 9*time.Second || c.waited[2] != time.Second {
		t.Errorf("waited %v", c.waited)
	}
}

// TestFollowNothing ends with what the API says.
func TestFollowNothing(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	_, err := Last(c.Follow(t.Context(), "p"), func(api.Progress) {})
	if p := problemOf(t, err); p.Status != http.StatusNotFound {
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
			write(t, w, 200, "id: one\nevent: progress\ndata: {\"state\":\"sending\"}\n\n")
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	})
	last, err := Last(c.Follow(t.Context(), "p"), func(api.Progress) {})
	if p := problemOf(t, err); p.Status != http.StatusForbidden || last.State != "sending" {
		t.Errorf("%+v, %v", last, err)
	}
}

// TestFollowIsPatient for an API that is away, and gives up in the end.
func TestFollowIsPatient(t *testing.T) {
	t.Parallel()
	var streams atomic.Int32
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		streams.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	_, err := Last(c.Follow(t.Context(), "p"), func(api.Progress) {})
	if p := problemOf(t, err); p.Status != 503 || streams.Load() != maxLost+1 {
		t.Errorf("%v after %d streams", err, streams.Load())
	}
}

// TestFollowGivesUp streams that say nothing, as behind a proxy that cuts them: an event between them begins the count anew.
func TestFollowGivesUp(t *testing.T) {
	t.Parallel()
	var streams atomic.Int32
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		switch streams.Add(1) {
		case 10:
			write(t, w, 200, "id: one\nevent: progress\ndata: {\"state\":\"sending\"}\n\n")
		case maxLost + 100: // so that it ends in any case
			w.WriteHeader(http.StatusNotFound)
		}
	})
	_, err := Last(c.Follow(t.Context(), "p"), func(api.Progress) {})
	if !errors.Is(err, errNoEvents) || streams.Load() != 10+maxLost {
		t.Errorf("%v after %d streams", err, streams.Load())
	}
}

// TestFollowEnds with the context, with what is no stream, and when nobody wants more.
func TestFollowEnds(t *testing.T) {
	t.Parallel()
	stream := "text/event-stream"
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", stream)
		write(t, w, 200, "id: one\ndata: {\"state\":\"sending\"}\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	n := 0
	for p, err := range c.Follow(t.Context(), "p") {
		if n++; err != nil || p.State != "sending" {
			t.Errorf("%+v, %v", p, err)
		}
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Last(c.Follow(ctx, "p"), func(api.Progress) { cancel() })
	if n != 1 || err == nil || ctx.Err() == nil || err.Error() != context.Canceled.Error() {
		t.Errorf("%d shown, %v", n, err)
	}
	stream = "text/html"
	if _, err := Last(c.Follow(t.Context(), "p"), func(api.Progress) {}); err == nil || !strings.Contains(err.Error(), `the answer is "text/html"`) {
		t.Errorf("%v", err)
	}
}

// TestWatch looks until the end, past an API that is away for a moment.
func TestWatch(t *testing.T) {
	t.Parallel()
	s := &script{t: t}
	var looks atomic.Int32
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		switch looks.Add(1) {
		case 1:
			write(t, w, 200, `{"state":"sending"}`)
		case 2:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 3:
			write(t, w, 200, `{"state":"cancelled"}`)
		default:
			s.t.Error("a look after the end")
		}
	})
	last, err := Last(c.Watch(t.Context(), "p", time.Millisecond), func(api.Progress) {})
	if err != nil || last.State != "cancelled" {
		t.Errorf("%+v, %v", last, err)
	}
	refused := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	_, err = Last(refused.Watch(t.Context(), "p", time.Millisecond), func(api.Progress) {})
	if p := problemOf(t, err); p.Status != http.StatusForbidden {
		t.Errorf("%v", err)
	}
}
