package httpapi

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/postgres"
)

// newAuditAPI has a log of 5 lines: 3 of one topic, 2 of another.
func newAuditAPI(t *testing.T) (a *api, topic string) {
	t.Helper()
	a = newAPI(t, func(d *Deps) {
		db, ok := d.Topics.(*postgres.DB)
		if !ok {
			t.Fatalf("not a database: %T", d.Topics)
		}
		d.Audit = db
	})
	where := a.do("POST", "/api/v1/topics", `{"name":"One","slug":"one"}`, correlationHeader+": nightly-1").location()
	a.do("PUT", where, `{"name":"Uno"}`, correlationHeader+": nightly-2", "If-Match: *").want(http.StatusOK)
	other := a.do("POST", "/api/v1/topics", `{"name":"Two","slug":"two"}`).location()
	a.do("DELETE", where, nil).want(http.StatusNoContent)
	a.do("PUT", other, `{"name":"Due"}`, "If-Match: *").want(http.StatusOK)
	return a, where[strings.LastIndex(where, "/")+1:]
}

// actions are the ids and actions of a list, without what the reading itself left.
func actions(l wire.AuditEventPage) string {
	var lines []string
	for _, e := range l.Items {
		if e.Entity != auditEntity {
			lines = append(lines, fmt.Sprintf("%d %s", e.ID, e.Action))
		}
	}
	return strings.Join(lines, ", ")
}

func TestAuditFilters(t *testing.T) {
	t.Parallel()
	a, topic := newAuditAPI(t)
	for query, want := range map[string]string{
		"":                         "5 topic.update, 4 topic.delete, 3 topic.create, 2 topic.update, 1 topic.create",
		"actor=key:admin":          "5 topic.update, 4 topic.delete, 3 topic.create, 2 topic.update, 1 topic.create",
		"actor=subscriber":         "",
		"action=topic.update":      "5 topic.update, 2 topic.update",
		"entity=topic":             "5 topic.update, 4 topic.delete, 3 topic.create, 2 topic.update, 1 topic.create",
		"entity=content":           "",
		"entity_id=" + topic:       "4 topic.delete, 2 topic.update, 1 topic.create",
		"correlation_id=nightly-2": "2 topic.update",
		"correlation_id=nightly-1&action=topic.update":                       "",
		"entity_id=" + topic + "&correlation_id=nightly-1":                   "1 topic.create",
		"entity_id=" + topic + "&action=topic.delete&limit=200":              "4 topic.delete",
		"since=2999-01-01T00:00:00Z":                                         "",
		"until=2000-01-01T00:00:00Z":                                         "",
		"since=2000-01-01T00:00:00Z&until=2999-01-01T00:00:00Z&entity=topic": "5 topic.update, 4 topic.delete, 3 topic.create, 2 topic.update, 1 topic.create",
	} {
		if got := actions(read[wire.AuditEventPage](a.do("GET", "/api/v1/audit-events?"+query, nil).want(http.StatusOK))); got != want {
			t.Errorf("%q shows %q, want %q", query, got, want)
		}
	}
	for _, query := range []string{"actor=", "entity_id=x", "entity_id=00000000-0000-0000-0000-000000000000", "since=yesterday", "until=", "who=x",
		"limit=0", "limit=201", "cursor=x", "actor=a&actor=b", "action=%00", "actor=" + strings.Repeat("a", maxAuditText+1)} {
		a.do("GET", "/api/v1/audit-events?"+query, nil).problem(http.StatusBadRequest, "invalid_query")
	}
}

// TestAuditPages: page by page every line is shown once, newest first, whichever way the filter goes.
func TestAuditPages(t *testing.T) {
	t.Parallel()
	a, topic := newAuditAPI(t)
	for filter, want := range map[string]string{
		"entity=topic":       "5 topic.update, 4 topic.delete, 3 topic.create, 2 topic.update, 1 topic.create",
		"entity_id=" + topic: "4 topic.delete, 2 topic.update, 1 topic.create",
	} {
		for limit := 1; limit <= 3; limit++ {
			var got []string
			query := fmt.Sprintf("/api/v1/audit-events?%s&limit=%d", filter, limit)
			for next := "start"; next != ""; {
				page := read[wire.AuditEventPage](a.do("GET", query, nil).want(http.StatusOK))
				if line := actions(page); line != "" {
					got = append(got, line)
				}
				next = page.Next
				query = fmt.Sprintf("/api/v1/audit-events?%s&limit=%d&cursor=%s", filter, limit, url.QueryEscape(next))
			}
			if strings.Join(got, ", ") != want {
				t.Errorf("%s by %d: %v", filter, limit, got)
			}
		}
	}
}

// TestReadingIsAudited: each request for the log is a line of it, with the names of its filters.
func TestReadingIsAudited(t *testing.T) {
	t.Parallel()
	a, topic := newAuditAPI(t)
	a.do("GET", "/api/v1/audit-events?limit=2&entity_id="+topic, nil, correlationHeader+": look-1").want(http.StatusOK)
	one := read[wire.AuditEvent](a.do("GET", "/api/v1/audit-events/2", nil, correlationHeader+": look-2").want(http.StatusOK))
	if one.ID != 2 || one.Actor != "key:admin" || one.Action != "topic.update" || one.EntityID.String() != topic ||
		one.CorrelationID != "nightly-2" || fmt.Sprint(one.Changes) != "map[fields:[name]]" || one.At.IsZero() {
		t.Errorf("%+v", one)
	}
	for correlation, want := range map[string]string{
		"look-1": "audit_event.list map[count:2 filters:[entity_id]]", "look-2": "audit_event.read map[id:2]",
	} {
		page := read[wire.AuditEventPage](a.do("GET", "/api/v1/audit-events?correlation_id="+correlation, nil).want(http.StatusOK))
		if len(page.Items) != 1 || page.Items[0].Action+" "+fmt.Sprint(page.Items[0].Changes) != want || page.Items[0].EntityID != nil {
			t.Errorf("%s left %+v", correlation, page.Items)
		}
	}
	for _, id := range []string{"0", "-1", "x", "999999", "9223372036854775808"} {
		a.do("GET", "/api/v1/audit-events/"+id, nil).problem(http.StatusNotFound, "not_found")
	}
	a.do("GET", "/api/v1/audit-events/2?x=1", nil).problem(http.StatusBadRequest, "invalid_query")
}
