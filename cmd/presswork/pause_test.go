package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// TestControlCommands ask for what they are told to, and show what they are answered.
func TestControlCommands(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][2]string{
		"pause all":                     {"PUT /pauses/all", ""},
		"pause queue:email-bulk":        {"PUT /pauses/queue:email-bulk", ""},
		"resume channel:slack":          {"DELETE /pauses/channel:slack", ""},
		"pause p":                       {"POST /publications/p/pause", "pausing"},
		"resume p":                      {"POST /publications/p/resume", "pausing"},
		"cancel p":                      {"POST /publications/p/cancel", "pausing"},
		"pauses":                        {"GET /pauses", "all    2030-01-01 00:00:00  key:admin"},
		"recipients p --state failed":   {"GET /publications/p/recipients?limit=200&state=failed", "email       failed      rejected"},
		"recipients p r":                {"GET /publications/p/recipients/r", "no recipient: too_late"},
		"recipients p ann@example.org":  {"GET /publications/p/recipients/lookup?email=ann%40example.org", "attempt 1  retry  busy try later"},
		"recipients p r --json":         {"GET /publications/p/recipients/r", `"not_a_recipient":"too_late"`},
		"status p":                      {"GET /publications/p/progress", "pausing    7 of 9, 2.5 a second, 3s left"},
		"recipients p --channel slack ": {"GET /publications/p/recipients?channel=slack&limit=200", "RECIPIENT"},
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var asked []string
			api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				asked = append(asked, r.Method+" "+strings.TrimPrefix(r.URL.RequestURI(), "/api/v1"))
				_, _ = fmt.Fprint(w, `{"state":"pausing","all":{"total":9,"sent":7},"rate_per_second":2.5,"eta_seconds":3,"not_a_recipient":"too_late",
					"items":[{"scope":"all","paused_by":"key:admin","paused_at":"2030-01-01T00:00:00Z","channel":"email","state":"failed","reason":"rejected"}],
					"deliveries":[{"channel":"email","state":"pending","choice":{"basis":"exact","items":[{"number":1,"title":"A","in_message":true}]},
						"attempts":[{"number":1,"outcome":"retry","error_code":"busy","error":"try later"}],"events":[{"kind":"click","link":{"url":"https://example.org"}}]}]}`)
			}))
			defer api.Close()
			var out strings.Builder
			root := rootCommand()
			root.SetArgs(append(strings.Fields(line), "--api", api.URL, "--api-key", "key"))
			root.SetOut(&out)
			if err := root.ExecuteContext(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(asked, ", "); got != want[0] || !strings.Contains(out.String(), want[1]) {
				t.Errorf("asked %s, and wrote\n%s", got, out.String())
			}
		})
	}
}
