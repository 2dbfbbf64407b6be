package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/client/api"
)

// script answers each request as the next of its steps says: a status, with what Retry-After says, or of 409 the code; "cut"
// without an answer; "half" in the middle of one. After the last it answers 200.
type script struct {
	t     *testing.T
	mu    sync.Mutex
	steps []string
	keys  []string
	sent  []string
}

// requests are the keys and the bodies that came.
func (s *script) requests() (keys, sent []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.keys), slices.Clone(s.sent)
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.t.Error(err)
	}
	s.keys, s.sent = append(s.keys, r.Header.Get("Idempotency-Key")), append(s.sent, string(body))
	step := "200"
	if len(s.steps) > 0 {
		step, s.steps = s.steps[0], s.steps[1:]
	}
	status, after, _ := strings.Cut(step, " ")
	switch status {
	case "cut":
		panic(http.ErrAbortHandler)
	case "half":
		w.Header().Set("Content-Length", "1000")
		write(s.t, w, http.StatusOK, `{"id":`)
		panic(http.ErrAbortHandler)
	case "200":
		write(s.t, w, http.StatusOK, `{"id":"x"}`)
		return
	case "202":
		write(s.t, w, http.StatusAccepted, `{"id":"x"}`)
		return
	}
	if status == "409" {
		write(s.t, w, http.StatusConflict, `{"type":"/problems/`+after+`"}`)
		return
	}
	if after != "" {
		w.Header().Set("Retry-After", after)
	}
	for code, text := range map[string]int{"404": 404, "412": 412, "429": 429, "500": 500, "502": 502, "503": 503, "504": 504} {
		if code == status {
			write(s.t, w, text, `{"title":"`+code+`"}`)
		}
	}
}

func get(c *Client, ctx context.Context) error { //nolint:revive // the client is what it is about
	_, err := c.GetTopic(ctx, "x")
	return err
}

func put(c *Client, ctx context.Context) error { //nolint:revive // as above
	_, err := c.RenameTopic(ctx, "x", api.TopicRename{Name: "n"})
	return err
}

func post(c *Client, ctx context.Context) error { //nolint:revive // as above
	_, err := c.CreateTopic(ctx, api.TopicInput{Name: "n"})
	return err
}

func postWithKey(c *Client, ctx context.Context) error { //nolint:revive // as above
	_, err := c.CreateTopic(ctx, api.TopicInput{Name: "n"}, IdempotencyKey("mine"))
	return err
}

func publish(c *Client, ctx context.Context) error { //nolint:revive // as above
	_, err := c.Publish(ctx, api.PublicationInput{Title: "News"})
	return err
}

func remove(c *Client, ctx context.Context) error { return c.DeleteTopic(ctx, "x") } //nolint:revive // as above

func upload(c *Client, ctx context.Context) error { //nolint:revive // as above
	_, err := c.UploadAsset(ctx, api.UploadAssetParams{Name: "a"}, "text/plain", strings.NewReader("whole"))
	return err
}

func pipe(c *Client, ctx context.Context) error { //nolint:revive // as above
	_, err := c.UploadAsset(ctx, api.UploadAssetParams{Name: "a"}, "text/plain", io.MultiReader(strings.NewReader("whole")))
	return err
}

// TestRetries: what is repeated, after how long, and what is not.
func TestRetries(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		call   func(*Client, context.Context) error
		steps  string
		waited []time.Duration
		status int // of the problem; 0: none
	}{
		"a GET that fails three times":             {get, "503,502,504", []time.Duration{250 * ms, 500 * ms, 1000 * ms}, 0},
		"a GET that fails four times":              {get, "503,502,504,503", []time.Duration{250 * ms, 500 * ms, 1000 * ms}, 503},
		"a GET that is cut off":                    {get, "cut,half", []time.Duration{250 * ms, 500 * ms}, 0},
		"a PUT that is cut off":                    {put, "cut", []time.Duration{250 * ms}, 0},
		"a POST with a key":                        {publish, "503,cut,504,202", []time.Duration{250 * ms, 500 * ms, 1000 * ms}, 0},
		"a POST without one, refused":              {post, "429 7,429", []time.Duration{7 * time.Second, 500 * ms}, 0},
		"a POST without one, in doubt":             {post, "503 1", nil, 503},
		"a POST whose key nobody looks at":         {postWithKey, "503", nil, 503},
		"a POST that is still worked on":           {publish, "cut,409 idempotency_in_flight,202", []time.Duration{250 * ms, 500 * ms}, 0},
		"a POST that goes against something":       {publish, "409 deleted", nil, 409},
		"Retry-After of a 503":                     {get, "503 3", []time.Duration{3 * time.Second}, 0},
		"Retry-After of an hour":                   {get, "429 3600", nil, 429},
		"a server's mistake":                       {get, "500", nil, 500},
		"a conflict":                               {put, "409", nil, 409},
		"nothing there":                            {remove, "404", nil, 404},
		"a DELETE that was done":                   {remove, "cut,404", []time.Duration{250 * ms}, 0},
		"a DELETE that was refused, and then done": {remove, "429,404", []time.Duration{250 * ms}, 404},
		"an update that was done":                  {put, "504,412", []time.Duration{250 * ms}, 412},
		"a file that can be read again":            {upload, "429", []time.Duration{250 * ms}, 0},
		"a file that can be read again, in doubt":  {upload, "503", nil, 503},
		"a stream that cannot be read again":       {pipe, "429", nil, 429},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &script{t: t, steps: strings.Split(c.steps, ",")}
			steps := len(s.steps)
			api := serve(t, s.ServeHTTP)
			err := c.call(api.Client, t.Context())
			if !slices.Equal(api.waited, c.waited) {
				t.Errorf("waited %v, want %v", api.waited, c.waited)
			}
			if c.status == 0 && err != nil {
				t.Errorf("%v", err)
			}
			keys, sent := s.requests()
			if c.status != 0 {
				if p := problemOf(t, err); p.Status != c.status || p.Attempts != len(sent) || p.Attempts != min(steps, 4) {
					t.Errorf("%+v after %d requests", p, len(sent))
				}
			}
			for i, body := range sent {
				if body != sent[0] || keys[i] != keys[0] {
					t.Errorf("attempt %d sent %q with the key %q", i+1, body, keys[i])
				}
			}
		})
	}
}

