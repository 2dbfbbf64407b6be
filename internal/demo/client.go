package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// requestTimeout is longer than any answer but an import's takes, and that one has a thousand lines.
const requestTimeout = 30 * time.Second

// client calls the API.
type client struct {
	base, key string
	http      *http.Client
}

func newClient(base, key string) *client {
	return &client{
		base: strings.TrimSuffix(base, "/") + "/api/v1", key: key,
		http: &http.Client{Transport: &http.Transport{}, Timeout: requestTimeout},
	}
}

func (c *client) close() { c.http.CloseIdleConnections() }

// problem is an answer that is an error (RFC 9457).
type problem struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Errors []struct {
		Pointer string `json:"pointer"`
		Line    int    `json:"line"`
		Column  string `json:"column"`
		Detail  string `json:"detail"`
	} `json:"errors"`
}

func (p *problem) Error() string {
	text := fmt.Sprintf("%d %s: %s", p.Status, p.Title, p.Detail)
	for i, e := range p.Errors {
		if i == 5 {
			return fmt.Sprintf("%s; and %d more", text, len(p.Errors)-i)
		}
		switch {
		case e.Line > 0:
			text += fmt.Sprintf("; line %d %s %s", e.Line, e.Column, e.Detail)
		default:
			text += fmt.Sprintf("; %s %s", e.Pointer, e.Detail)
		}
	}
	return text
}

// passing reports an error that may be gone in a moment: no answer, or one that says so.
func passing(err error) bool {
	var p *problem
	return !errors.As(err, &p) || p.Status >= http.StatusInternalServerError || p.Status == http.StatusTooManyRequests
}

// call sends in, as JSON unless it is nil, and reads a JSON answer into out unless that is nil.
func (c *client) call(ctx context.Context, method, path string, in, out any, headers ...string) error {
	if in == nil {
		return c.send(ctx, method, path, http.NoBody, out, headers...)
	}
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("write a request: %w", err)
	}
	return c.send(ctx, method, path, bytes.NewReader(body), out, append(headers, "Content-Type", "application/json")...)
}

// send makes one request; headers are name, value, ….
func (c *client) send(ctx context.Context, method, path string, body io.Reader, out any, headers ...string) error {
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
	defer answer.Body.Close()
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

func readProblem(answer *http.Response) *problem {
	var p problem
	if err := json.NewDecoder(answer.Body).Decode(&p); err != nil {
		p.Title = http.StatusText(answer.StatusCode)
	}
	p.Status = answer.StatusCode
	return &p
}

// list is every item of a list, page by page. query may be empty.
func list[T any](ctx context.Context, c *client, path string, query url.Values) ([]T, error) {
	values := url.Values{"limit": {"200"}}
	for name, v := range query {
		values[name] = v
	}
	var all []T
	for {
		var page struct {
			Items []T    `json:"items"`
			Next  string `json:"next"`
		}
		if err := c.call(ctx, http.MethodGet, path+"?"+values.Encode(), nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return all, nil
		}
		values.Set("cursor", page.Next)
	}
}
