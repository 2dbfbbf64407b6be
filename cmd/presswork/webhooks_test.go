package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// TestWebhooks asks for what it is told to, and prints what it is answered.
func TestWebhooks(t *testing.T) {
	t.Parallel()
	const at = "2030-01-02T03:04:05Z"
	for line, want := range map[string]struct {
		asked   string
		printed string
	}{
		"webhooks list":                {"GET /webhook-endpoints?limit=100 ", "w1  no: gone  2030-01-02 03:04:05  publication.*  https://x/in  CRM"},
		"webhooks list --json":         {"GET /webhook-endpoints?limit=100 ", `[{"id":"w1"`},
		"webhooks create https://x/in": {`POST /webhook-endpoints {"url":"https://x/in"}`, "whsec_once"},
		"webhooks create https://x --event a.* --event b.c --description CRM --json": {
			`POST /webhook-endpoints {"url":"https://x","description":"CRM","events":["a.*","b.c"]}`, `"secret":"whsec_once"`},
		"webhooks enable w1":         {"POST /webhook-endpoints/w1/enable ", "w1  no: gone"},
		"webhooks disable w1 --json": {"POST /webhook-endpoints/w1/disable ", `{"id":"w1"`},
		"webhooks verify w1":         {"POST /webhook-endpoints/w1/verify ", "w1"},
		"webhooks deliveries w1":     {"GET /webhook-endpoints/w1/deliveries?limit=50 ", "e1     2030-01-02 03:04:05  a.b   failed  3         -     no connection"},
		"webhooks deliveries w1 --state failed --type a.b --limit 3 --since " + at: {
			"GET /webhook-endpoints/w1/deliveries?limit=3&since=2030-01-02T03%3A04%3A05Z&state=failed&type=a.b ", "e1"},
		"webhooks resend w1 e1":             {"POST /webhook-endpoints/w1/deliveries/e1/resend ", "e1"},
		"webhooks recover w1 --since " + at: {`POST /webhook-endpoints/w1/recover {"since":"` + at + `"}`, "7 events are due again"},
		"webhooks recover w1 --since " + at + " --until 2031-01-02T03:04:05Z --json": {
			`POST /webhook-endpoints/w1/recover {"since":"` + at + `","until":"2031-01-02T03:04:05Z"}`, `{"recovered":7}`},
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			var asked []string
			api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				asked = append(asked, r.Method+" "+strings.TrimPrefix(r.URL.RequestURI(), "/api/v1")+" "+string(body))
				_, _ = io.WriteString(w, webhookAnswer(r))
			}))
			defer api.Close()
			out, err := said(t, api.URL, line)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(asked, []string{want.asked}) || !strings.Contains(out, want.printed) {
				t.Errorf("asked %q, printed %q", asked, out)
			}
		})
	}
}

func webhookAnswer(r *http.Request) string {
	const endpoint = `{"id":"w1","url":"https://x/in","description":"CRM","events":["publication.*"],"enabled":false,"disabled_reason":"gone","failing_since":"2030-01-02T03:04:05Z"`
	const delivery = `{"id":"e1","type":"a.b","occurred_at":"2030-01-02T03:04:05Z","state":"failed","attempts":3,"last_attempt":{"error":"no connection"}}`
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/deliveries"):
		return `{"items":[` + delivery + `]}`
	case strings.HasSuffix(path, "/resend"):
		return delivery
	case strings.HasSuffix(path, "/recover"):
		return `{"recovered":7}`
	case r.Method == http.MethodGet:
		return `{"items":[` + endpoint + `}]}`
	default:
		return endpoint + `,"secret":"whsec_once"}`
	}
}
