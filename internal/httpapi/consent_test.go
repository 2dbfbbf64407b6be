package httpapi

import (
	"net/http"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/httpapi/wire"
)

// TestConsentHistory: what a subscriber agreed to, page by page, and without anything personal when they were deleted.
func TestConsentHistory(t *testing.T) {
	t.Parallel()
	a := newAPI(t, func(d *Deps) { d.Audit = d.Topics.(AuditStore) }) //nolint:forcetypeassert // a DB
	made := read[wire.Subscriber](a.do("POST", "/api/v1/subscribers",
		`{"email":"ann@x.org","topics":["go"],"consent_source":"signup at the fair"}`).want(http.StatusCreated))
	where := "/api/v1/subscribers/" + made.ID.String()
	a.do("PUT", where, `{"email":"ann@x.org","topics":["go","art"]}`, "If-Match: *").want(http.StatusOK)
	a.do("PUT", where, `{"email":"ann@x.org","topics":["go","art"],"name":"Ann"}`, "If-Match: *").want(http.StatusOK)
	a.do("PUT", where, `{"email":"ann@x.org","status":"unsubscribed"}`, "If-Match: *").want(http.StatusOK)
	var events []string
	for next := "?limit=2"; next != ""; {
		page := read[wire.ConsentEntryPage](a.do("GET", where+"/consent"+next, nil, correlationHeader+": look").want(http.StatusOK))
		for _, e := range page.Items {
			events = append(events, string(e.Event))
			if e.By != "key:admin" || e.Source != "api" || e.Detail == nil || e.Detail.Email != "ann@x.org" || e.Detail.Stated != "signup at the fair" || e.Text != nil {
				t.Errorf("%+v", e)
			}
		}
		if next = ""; page.Next != "" {
			next = "?limit=2&cursor=" + page.Next
		}
	}
	if got := strings.Join(events, " "); got != "withdrawn changed granted" {
		t.Errorf("the entries are %s", got)
	}
	log := read[wire.AuditEventPage](a.do("GET", "/api/v1/audit-events?correlation_id=look", nil).want(http.StatusOK))
	if len(log.Items) != 2 || log.Items[0].Action != "subscriber.read_consent" {
		t.Errorf("who looked is noted as %+v", log.Items)
	}
	a.do("DELETE", where, nil).want(http.StatusNoContent)
	a.do("GET", where, nil).problem(http.StatusNotFound, "not_found")
	answer := a.do("GET", where+"/consent", nil).want(http.StatusOK)
	if page := read[wire.ConsentEntryPage](answer); len(page.Items) != 4 || page.Items[0].Event != "erased" || strings.Contains(answer.Body, "ann@") {
		t.Errorf("%s", answer.Body)
	}
	a.do("GET", "/api/v1/subscribers/01985a1e-7c00-7000-8000-000000000099/consent", nil).problem(http.StatusNotFound, "not_found")
}
