package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/publication"
)

const (
	manySubscribers  = "/api/v1/subscribers/bulk"
	manyPublications = "/api/v1/publications/bulk"
)

type obj = map[string]any

func many(mode string, items ...obj) obj { return obj{"mode": mode, "items": items} }

func making(email string) obj {
	return obj{"action": "create", "subscriber": obj{"email": email}}
}

// outcomes is a report in short: status, version and problem of each item.
func outcomes(r answer) string {
	r.t.Helper()
	var list []string
	report := read[wire.BulkReport](r.want(http.StatusOK))
	for n, i := range report.Items {
		text := fmt.Sprint(i.Status)
		if i.Version > 0 {
			text += fmt.Sprint(" v", i.Version)
		}
		text += " " + i.State + strings.TrimPrefix(i.Problem.Type, "/problems/")
		for _, e := range i.Problem.Errors {
			text += " " + e.Pointer
		}
		if i.Index != n || (i.Status < 300) != (i.Problem.Type == "") {
			r.t.Errorf("item %d: %+v", n, i)
		}
		list = append(list, strings.TrimSpace(text))
	}
	if report.Done+report.Failed != len(report.Items) {
		r.t.Errorf("%+v", report)
	}
	return strings.Join(list, ", ")
}

func TestBulkOfSubscribers(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	r := a.do("POST", manySubscribers, many("", making("a@x.org"), making("b@x.org"), making("C@x.org")))
	if got := outcomes(r); got != "201 v1, 201 v1, 201 v1" {
		t.Fatal(got)
	}
	made := read[wire.BulkReport](r)
	one, two := made.Items[0].ID.String(), made.Items[1].ID.String()
	got := outcomes(a.do("POST", manySubscribers, many("per_item",
		obj{"action": "update", "id": one, "version": 1, "subscriber": obj{"email": "a@x.org", "name": "Ann"}},
		obj{"action": "update", "id": one, "version": 1, "subscriber": obj{"email": "a@x.org", "name": "Bob"}},
		obj{"action": "update", "id": one, "version": 0, "subscriber": obj{"email": "c@x.org"}},
		making("a@x.org"), making("no address"),
		obj{"action": "delete", "id": two},
		making("b@x.org"), // whose owner has just gone
		obj{"action": "delete", "id": two, "version": 3},
	)))
	want := "200 v2, 412 version_mismatch, 409 already_exists, 409 already_exists, 422 invalid_input /items/4/subscriber/email, 204, 201 v1, 404 not_found"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	ann := a.do("GET", "/api/v1/subscribers/"+one, nil)
	if s := read[wire.Subscriber](ann); s.Name != "Ann" || s.ConsentSource != sourceAPI || ann.Header.Get("ETag") != `"2"` {
		t.Errorf("%s", ann.Body)
	}
}

// TestBulkRefused: all or nothing, what is wrong with every item is told, and nothing is written.
func TestBulkRefused(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	one := read[wire.Subscriber](a.do("POST", "/api/v1/subscribers", `{"email":"a@x.org"}`))
	a.do("POST", manySubscribers, many("all_or_nothing", making("new@x.org"), making("a@x.org"),
		obj{"action": "delete", "id": one.ID, "version": 7})).
		problem(http.StatusConflict, "bulk_refused", "/items/1 already_exists", "/items/2 version_mismatch")
	a.do("POST", manySubscribers, many("", making("new@x.org"), making("x"),
		obj{"action": "update", "id": one.ID, "version": 1, "subscriber": obj{"email": "a@x.org", "language": "?", "timezone": "?"}})).
		problem(http.StatusUnprocessableEntity, "invalid_input", "/items/1/subscriber/email format", "/items/2/subscriber/language format", "/items/2/subscriber/timezone format")
	a.do("POST", manySubscribers, many("",
		obj{"action": "create", "id": one.ID, "version": 1},
		obj{"action": "update", "subscriber": obj{"email": "a@x.org"}},
		obj{"action": "delete", "version": -1, "subscriber": obj{}},
		obj{"action": "make"})).
		problem(http.StatusUnprocessableEntity, "invalid_input", "/items/0/id not_allowed", "/items/0/version not_allowed", "/items/0/subscriber required",
			"/items/1/id required", "/items/1/version required",
			"/items/2/id required", "/items/2/subscriber not_allowed", "/items/2/version range", "/items/3/action not_allowed")
	a.do("POST", manySubscribers, many("some", making("new@x.org"))).problem(http.StatusUnprocessableEntity, "invalid_input", "/mode not_allowed")
	a.do("POST", manySubscribers, obj{"items": []any{}}).problem(http.StatusUnprocessableEntity, "invalid_input", "/items count")
	a.do("POST", manySubscribers, many("", slices.Repeat([]obj{making("new@x.org")}, 1001)...)).
		problem(http.StatusUnprocessableEntity, "invalid_input", "/items count")
	a.do("POST", manySubscribers, many("per_item", obj{"action": "create", "subscriber": obj{"mail": "x"}})).
		problem(http.StatusUnprocessableEntity, "invalid_input", "/items/0/subscriber/mail unknown_field", "/items/0/subscriber/email required")
	a.do("POST", manySubscribers+"?dry_run=true", many("", making("new@x.org"))).problem(http.StatusBadRequest, "invalid_query")
	a.do("POST", manySubscribers, strings.Repeat("x", limitBulk+1)).problem(http.StatusRequestEntityTooLarge, "too_large")
	if items := read[wire.SubscriberPage](a.do("GET", "/api/v1/subscribers", nil)).Items; len(items) != 1 {
		t.Errorf("%d subscribers", len(items))
	}
}

