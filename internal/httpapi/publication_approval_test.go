package httpapi

import (
	"net/http"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/auth"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/publication"
)

// TestApproval: what needs another person goes nowhere without one, and every change asks anew.
func TestApproval(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t, func(d *Deps) { d.Auth = &names{} })
	where := n.publish(map[string]any{"approval": true}).want(http.StatusAccepted).Header.Get("Location")
	if p := n.seen(where, publication.Draft); p.Approval.State != wire.ApprovalStateRequested || p.Approval.RequestedBy != auth.AdminID {
		t.Errorf("%+v", p.Approval)
	}
	bob := "Authorization: Bearer bob"
	n.do("POST", where+"/publish", nil).problem(http.StatusConflict, "wrong_state")
	n.do("POST", where+"/approve", nil).problem(http.StatusPreconditionRequired, "precondition_required")
	n.do("POST", where+"/approve", nil, "If-Match: *", bob).problem(http.StatusPreconditionRequired, "precondition_required")
	n.do("POST", where+"/approve", `{"version":1}`).problem(http.StatusForbidden, "own_publication")
	n.do("POST", where+"/approve", `{"version":2}`, bob).problem(http.StatusPreconditionFailed, "version_mismatch")
	n.do("PUT", where, n.body(map[string]any{"approval": true, "title": "Changed"}), "If-Match: *", "Authorization: Bearer cid").want(http.StatusOK)
	n.do("POST", where+"/approve", `{"version":1}`, bob).problem(http.StatusPreconditionFailed, "version_mismatch")
	n.do("POST", where+"/approve", nil, `If-Match: "2"`, "Authorization: Bearer cid").problem(http.StatusForbidden, "own_publication")
	for _, reason := range []string{" ", strings.Repeat("x", publication.MaxReason+1)} {
		if got := n.do("POST", where+"/reject", map[string]any{"reason": reason}, bob).want(http.StatusUnprocessableEntity); !strings.Contains(got.Body, "/reason") {
			t.Error(got.Body)
		}
	}
	n.do("POST", where+"/reject", `{"reason":"too long"}`, bob).want(http.StatusOK)
	if p := n.seen(where, publication.Draft); p.Approval.State != wire.ApprovalStateRejected || p.Approval.Reason != "too long" || p.Approval.DecidedBy != "bob" {
		t.Errorf("%+v", p.Approval)
	}
	n.do("POST", where+"/approve", `{"version":3}`, bob).problem(http.StatusConflict, "wrong_state")
	n.do("POST", where+"/publish", nil).want(http.StatusAccepted)
	for state, want := range map[string]int{"requested": 1, "rejected": 0, "approved": 0} {
		if items := read[wire.PublicationPage](n.do("GET", "/api/v1/publications?approval="+state, nil).want(http.StatusOK)).Items; len(items) != want {
			t.Errorf("%d are %s", len(items), state)
		}
	}
	n.do("GET", "/api/v1/publications?approval=maybe", nil).problem(http.StatusBadRequest, "invalid_query")
	n.do("POST", where+"/approve", nil, `If-Match: "4"`, bob).want(http.StatusAccepted)
	if p := n.seen(where, publication.Queued); p.Approval.State != wire.ApprovalStateApproved || p.Approval.Version != 4 || p.Approval.DecidedBy != "bob" {
		t.Errorf("%+v", p.Approval)
	}
}

// TestApprovalOfLargeAudiences: from the size on that the settings say, by whatever way it goes out.
func TestApprovalOfLargeAudiences(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t, func(d *Deps) { d.Auth, d.ApprovalOver = &names{}, 2 })
	small := n.publish(nil).want(http.StatusAccepted)
	if read[wire.Accepted](small).State != wire.AcceptedStateQueued {
		t.Errorf("one reader: %s", small.Body)
	}
	draft := n.draft(nil)
	n.do("POST", "/api/v1/subscribers", `{"email":"b@example.org","topics":["Go"],"status":"active","consent_source":"form"}`).want(http.StatusCreated)
	for name, changes := range map[string]map[string]any{"topic": nil, "all": {"audience": map[string]any{"all": true}}} {
		got := n.publish(changes, "Idempotency-Key: "+name).want(http.StatusAccepted)
		again := n.publish(changes, "Idempotency-Key: "+name).want(http.StatusAccepted)
		if read[wire.Accepted](got).State != wire.AcceptedStateDraft || again.Body != got.Body {
			t.Errorf("%s: %s, then %s", name, got.Body, again.Body)
		}
	}
	n.do("POST", draft+"/publish", nil).want(http.StatusAccepted)
	if p := n.seen(draft, publication.Draft); p.Approval.State != wire.ApprovalStateRequested {
		t.Errorf("a draft went by: %+v", p)
	}
	clone := n.do("POST", small.Header.Get("Location")+"/clone", `{"draft":false}`).want(http.StatusAccepted)
	if p := n.seen(clone.Header.Get("Location"), publication.Draft); p.Approval.State == "" {
		t.Errorf("a clone went by: %+v", p)
	}
	places := n.publish(map[string]any{"channels": []string{"slack"}, "audience": nil}).want(http.StatusAccepted)
	if read[wire.Accepted](places).State != wire.AcceptedStateQueued {
		t.Errorf("places have no audience: %s", places.Body)
	}
}

// TestApprovalOfEverything is what 1 means, of places too.
func TestApprovalOfEverything(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t, func(d *Deps) { d.Auth, d.ApprovalOver = &names{}, 1 })
	got := n.publish(map[string]any{"channels": []string{"slack"}, "audience": nil, "schedule_at": inAnHour()}).want(http.StatusAccepted)
	if read[wire.Accepted](got).State != wire.AcceptedStateDraft {
		t.Error(got.Body)
	}
	where := got.Header.Get("Location")
	n.do("POST", where+"/approve", `{"version":1}`, "Authorization: Bearer bob").want(http.StatusAccepted)
	n.seen(where, publication.Scheduled)
	n.do("PUT", where, n.body(map[string]any{"schedule_at": inAnHour()}), "If-Match: *").want(http.StatusOK)
	if p := n.seen(where, publication.Draft); p.Approval.State != wire.ApprovalStateRequested {
		t.Errorf("a change of what was approved: %+v", p.Approval)
	}
}
