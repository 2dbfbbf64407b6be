// Package client calls the API of Presswork from Go. It uses the standard library only.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Timeout of one request. The longest, an import of 10 MB, takes a few seconds.
const Timeout = 30 * time.Second

// Client calls one API. It is safe for concurrent use and makes one attempt per call: what may be repeated
// (everything but a Publish without an idempotency key) is the caller's to repeat.
type Client struct {
	base, key string
	http      *http.Client
}

// New makes a client of the API's address ("https://presswork.example.org") and an API key.
func New(address, key string) *Client {
	return &Client{base: strings.TrimSuffix(address, "/") + "/api/v1", key: key,
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: Timeout}}
}

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Problem is an error that the API answered (RFC 9457).
type Problem struct {
	Type          string  `json:"type"`
	Title         string  `json:"title"`
	Status        int     `json:"status"`
	Detail        string  `json:"detail"`
	CorrelationID string  `json:"correlation_id"`
	Errors        []Field `json:"errors"`
}

// Field is one invalid part of a request, or of a line of an import.
type Field struct {
	Pointer string `json:"pointer"`
	Line    int    `json:"line"`
	Column  string `json:"column"`
	Code    string `json:"code"`
	Detail  string `json:"detail"`
}

// Error is the title, the detail and the first few fields.
func (p *Problem) Error() string {
	text := strings.TrimSpace(fmt.Sprintf("%d %s", p.Status, p.Title))
	if p.Detail != "" {
		text += ": " + p.Detail
	}
	for i, e := range p.Errors {
		switch {
		case i == 5:
			return fmt.Sprintf("%s; and %d more", text, len(p.Errors)-i)
		case e.Line > 0:
			text += fmt.Sprintf("; line %d %s %s", e.Line, e.Column, e.Detail)
		default:
			text += fmt.Sprintf("; %s %s", e.Pointer, e.Detail)
		}
	}
	return text
}

// Passing reports an error that may be gone in a moment: no answer, or one that says so.
func Passing(err error) bool {
	var p *Problem
	return !errors.As(err, &p) || p.Status >= http.StatusInternalServerError || p.Status == http.StatusTooManyRequests
}

// Call sends in as JSON, unless it is nil, and reads the answer into out, unless that is nil. path is below
// /api/v1. An error that the API answered is a *Problem, wrapped. headers are name, value, ….
func (c *Client) Call(ctx context.Context, method, path string, in, out any, headers ...string) error {
	if in == nil {
		return c.Send(ctx, method, path, http.NoBody, out, headers...)
	}
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("write a request: %w", err)
	}
	return c.Send(ctx, method, path, bytes.NewReader(body), out, append(headers, "Content-Type", "application/json")...)
}

// Send is Call for a body that is not JSON.
func (c *Client) Send(ctx context.Context, method, path string, body io.Reader, out any, headers ...string) error {
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	r.Header.Set("Authorization", "Bearer "+c.key)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s %s: %w", method, path, readProblem(answer))
	}
	if out == nil {
		_, err = io.Copy(io.Discard, answer.Body)
	} else {
		err = json.NewDecoder(answer.Body).Decode(out)
	}
	if err != nil {
		return fmt.Errorf("%s %s: read the answer: %w", method, path, err)
	}
	return nil
}

func readProblem(answer *http.Response) *Problem {
	var p Problem
	if err := json.NewDecoder(answer.Body).Decode(&p); err != nil {
		p.Title = http.StatusText(answer.StatusCode)
	}
	p.Status = answer.StatusCode
	return &p
}

// maxPage is how many items a page has at most.
const maxPage = 200

// page is one page of a list.
type page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
}

// first is the first items of a list, at most limit. query is changed.
func first[T any](ctx context.Context, c *Client, path string, query url.Values, limit int) ([]T, error) {
	query.Set("limit", strconv.Itoa(min(limit, maxPage)))
	var all []T
	for {
		var p page[T]
		if err := c.Call(ctx, http.MethodGet, path+"?"+query.Encode(), nil, &p); err != nil {
			return nil, err
		}
		all = append(all, p.Items...)
		if p.Next == "" || len(all) >= limit {
			return all[:min(len(all), limit)], nil
		}
		query.Set("cursor", p.Next)
	}
}

// List is every item of a list, page by page. query may be nil.
func List[T any](ctx context.Context, c *Client, path string, query url.Values) ([]T, error) {
	values := url.Values{"limit": {"200"}}
	for name, v := range query {
		values[name] = v
	}
	var all []T
	for {
		var p page[T]
		if err := c.Call(ctx, http.MethodGet, path+"?"+values.Encode(), nil, &p); err != nil {
			return nil, err
		}
		all = append(all, p.Items...)
		if p.Next == "" {
			return all, nil
		}
		values.Set("cursor", p.Next)
	}
}