// TestBulkRepeatedRequest: the same bytes come back, marked, and nothing is done twice.
func TestBulkRepeatedRequest(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	body := many("per_item", making("a@x.org"), making("bad"))
	first := a.do("POST", manySubscribers, body, "Idempotency-Key: k").want(http.StatusOK)
	again := a.do("POST", manySubscribers, body, "Idempotency-Key: k").want(http.StatusOK)
	if first.Body != again.Body || first.Header.Get("Idempotent-Replay") != "" || again.Header.Get("Idempotent-Replay") != "true" {
		t.Errorf("%s\n%s", first.Body, again.Body)
	}
	a.do("POST", manySubscribers, many("per_item", making("b@x.org")), "Idempotency-Key: k").problem(http.StatusUnprocessableEntity, "idempotency_mismatch")
	a.do("POST", manySubscribers, body, "Idempotency-Key: ü").problem(http.StatusBadRequest, "invalid_idempotency_key")
}

func TestBulkOfPublications(t *testing.T) {
	t.Parallel()
	var poked atomic.Int32
	n := newNewsroom(t, func(d *Deps) { d.Poke = func() { poked.Add(1) } })
	item := func(changes obj) obj {
		return obj{"action": "create", "publication": n.body(changes)}
	}
	r := n.do("POST", manyPublications, many("", item(nil), item(obj{"draft": true}), item(obj{"approval": true})))
	if got := outcomes(r); got != "202 v1 queued, 202 v1 draft, 202 v1 draft" || poked.Load() != 1 {
		t.Fatal(got, poked.Load())
	}
	made := read[wire.BulkReport](r).Items
	draft := made[1].ID.String()
	got := outcomes(n.do("POST", manyPublications, many("per_item",
		obj{"action": "update", "id": draft, "version": 1, "publication": n.body(obj{"title": "Summer", "draft": true})},
		obj{"action": "update", "id": made[0].ID, "version": 0, "publication": n.body(obj{"draft": true})},
		item(obj{"content_ids": []string{n.template}}),
		item(obj{"template_ids": obj{"email": n.template}}), // whose variables are missing
		obj{"action": "delete", "id": made[2].ID, "version": 1},
		obj{"action": "delete", "id": n.reader},
	)))
	want := "200 v2 draft, 409 wrong_state, 422 invalid_input /items/2/publication/content_ids/0, 422 invalid_input /items/3/publication/template_ids/email /items/3/publication/template_ids/email, 204, 404 not_found"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if p := read[wire.Publication](n.do("GET", "/api/v1/publications/"+draft, nil)); p.Title != "Summer" || publication.State(p.State) != publication.Draft {
		t.Errorf("%+v", p)
	}
	n.do("POST", manyPublications, many("", item(nil), item(obj{"content_ids": []string{n.template}}))).
		problem(http.StatusUnprocessableEntity, "invalid_input", "/items/1/publication/content_ids/0 unknown_content")
	n.do("POST", manyPublications, many("", slices.Repeat([]obj{item(nil)}, 101)...)).problem(http.StatusUnprocessableEntity, "invalid_input", "/items count")
	if items := read[wire.PublicationPage](n.do("GET", "/api/v1/publications", nil)).Items; len(items) != 2 {
		t.Errorf("%d publications", len(items))
	}
}

// TestBulkCosts: a call costs by the number of its items, and one that was answered before costs a unit.
func TestBulkCosts(t *testing.T) {
	t.Parallel()
	l := newCounters()
	n := newNewsroom(t, func(d *Deps) {
		d.Limits = Limits{Limiter: l, Principal: 100}
		d.Auth = &names{}
	})
	by := "Authorization: Bearer ada"
	costs := func(path string, body obj, want string) answer {
		l.taken()
		r := n.do("POST", path, body, by, "Idempotency-Key: "+fmt.Sprint(len(fmt.Sprint(body))))
		if got := l.taken(); got != want {
			t.Errorf("%s took %s, want %s", path, got, want)
		}
		return r
	}
	var items []obj
	for k := range 100 {
		items = append(items, making(fmt.Sprintf("p%d@x.org", k)))
	}
	costs(manySubscribers, many("", items...), "principal ada 1, principal ada 3").want(http.StatusOK)
	costs(manySubscribers, many("", items...), "principal ada 1").want(http.StatusOK)
	costs(manySubscribers, many("", items[0]), "principal ada 1").want(http.StatusConflict)
	pubs := slices.Repeat([]obj{{"action": "create", "publication": n.body(nil)}}, 100)
	costs(manyPublications, many("", pubs...), "principal ada 1, principal ada 49").want(http.StatusOK)
	again := slices.Clone(pubs)
	again[0] = obj{"action": "create", "publication": n.body(obj{"title": "Another"})}
	costs(manyPublications, many("per_item", again...), "principal ada 1").problem(http.StatusTooManyRequests, "rate_limited")
}
