package client

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// silence is how long a stream may say nothing, heartbeats included, before it is taken for dead.
const silence = 30 * time.Second

// Follow shows a publication's progress as it changes, by server-sent events, until its state is final. A stream that is lost
// is opened again where it ended; an API that is away is waited for, up to 60 times: a minute if it refuses connections. With
// an error the progress is the last that was read.
func (c *Client) Follow(ctx context.Context, id string, show func(Progress)) (Progress, error) {
	f := follower{client: c, id: id, show: show}
	for lost := 0; ; lost++ {
		before := f.events
		err := f.once(ctx)
		switch {
		case f.last.Final():
			return f.last, nil
		case ctx.Err() != nil:
			return f.last, ctx.Err()
		case err != nil && (!Passing(err) || lost >= maxLost):
			return f.last, err
		case f.events > before:
			lost = 0
		}
		select {
		case <-ctx.Done():
			return f.last, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// follower reads one stream after another.
type follower struct {
	client *Client
	id     string
	show   func(Progress)
	last   Progress
	lastID string
	events int
}

// once opens a stream and reads it to its end; nil if it ended by itself.
func (f *follower) once(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	path := publicationPath(f.id) + "/progress/stream"
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.client.base+path, http.NoBody)
	if err != nil {
		return fmt.Errorf("GET %s: %w", path, err)
	}
	r.Header.Set("Authorization", "Bearer "+f.client.key)
	r.Header.Set("Accept", "text/event-stream")
	if f.lastID != "" {
		r.Header.Set("Last-Event-ID", f.lastID)
	}
	dead := time.AfterFunc(silence, cancel)
	defer dead.Stop()
	unlimited := http.Client{Transport: f.client.http.Transport} // a stream outlasts Timeout
	answer, err := unlimited.Do(r)
	if err != nil {
		return fmt.Errorf("GET %s: %w", path, err)
	}
	defer func() { _ = answer.Body.Close() }()
	switch {
	case answer.StatusCode >= http.StatusBadRequest:
		return fmt.Errorf("GET %s: %w", path, readProblem(answer))
	case answer.StatusCode == http.StatusNoContent: // the end was shown already, or will not be told
		p, err := f.client.Progress(ctx, f.id)
		if err == nil {
			f.last = p
		}
		return err
	}
	if kind := answer.Header.Get("Content-Type"); kind != "text/event-stream" {
		return &Problem{Status: http.StatusNotImplemented, Title: "No stream", Detail: fmt.Sprintf("the answer is %q", kind)}
	}
	return f.read(answer.Body, func() { dead.Reset(silence) })
}

// read shows each event of a stream; heard is called with each line.
func (f *follower) read(stream io.Reader, heard func()) error {
	lines := bufio.NewScanner(stream)
	id, data := "", ""
	for lines.Scan() {
		heard()
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case name == "id":
			id = value
		case name == "data":
			data = value
		case lines.Text() == "" && data != "":
			var p Progress
			if err := json.Unmarshal([]byte(data), &p); err != nil {
				return fmt.Errorf("read an event: %w", err)
			}
			f.last, f.lastID, data = p, id, ""
			f.events++
			f.show(p)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read a stream: %w", err)
	}
	return nil
}
