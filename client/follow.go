package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"net/http"
	"time"

	"github.com/presswork/presswork/client/api"
)

const (
	// silence is how long a stream may say nothing, heartbeats included, before it is taken for dead. The API sends one
	// every 10 seconds.
	silence = 30 * time.Second
	// reconnect is the pause before a stream is opened again.
	reconnect = time.Second
	// maxLost is how many looks or streams in a row Watch and Follow forgive an API that is away.
	maxLost = 60
)

// Follow ranges over a publication's progress as it changes, by server-sent events, up to its final state. A stream that
// is lost is opened again where it ended, and an API that is away is waited for, up to 60 times without an event in between: a
// minute if it refuses connections. It ends with an error that stays, or the context's.
func (c *Client) Follow(ctx context.Context, id api.ID) iter.Seq2[api.Progress, error] {
	return func(yield func(api.Progress, error) bool) {
		f := follower{api: c.once(), id: id, yield: yield}
		for lost := 0; ; lost++ {
			before := f.events
			err := f.stream(ctx)
			if f.events > before {
				lost = 0
			}
			switch {
			case f.ended:
				return
			case ctx.Err() != nil:
				err = ctx.Err()
			case (err == nil || Passing(err)) && lost < maxLost:
				if err = c.calls.wait(ctx, max(reconnect, asked(err))); err == nil {
					continue
				}
			case err == nil:
				err = errNoEvents
			}
			yield(api.Progress{}, err)
			return
		}
	}
}

// errNoEvents is a publication whose stream ends every time before anything was said.
var errNoEvents = errors.New("the stream of progress ends again and again without an event")

// once makes calls in one attempt: who goes on anyway does not repeat them as well.
func (c *Client) once() *api.Client {
	calls := *c.calls
	calls.retries = Retries{Attempts: 1}
	return &api.Client{Caller: &calls}
}

// asked is how long the API asks to wait.
func asked(err error) time.Duration {
	var p *Problem
	if errors.As(err, &p) {
		return p.RetryAfter
	}
	return 0
}

// follower reads one stream after another.
type follower struct {
	api    *api.Client
	id     api.ID
	yield  func(api.Progress, error) bool
	lastID string
	events int
	ended  bool // the final state was shown, or nobody wants more
}

// stream opens one and shows it to its end; nil if it ended by itself.
func (f *follower) stream(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var options []api.Option
	if f.lastID != "" {
		options = append(options, api.Header("Last-Event-ID", f.lastID))
	}
	answer, err := f.api.StreamProgress(ctx, f.id, options...)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode == http.StatusNoContent { // the end was shown already
		p, err := f.api.GetProgress(ctx, f.id)
		if err == nil {
			f.show(p)
		}
		return err
	}
	kind := answer.Header.Get("Content-Type")
	if media, _, _ := mime.ParseMediaType(kind); media != "text/event-stream" {
		return &Problem{Status: http.StatusNotAcceptable, Title: "No stream", Detail: fmt.Sprintf("the answer is %q", kind)}
	}
	dead := time.AfterFunc(silence, cancel)
	defer dead.Stop()
	for e, err := range events(heard{answer.Body, func() { dead.Reset(silence) }}) {
		if err != nil {
			return err
		}
		var p api.Progress
		if err := json.Unmarshal([]byte(e.data), &p); err != nil {
			return fmt.Errorf("read an event: %w", err)
		}
		f.lastID = e.id
		f.events++
		if f.show(p); f.ended {
			return nil
		}
	}
	return nil
}

func (f *follower) show(p api.Progress) { f.ended = !f.yield(p, nil) || p.State.Final() }

// heard tells of everything that is read.
type heard struct {
	io.Reader
	tell func()
}

// Read is io.Reader's.
func (h heard) Read(p []byte) (int, error) {
	n, err := h.Reader.Read(p)
	h.tell()
	return n, err
}

// Watch looks at a publication's progress every period, up to its final state. An API that is away for a while is waited
// for, 60 looks at most. It ends with an error that stays, or the context's. A period that is not positive panics, as
// time.NewTicker does.
func (c *Client) Watch(ctx context.Context, id api.ID, period time.Duration) iter.Seq2[api.Progress, error] {
	return func(yield func(api.Progress, error) bool) {
		once := c.once()
		tick := time.NewTicker(period)
		defer tick.Stop()
		for lost := 0; ; {
			p, err := once.GetProgress(ctx, id)
			switch {
			case err == nil:
				lost = 0
				if !yield(p, nil) || p.State.Final() {
					return
				}
			case !Passing(err) || lost >= maxLost:
				yield(p, err)
				return
			default:
				lost++
			}
			select {
			case <-ctx.Done():
				yield(api.Progress{}, ctx.Err())
				return
			case <-tick.C:
			}
		}
	}
}