// TestWithoutRetries makes one attempt, and says what came of it.
func TestWithoutRetries(t *testing.T) {
	t.Parallel()
	s := &script{t: t, steps: []string{"503", "cut"}}
	c := serve(t, s.ServeHTTP, WithoutRetries())
	if p := problemOf(t, get(c.Client, t.Context())); p.Status != 503 || p.Attempts != 1 {
		t.Errorf("%+v", p)
	}
	if err := get(c.Client, t.Context()); !errors.Is(err, io.EOF) || len(c.waited) != 0 {
		t.Errorf("%v, waited %v", err, c.waited)
	}
}

// TestKeysAreOfCalls: each has its own, for all its attempts, whatever becomes of those.
func TestKeysAreOfCalls(t *testing.T) {
	t.Parallel()
	var now atomic.Pointer[script]
	c := serve(t, func(w http.ResponseWriter, r *http.Request) { now.Load().ServeHTTP(w, r) })
	seen := map[string]bool{}
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.SampledFrom([]string{"429", "502", "503", "504", "cut", "half"}), 0, 5).Draw(rt, "steps")
		s := &script{t: t, steps: append(slices.Clone(steps), "202")}
		now.Store(s)
		most := DefaultRetries().Attempts
		if err := publish(c.Client, rt.Context()); (err == nil) != (len(steps) < most) {
			rt.Fatalf("%v after %d failures", err, len(steps))
		}
		keys, _ := s.requests()
		if want := min(len(steps)+1, most); len(keys) != want || keys[0] == "" || len(slices.Compact(keys)) != 1 || seen[keys[0]] {
			rt.Fatalf("keys %q, want %d times one that no call had before", keys, want)
		}
		seen[keys[0]] = true
	})
}

// TestADeadlineIsNotWaitedFor: who would have to wait beyond it is told at once.
func TestADeadlineIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	s := &script{t: t, steps: []string{"429 40"}}
	c := serve(t, s.ServeHTTP)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if p := problemOf(t, get(c.Client, ctx)); p.RetryAfter != 40*time.Second || len(c.waited) != 0 {
		t.Errorf("%+v, waited %v", p, c.waited)
	}
}

// TestWaitingCanBeInterrupted; the error says so, and what the last answer was.
func TestWaitingCanBeInterrupted(t *testing.T) {
	t.Parallel()
	s := &script{t: t, steps: []string{"503"}}
	c := serve(t, s.ServeHTTP)
	ctx, cancel := context.WithCancel(t.Context())
	c.calls.wait = func(ctx context.Context, _ time.Duration) error { cancel(); return sleep(ctx, time.Hour) }
	err := get(c.Client, ctx)
	if p := problemOf(t, err); p.Status != 503 || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if err := sleep(t.Context(), 1); err != nil {
		t.Error(err)
	}
}

// TestAnAttemptHasATimeout, after which another is made.
func TestAnAttemptHasATimeout(t *testing.T) {
	t.Parallel()
	c := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		WithTimeout(20*time.Millisecond), WithRetries(Retries{Attempts: 2}))
	if err := get(c.Client, t.Context()); !errors.Is(err, errTimeout) || !strings.Contains(err.Error(), "no answer after 20ms") || !Passing(err) {
		t.Errorf("%v", err)
	}
	if len(c.waited) != 1 {
		t.Errorf("waited %v", c.waited)
	}
}

// TestJitterIsFull: anything up to the bound, which doubles up to the longest.
func TestJitterIsFull(t *testing.T) {
	t.Parallel()
	r := Retries{First: time.Second, Longest: 5 * time.Second}
	for attempt, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 5 * time.Second, 5 * time.Second} {
		if got := r.bound(attempt + 1); got != want {
			t.Errorf("attempt %d: %v", attempt+1, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		most := time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "most"))
		if got := anywhere(most); got < 0 || got > most || got == most && most > 0 {
			t.Fatalf("%v of %v", got, most)
		}
	})
}
