package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// endpoint is a listener that is not the API: an operators' one, the sandbox, a bare server.
type endpoint struct {
	base, key string
	http      *http.Client
}

func newEndpoint(base, key string) *endpoint {
	return &endpoint{base, key, &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}}
}

func (e *endpoint) close() { e.http.CloseIdleConnections() }

// call sends in as JSON, unless it is nil, and reads the JSON answer into out, unless that is nil.
func (e *endpoint) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader = http.NoBody
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
		body = bytes.NewReader(text)
	}
	answer, err := e.send(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
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

// send returns the answer of a request that succeeded; its body is the caller's to close.
func (e *endpoint) send(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, e.base+path, body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	r.Header.Set("Authorization", "Bearer "+e.key)
	if body != http.NoBody {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := e.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if answer.StatusCode >= http.StatusBadRequest {
		defer answer.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 2000)) // what there is of a reason
		return nil, fmt.Errorf("%s %s: %s: %s", method, path, answer.Status, text)
	}
	return answer, nil
}
