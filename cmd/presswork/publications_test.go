package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestPublicationCommands ask for what they are told to, and show what they are answered.
func TestPublicationCommands(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][2]string{
		"publications publish p":                       {"POST /publications/p/publish {}", "scheduled"},
		"publications publish p --dry-run":             {"POST /publications/p/publish?dry_run=true {}", "would be scheduled, lane bulk, needs approval, sent in 1m5s"},
		"publish --title A --channel slack --dry-run":  {`POST /publications?dry_run=true {"title":"A","publication_type":"announcement","channels":["slack"],"content_ids":null}`, "9           8         1        quiet_hours 3  gone 1, no_topic 2"},
		"publish --title A --dry-run --json":           {`POST /publications?dry_run=true {"title":"A","publication_type":"announcement","channels":null,"content_ids":null}`, `"seconds":65`},
		"publish --title A --draft --approval --watch": {`POST /publications {"title":"A","publication_type":"announcement","channels":null,"content_ids":null,"draft":true,"approval":true} made up`, `"id":"c"`},
		"publications clone p --title B --send":        {`POST /publications/p/clone {"title":"B","draft":false} made up`, `"id":"c"`},
		"publications clone p --key k":                 {`POST /publications/p/clone {} k`, `"id":"c"`},
		"publications delete p":                        {"DELETE /publications/p ", ""},
		"publications versions p":                      {"GET /publications/p/versions?limit=50 ", "2        2030-01-01 00:00:00  ann"},
		"publications version p 2":                     {"GET /publications/p/versions/2 ", `"title":"Old"`},
		"publications diff p 1 2":                      {"GET /publications/p/versions/1/diff?to=2 ", `/title  "a"   null`},
		"publications diff p 1 2 --json":               {"GET /publications/p/versions/1/diff?to=2 ", `[{"path":"/title","from":"a","to":null}]`},
		"publications rollback p 1":                    {`POST /publications/p/rollback {"version":1}`, "scheduled"},
		"publications approve p 4":                     {`POST /publications/p/approve {"version":4}`, "waits for approval (version 9)"},
		"publications approve p 4 --json":              {`POST /publications/p/approve {"version":4}`, `"requested_by":"ann"`},
		"publications reject p no":                     {`POST /publications/p/reject {"reason":"no"}`, "scheduled"},
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			asked := ""
			api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				key := r.Header.Get("Idempotency-Key")
				if key != "" && !strings.Contains(line, "--key") {
					key = "made up"
				}
				asked = strings.TrimSpace(r.Method+" "+strings.TrimPrefix(r.URL.RequestURI(), "/api/v1")+" "+string(body)) + " " + key
				if r.Method == http.MethodPost && !strings.Contains(asked, "dry_run") {
					w.WriteHeader(http.StatusAccepted)
				}
				state := "scheduled"
				if strings.Contains(asked, `"draft":true`) {
					state = "draft"
				}
				_, _ = fmt.Fprintf(w, `{"id":"c","state":%q,"version":9,"approval":{"state":"requested","requested_by":"ann"},"lane":"bulk","approval_required":true,
					"seconds":65,"channels":[%s],"request":{"title":"Old"},"differences":[{"path":"/title","from":"a","to":null}],
					"items":[{"version":2,"changed_by":"ann","changed_at":"2030-01-01T00:00:00Z"}]}`, state, channels(r))
			}))
			defer api.Close()
			out, err := said(t, api.URL, line)
			if err != nil || strings.TrimSpace(asked) != strings.TrimSpace(want[0]) || !strings.Contains(out, want[1]) {
				t.Errorf("asked %q, wrote %q, %v", asked, out, err)
			}
		})
	}
}

// channels are those of a dry run, or else of a publication.
func channels(r *http.Request) string {
	if strings.Contains(r.URL.RawQuery, "dry_run") {
		return `{"channel":"email","recipients":9,"eligible":8,"batches":1,"deferred":{"quiet_hours":3},"excluded":{"no_topic":2,"gone":1}}`
	}
	return `"email"`
}

func TestPublicationVersionsAreNumbers(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"version p x", "diff p 1 x", "diff p x 1", "rollback p x", "approve p x"} {
		if _, err := said(t, "http://127.0.0.1:1", "publications "+line); err == nil || !strings.Contains(err.Error(), "read the version") {
			t.Errorf("%s: %v", line, err)
		}
	}
}
