// Package api has the types of the API and a method for each of its operations, made of its description
// (api.gen.go). How a call is made is up to a Caller; package client has one that authenticates and repeats.
package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"time"
)

// Client has a method for each operation. It is as safe for concurrent use as its Caller.
type Client struct {
	// Caller makes the calls.
	Caller Caller
}

// Caller makes calls. What it returns is a success: below 300, the redirection of an operation that answers with one, or 304
// to a request with If-None-Match. Anything else is an error.
type Caller interface {
	Call(ctx context.Context, r *Request) (*http.Response, error)
}

// Request is one call of an operation, before anybody was authenticated.
type Request struct {
	Operation string // its id in the description: "createTopic"
	Method    string
	Path      string // escaped: "/api/v1/topics"
	Query     url.Values
	Header    http.Header
	// Body is what is sent: an io.Reader as it is, anything else as JSON, nothing if it is nil.
	Body      any
	MediaType string // of Body
	// Keyed tells that the operation takes an Idempotency-Key.
	Keyed bool
	// Stream tells that the body of the answer is the caller's to read, however long that takes, and to close.
	Stream bool
	// Redirects tells that a redirection is what the operation answers.
	Redirects bool
	// Answered is called with each answer that is returned, before its body is read. It may be nil.
	Answered func(*http.Response)
}

// Option changes one call.
type Option func(*Request)

// Header sets a header of the request.
func Header(name, value string) Option {
	return func(r *Request) { r.Header.Set(name, value) }
}

// ask sets a query parameter, unless value is zero.
func (r *Request) ask(name string, value any) {
	v := reflect.ValueOf(value)
	if v.IsZero() {
		return
	}
	text := fmt.Sprint(value)
	if at, ok := value.(time.Time); ok {
		text = at.Format(time.RFC3339Nano)
	}
	if r.Query == nil {
		r.Query = url.Values{}
	}
	r.Query.Set(name, text)
}

// path puts values, escaped, where the pattern has %s.
func path(pattern string, values ...any) string {
	escaped := make([]any, len(values))
	for i, v := range values {
		escaped[i] = url.PathEscape(fmt.Sprint(v))
	}
	return fmt.Sprintf(pattern, escaped...)
}

func (c *Client) send(ctx context.Context, r *Request, options []Option) (*http.Response, error) {
	r.Header = http.Header{}
	if !r.Stream {
		r.Header.Set("Accept", "application/json")
	}
	for _, o := range options {
		o(r)
	}
	return c.Caller.Call(ctx, r)
}

// do is a call without an answer.
func (c *Client) do(ctx context.Context, r *Request, options []Option) error {
	answer, err := c.send(ctx, r, options)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// call is a call with one kind of answer; without a body, as of a 204, it is zero.
func call[T any](ctx context.Context, c *Client, r *Request, options []Option) (T, error) {
	var t T
	err := c.decode(ctx, r, options, func(int) any { return &t })
	return t, err
}

// decode reads the answer as JSON into what is for its status; nil is for one that is not expected.
func (c *Client) decode(ctx context.Context, r *Request, options []Option, into func(status int) any) error {
	answer, err := c.send(ctx, r, options)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode == http.StatusNoContent {
		return nil
	}
	t := into(answer.StatusCode)
	if t == nil {
		return fmt.Errorf("%s: an answer with the status %d was not expected", r.Operation, answer.StatusCode)
	}
	if err := json.NewDecoder(answer.Body).Decode(t); err != nil {
		return fmt.Errorf("%s: read the answer: %w", r.Operation, err)
	}
	return nil
}
