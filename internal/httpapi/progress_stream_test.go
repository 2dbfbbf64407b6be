package httpapi

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/auth"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

// board is a publication whose progress a test sets.
type board struct {
	mu    sync.Mutex
	p     publication.Progress
	err   error
	looks atomic.Int64
}

func (b *board) PublicationProgress(context.Context, ident.UID) (publication.Progress, error) {
	b.looks.Add(1)
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.p, b.err
}

func (b *board) set(p publication.Progress, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.p, b.err = p, err
}

// event is one server-sent event; a comment has only its text.
type event struct{ id, name, data, comment string }

// listener reads a stream, and tells of its end with an event that has nothing.
type listener struct {
	t      *testing.T
	answer *http.Response
	events chan event
	leave  context.CancelFunc
}

func listen(t *testing.T, a *api, headers ...string) *listener {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+somePublication+"/progress/stream", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+testKey)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{t: t, answer: answer, events: make(chan event, 100), leave: cancel}
	done := make(chan struct{})
	go func() { defer close(done); l.read() }()
	t.Cleanup(func() { cancel(); <-done; _ = answer.Body.Close() })
	return l
}

func (l *listener) read() {
	defer close(l.events)
	var e event
	for lines := bufio.NewScanner(l.answer.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case lines.Text() == "":
			if e != (event{}) {
				l.events <- e
			}
			e = event{}
		case name == "":
			e.comment = "comment"
		case name == "id":
			e.id = value
		case name == "event":
			e.name = value
		case name == "data":
			e.data = value
		}
	}
}

// next is the next event that is no comment, or nothing after the end.
func (l *listener) next() event {
	l.t.Helper()
	for {
		select {
		case e := <-l.events:
			if e.comment == "" {
				return e
			}
		case <-time.After(time.Minute):
			l.t.Fatal("nothing came")
		}
	}
}

func serveBoard(t *testing.T, b *board, tweaks ...func(*Deps)) *api {
	t.Helper()
	return serve(t, nil, append([]func(*Deps){func(d *Deps) { d.Progress = b }}, tweaks...)...)
}

// TestStreamTellsWhatChanged, to everybody by one look for all, up to the final event.
func TestStreamTellsWhatChanged(t *testing.T) {
	t.Parallel()
	b := &board{p: step(publication.Sending, 10, 2)}
	a := serveBoard(t, b)
	var all []*listener
	for range 10 {
		all = append(all, listen(t, a))
	}
	ids := map[string]bool{}
	for _, l := range all {
		e := l.next()
		if e.name != "progress" || !strings.Contains(e.data, `"state":"sending"`) || l.answer.Header.Get("Content-Type") != streamType {
			t.Fatalf("%+v", e)
		}
		ids[e.id] = true
	}
	began := b.looks.Load()
	b.set(publication.Progress{}, fault.New(fault.Unavailable, "database_unavailable", "")) // nobody is told
	for tick := time.NewTicker(10 * time.Millisecond); b.looks.Load() < began+2; {
		<-tick.C
	}
	b.set(step(publication.Completed, 12, 0), nil)
	for _, l := range all {
		e := l.next()
		if e.name != "final" || !strings.Contains(e.data, `"state":"completed"`) {
			t.Fatalf("%+v", e)
		}
		ids[e.id] = true
		if end := l.next(); end != (event{}) {
			t.Errorf("after the end %+v", end)
		}
	}
	if len(ids) != 2 {
		t.Errorf("%d ids of two events", len(ids))
	}
	if n := b.looks.Load(); n > 20 {
		t.Errorf("%d looks for ten streams", n)
	}
}

// TestStreamGoesOn where a client lost it: what it has is not sent again, and who has the end is told to stop.
func TestStreamGoesOn(t *testing.T) {
	t.Parallel()
	b := &board{p: step(publication.Sending, 10, 2)}
	a := serveBoard(t, b)
	first := listen(t, a)
	seen := first.next()
	first.leave()
	again := listen(t, a, "Last-Event-ID", seen.id)
	b.set(step(publication.Completed, 12, 0), nil)
	final := again.next()
	if final.name != "final" || final.id == seen.id {
		t.Errorf("first %+v", final)
	}
	over := listen(t, a, "Last-Event-ID", final.id)
	if over.answer.StatusCode != http.StatusNoContent {
		t.Errorf("who has it all is answered %d", over.answer.StatusCode)
	}
	if other := serveBoard(t, &board{p: step(publication.Sending, 10, 2)}); listen(t, other).next().id != seen.id {
		t.Error("another process has another id for the same")
	}
	if e := listen(t, a, "Last-Event-ID", seen.id).next(); e.name != "final" {
		t.Errorf("who missed the end gets %+v", e)
	}
}

// idle is a publication with which nothing happens: each look finds it half a second later, or a little more.
type idle struct{ board }

func (i *idle) PublicationProgress(ctx context.Context, uid ident.UID) (publication.Progress, error) {
	p, err := i.board.PublicationProgress(ctx, uid)
	n := i.looks.Load()
	p.Now = p.StartedAt.Add(time.Hour + time.Duration(n)*500*time.Millisecond + time.Duration(n*n%7)*time.Millisecond)
	return p, err
}

