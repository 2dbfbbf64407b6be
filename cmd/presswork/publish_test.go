package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestPublishFlags become the request.
func TestPublishFlags(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"publish --title News --channel slack --rate-per-minute 90":                 `"rate_per_minute":90}`,
		"publish --title News --channel slack --at 2031-01-01T00:00:00Z --key once": `"schedule_at":"2031-01-01T00:00:00Z"}once`,
	} {
		var asked string
		api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			asked = string(body) + r.Header.Get("Idempotency-Key")
			w.WriteHeader(http.StatusAccepted)
			_, _ = io.WriteString(w, `{"id":"p","state":"queued"}`)
		}))
		if out, err := said(t, api.URL, line); err != nil || !strings.Contains(asked, want) || !strings.Contains(out, `"id":"p"`) {
			t.Errorf("%s: asked %s, printed %q, %v", line, asked, out, err)
		}
		api.Close()
	}
}
