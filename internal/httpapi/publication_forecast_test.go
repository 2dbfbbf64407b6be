package httpapi

import (
	"context"
	"net/http"
	"testing"

	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/tasks"
)

// TestDryRun says what would be, refuses what would be refused, and stores nothing.
func TestDryRun(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t, func(d *Deps) {
		d.SendingRates = func(context.Context) (map[string]publication.Speed, error) {
			return map[string]publication.Speed{"email": {PerSecond: 0.5, Ahead: map[tasks.Lane]float64{tasks.LaneCritical: 3, tasks.LaneBulk: 40}}, "slack": {PerSecond: 9}}, nil
		}
	})
	n.do("POST", "/api/v1/subscribers", `{"email":"b@example.org","status":"active","consent_source":"form"}`).want(http.StatusCreated)
	dry := func(query string, changes map[string]any) answer {
		return n.do("POST", "/api/v1/publications?"+query, n.body(changes), "Idempotency-Key: k")
	}
	got := dry("dry_run=true", nil).want(http.StatusOK)
	want := `{"dry_run":true,"state":"queued","approval_required":false,"lane":"critical","channels":[` +
		`{"channel":"email","recipients":1,"eligible":1,"deferred":{},"excluded":{"no_topic":1},"batches":1},` +
		`{"channel":"slack","recipients":1,"eligible":1,"deferred":{},"excluded":{},"batches":1}],"tasks":{"critical":2,"render":1},"seconds":8}` + "\n"
	if got.Body != want {
		t.Errorf("got  %s\nwant %s", got.Body, want)
	}
	if f := read[wire.Forecast](dry("dry_run=true", map[string]any{"approval": true}).want(http.StatusOK)); f.State != wire.PublicationStateDraft || !f.ApprovalRequired {
		t.Errorf("%+v", f)
	}
	dry("dry_run=true", map[string]any{"content_ids": []string{n.template}, "title": "x"}).problem(http.StatusUnprocessableEntity, "invalid_input", "/content_ids/0 unknown_content")
	dry("dry_run=true", map[string]any{"template_ids": map[string]string{"email": n.template}}).want(http.StatusUnprocessableEntity)
	for _, query := range []string{"dryrun=true", "dry_run=1", "dry_run=", "dry_run=true&dry_run=false"} {
		dry(query, nil).problem(http.StatusBadRequest, "invalid_query")
	}
	if items := read[wire.PublicationPage](n.do("GET", "/api/v1/publications", nil)).Items; len(items) != 0 {
		t.Errorf("%d publications were stored", len(items))
	}
	where := n.draft(map[string]any{"priority": "bulk"})
	if f := read[wire.Forecast](n.do("POST", where+"/publish?dry_run=true", nil).want(http.StatusOK)); f.Lane != "bulk" || f.State != wire.PublicationStateQueued {
		t.Errorf("%+v", f)
	}
	n.do("POST", where+"/publish?dry_run=true", nil, `If-Match: "9"`).problem(http.StatusPreconditionFailed, "version_mismatch")
	n.seen(where, publication.Draft)
	n.do("POST", where+"/publish?dry_run=false", nil).want(http.StatusAccepted)
	n.do("POST", where+"/publish?dry_run=true", nil).problem(http.StatusConflict, "wrong_state")
}