// TestStreamIsQuiet while nothing happens: the time over which a rate is taken is no news.
func TestStreamIsQuiet(t *testing.T) {
	t.Parallel()
	i := &idle{board{p: step(publication.Paused, 10, 2)}}
	h := progress{watch: newWatchers(i, time.Millisecond), beat: time.Hour}
	e := gin.New()
	e.GET("/api/v1/publications/:id/progress/stream", handleStream(h.stream))
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	l := listen(t, &api{t: t, url: server.URL})
	for tick := time.NewTicker(time.Millisecond); i.looks.Load() < 60; {
		<-tick.C
	}
	i.set(step(publication.Completed, 12, 0), nil)
	if first, second := l.next(), l.next(); first.name != "progress" || second.name != "final" {
		t.Errorf("%+v, then %+v", first, second)
	}
}

// TestStreamEndsWithTheServer, at once, and is kept alive until then.
func TestStreamEndsWithTheServer(t *testing.T) {
	t.Parallel()
	closing := make(chan struct{})
	b := &board{p: step(publication.Sending, 10, 2)}
	a := serveBoard(t, b, func(d *Deps) { d.Closing = closing })
	l := listen(t, a)
	l.next()
	close(closing)
	if e := l.next(); e != (event{}) {
		t.Errorf("got %+v", e)
	}
}

// turnstile is an authenticator whose answer a test sets.
type turnstile struct {
	mu     sync.Mutex
	answer auth.Principal
	err    error
	asked  atomic.Int64
}

func (t *turnstile) Authenticate(context.Context, string) (auth.Principal, error) {
	t.asked.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.answer, t.err
}

func (t *turnstile) set(answer auth.Principal, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answer, t.err = answer, err
}

// TestStreamEndsWithTheRight to have it, and not while nobody can tell.
func TestStreamEndsWithTheRight(t *testing.T) {
	t.Parallel()
	reader := auth.Principal{ID: "key:1", Roles: []auth.Role{auth.Analyst}}
	for name, later := range map[string]struct {
		answer auth.Principal
		err    error
	}{
		"the key is revoked":      {err: auth.Refuse(auth.Revoked, "")},
		"the role is another one": {answer: auth.Principal{ID: "key:1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gate := &turnstile{answer: reader}
			h := progress{watch: newWatchers(&board{p: step(publication.Sending, 1, 1)}, time.Hour), beat: time.Millisecond,
				stays: stillAllowed(gate, newAccessTable())}
			e := gin.New()
			e.GET("/api/v1/publications/:id/progress/stream", handleStream(h.stream))
			server := httptest.NewServer(e)
			t.Cleanup(server.Close)
			l := listen(t, &api{t: t, url: server.URL})
			l.next()
			gate.set(auth.Principal{}, fault.New(fault.Unavailable, "database_unavailable", ""))
			asked := gate.asked.Load()
			for gate.asked.Load() < asked+3 {
				if e := <-l.events; e.comment == "" {
					t.Fatalf("nobody can tell: %+v", e)
				}
			}
			gate.set(later.answer, later.err)
			if e := l.next(); e != (event{}) {
				t.Errorf("then %+v", e)
			}
		})
	}
}

// TestStreamsAreBounded, and errors before the first event are problems.
func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	a := serveBoard(t, &board{err: errors.New("broken")})
	a.do("GET", somePublication+"/progress/stream", nil).problem(http.StatusInternalServerError, "internal")
	a.do("GET", somePublication+"/progress", nil, "Accept: text/event-stream").problem(http.StatusInternalServerError, "internal")
	gone := serveBoard(t, &board{err: fault.New(fault.NotFound, "not_found", "")})
	gone.do("GET", somePublication+"/progress/stream", nil).problem(http.StatusNotFound, "not_found")
	w := newWatchers(&board{p: step(publication.Sending, 1, 1)}, time.Hour)
	var leave []func()
	for range maxStreams {
		_, end, err := w.join(ident.New())
		if err != nil {
			t.Fatal(err)
		}
		leave = append(leave, end)
	}
	if _, _, err := w.join(ident.New()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("one too many: %v", err)
	}
	for _, end := range leave {
		end()
	}
	w.mu.Lock() // the last looks may be under way
	defer w.mu.Unlock()
	if w.streams != 0 || len(w.watched) != 0 {
		t.Errorf("%d streams are left, %d are watched", w.streams, len(w.watched))
	}
	if len(w.paces) > maxPaces {
		t.Errorf("%d paces are kept", len(w.paces))
	}
}

// TestStreamShowsThatItIsThere while nothing happens.
func TestStreamShowsThatItIsThere(t *testing.T) {
	t.Parallel()
	h := progress{watch: newWatchers(&board{p: step(publication.Sending, 1, 1)}, time.Hour), beat: time.Millisecond}
	server := routed(t, h.stream)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server+"/0190b5a0-0000-7000-8000-00000000000a", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text := make([]byte, 0, 4096)
	for !strings.Contains(string(text), "\n:\n\n:\n\n") {
		part := make([]byte, 512)
		n, err := answer.Body.Read(part)
		if text = append(text, part[:n]...); err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
	}
	if !strings.HasPrefix(string(text), "retry: 2000\n\n") {
		t.Errorf("%q", text)
	}
}

// routed serves one handler below an id.
func routed(t *testing.T, h func(*gin.Context) error) string {
	t.Helper()
	e := gin.New()
	e.GET("/:id", handleStream(h))
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	return server.URL
}
