package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/presswork/presswork/client/api"
)

// calls makes calls (api.Caller).
type calls struct {
	address, key string
	http         *http.Client
	timeout      time.Duration
	retries      Retries
	wait         func(context.Context, time.Duration) error
	jitter       func(time.Duration) time.Duration
}

// Call makes a call in as many attempts as its retries allow, all with the same Idempotency-Key if it takes one.
func (c *calls) Call(ctx context.Context, r *api.Request) (*http.Response, error) {
	if r.Keyed && len(r.Header.Values("Idempotency-Key")) == 0 {
		r.Header.Set("Idempotency-Key", rand.Text())
	}
	body, err := newPayload(r)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.Method, r.Path, err)
	}
	doubtful := false
	for attempt := 1; ; attempt++ {
		answer, err := c.attempt(ctx, r, body)
		if err == nil {
			return answer, nil
		}
		if doubtful && gone(r, err) {
			return nothing(), nil
		}
		doubtful = doubtful || inDoubt(err)
		pause, again := c.next(ctx, attempt, err, repeatable(r), body.again)
		if !again {
			return nil, fmt.Errorf("%s %s: %w", r.Method, r.Path, told(err, attempt))
		}
		if ended := c.wait(ctx, pause); ended != nil {
			return nil, fmt.Errorf("%s %s: %w after %w", r.Method, r.Path, ended, told(err, attempt))
		}
	}
}

// attempt makes one, within the timeout. The answer of a call that is no stream is read whole, so that one that breaks off
// is an error; a stream has begun by then, and goes on until it is closed.
func (c *calls) attempt(ctx context.Context, r *api.Request, body *payload) (*http.Response, error) {
	content, end, err := body.open()
	if err != nil {
		return nil, err
	}
	defer end()
	ctx, cancel := context.WithCancelCause(ctx)
	deadline := time.AfterFunc(c.timeout, func() { cancel(errTimeout) })
	answer, err := c.exchange(ctx, r, content)
	if err == nil && !r.Stream {
		err = readWhole(answer)
	}
	deadline.Stop()
	if err != nil && errors.Is(context.Cause(ctx), errTimeout) {
		err = fmt.Errorf("%w after %s", errTimeout, c.timeout)
	}
	if err != nil || !r.Stream {
		cancel(nil)
	} else {
		answer.Body = &stream{ReadCloser: answer.Body, end: cancel}
	}
	if err == nil && r.Answered != nil {
		r.Answered(answer)
	}
	return answer, err
}

// errTimeout is an attempt that took too long, while the context of the call goes on.
var errTimeout = errors.New("no answer")

// exchange is a request and its answer, of which one that is no success is a *Problem.
func (c *calls) exchange(ctx context.Context, r *api.Request, content io.Reader) (*http.Response, error) {
	target := c.address + r.Path
	if len(r.Query) > 0 {
		target += "?" + r.Query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, target, content)
	if err != nil {
		return nil, withoutURL(err)
	}
	request.Header = r.Header.Clone()
	request.Header.Set("Authorization", "Bearer "+c.key)
	if r.Body != nil {
		request.Header.Set("Content-Type", r.MediaType)
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return nil, withoutURL(err)
	}
	if !succeeded(r, answer.StatusCode) {
		return nil, readProblem(answer)
	}
	return answer, nil
}

// succeeded reports whether the call is done. A redirection, as a proxy answers to http instead of https, has done nothing.
func succeeded(r *api.Request, status int) bool {
	switch {
	case status < http.StatusMultipleChoices:
		return true
	case status == http.StatusNotModified:
		return r.Header.Get("If-None-Match") != ""
	default:
		return status < http.StatusBadRequest && r.Redirects
	}
}

// withoutURL is the cause of an error of net/http, whose text has the query, which may hold an address.
func withoutURL(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

func readWhole(answer *http.Response) error {
	defer func() { _ = answer.Body.Close() }()
	whole, err := io.ReadAll(answer.Body)
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	answer.Body = io.NopCloser(bytes.NewReader(whole))
	return nil
}

// stream is a body that lets go of its attempt when it is closed.
type stream struct {
	io.ReadCloser
	end context.CancelCauseFunc
}

// Close ends the body, and with it the attempt.
func (s *stream) Close() error {
	defer s.end(nil)
	return s.ReadCloser.Close()
}
