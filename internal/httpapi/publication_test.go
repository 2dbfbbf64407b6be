package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/auth"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/postgres"
	"github.com/presswork/presswork/internal/publication"
)

// newsroom is an API with what a publication can name.
type newsroom struct {
	*api
	content, template, reader string
}

func newNewsroom(t testing.TB, tweak ...func(*Deps)) *newsroom {
	t.Helper()
	a := newAPI(t, append([]func(*Deps){func(d *Deps) { d.Acceptor = acceptor(t, d.Publications) }}, tweak...)...)
	last := func(r answer) string {
		parts := strings.Split(r.location(), "/")
		return parts[len(parts)-1]
	}
	n := &newsroom{api: a}
	n.content = last(a.do("POST", "/api/v1/contents", `{"title":"A","format":"markdown","body":"text"}`))
	n.template = last(a.do("POST", "/api/v1/templates",
		`{"name":"plain","channel":"email","languages":{"en":{"subject":"{{ data.season }}","html":"<p>{{ data.season }}</p>"}}}`))
	n.reader = last(a.do("POST", "/api/v1/subscribers", `{"email":"a@example.org","topics":["Go"],"status":"active","consent_source":"form"}`))
	a.do("POST", "/api/v1/senders", `{"name":"desk","from_name":"Desk","from_email":"desk@example.org","postal_address":"Street 1","default":true}`).want(http.StatusCreated)
	a.do("POST", "/api/v1/channels", `{"name":"mail","kind":"email","provider":"placeholder"}`).want(http.StatusCreated)
	a.do("POST", "/api/v1/channels", `{"name":"chat","kind":"slack","provider":"placeholder"}`).want(http.StatusCreated)
	return n
}

// acceptor runs one on the same database until the test ends.
func acceptor(t testing.TB, store any) PublicationAcceptor {
	t.Helper()
	db, ok := store.(*postgres.DB)
	if !ok {
		t.Fatalf("not a database: %T", store)
	}
	a := postgres.NewAcceptor(db, nil)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		a.Run(ctx)
		close(done)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return a
}

// body is a publication that is accepted, with changes.
func (n *newsroom) body(changes map[string]any) map[string]any {
	m := map[string]any{
		"title": "Spring", "publication_type": "newsletter", "channels": []string{"email", "slack"},
		"content_ids": []string{n.content}, "audience": map[string]any{"topics": []string{" GO "}},
	}
	for k, v := range changes {
		if m[k] = v; v == nil {
			delete(m, k)
		}
	}
	return m
}

func (n *newsroom) publish(changes map[string]any, headers ...string) answer {
	n.t.Helper()
	return n.do("POST", "/api/v1/publications", n.body(changes), headers...)
}

func TestPublish(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	got := n.publish(map[string]any{"template_ids": map[string]string{"email": n.template}, "data": map[string]any{"season": "spring"}}).want(http.StatusAccepted)
	accepted := read[wire.Accepted](got)
	if accepted.State != wire.AcceptedStateQueued || got.Header.Get("Idempotent-Replay") != "" || got.Header.Get("Location") != "/api/v1/publications/"+accepted.ID.String() {
		t.Errorf("%s %v", got.Body, got.Header)
	}
	one := n.do("GET", got.Header.Get("Location"), nil).want(http.StatusOK)
	p := read[wire.Publication](one)
	if p.Title != "Spring" || p.State != wire.PublicationStateQueued || fmt.Sprint(p.Channels) != "[email slack]" || p.CreatedBy != auth.AdminID ||
		p.Contents[0].ID.String() != n.content || p.Templates["email"].ID.String() != n.template || p.Audience.Topics[0] != "go" || p.SenderID == nil {
		t.Errorf("%s", one.Body)
	}
	if one.Header.Get("ETag") != `"1"` {
		t.Errorf("ETag %s", one.Header.Get("ETag"))
	}
	n.do("GET", "/api/v1/publications/0190b5a0-0000-7000-8000-00000000000a", nil).problem(http.StatusNotFound, "not_found")
	n.do("GET", "/api/v1/publications/x", nil).problem(http.StatusNotFound, "not_found")
}

func TestPublishRefuses(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	for name, c := range map[string]struct {
		change map[string]any
		fields []string
	}{
		"unknown field": {map[string]any{"channel": "email"}, []string{"/channel unknown_field"}},
		"types":         {map[string]any{"title": 7, "data": "x"}, []string{"/data wrong_type", "/title wrong_type"}},
		"parts":         {map[string]any{"title": "", "channels": []string{"fax"}, "audience": nil}, []string{"/title required", "/channels/0 unknown_channel"}},
		"names":         {map[string]any{"channels": []string{"discord"}, "content_ids": []string{n.template}}, []string{"/content_ids/0 unknown_content", "/channels/0 no_enabled_channel"}},
		"audience":      {map[string]any{"audience": map[string]any{"all": true, "exclude_subscriber_ids": []string{n.reader}}}, []string{"/audience empty_audience"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := &newsroom{api: &api{t: t, url: n.url}, content: n.content}
			n.publish(c.change).problem(http.StatusUnprocessableEntity, "invalid_input", c.fields...)
		})
	}
	n.do("POST", "/api/v1/publications", "{", "Idempotency-Key: a b").problem(http.StatusBadRequest, "invalid_idempotency_key")
	n.do("POST", "/api/v1/publications", "{", "Idempotency-Key:  ").problem(http.StatusBadRequest, "invalid_idempotency_key") // empty
	n.do("POST", "/api/v1/publications", "{").problem(http.StatusBadRequest, "malformed_json")
	n.do("POST", "/api/v1/publications", strings.Repeat(" ", limitPublication+1)).problem(http.StatusRequestEntityTooLarge, "too_large")
	if items := read[wire.PublicationPage](n.do("GET", "/api/v1/publications", nil)).Items; len(items) != 0 {
		t.Errorf("%d publications were stored", len(items))
	}
}

// What the archive lists follows from the request, or from what it is and whom it is for.
func TestListed(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.do("POST", "/api/v1/channels", `{"name":"letter","kind":"newsletter","provider":"placeholder"}`).want(http.StatusCreated)
	channels := []string{"newsletter"}
	named := map[string]any{"subscriber_ids": []string{n.reader}}
	for name, c := range map[string]struct {
		change map[string]any
		listed bool
	}{
		"newsletter to a topic": {map[string]any{"channels": channels}, true},
		"not wanted":            {map[string]any{"channels": channels, "listed": false}, false},
		"no page":               {nil, false},
		"named readers":         {map[string]any{"channels": channels, "audience": named}, false},
		"wanted":                {map[string]any{"channels": channels, "audience": named, "listed": true}, true},
		"alert":                 {map[string]any{"channels": channels, "publication_type": "alert"}, false},
	} {
		made := n.publish(c.change).want(http.StatusAccepted)
		if got := read[wire.Publication](n.do("GET", made.Header.Get("Location"), nil).want(http.StatusOK)); got.Listed != c.listed {
			t.Errorf("%s: listed %t", name, got.Listed)
		}
	}
	n.publish(map[string]any{"listed": true}).problem(http.StatusUnprocessableEntity, "invalid_input", "/listed not_allowed")
	n.publish(map[string]any{"listed": "yes"}).problem(http.StatusUnprocessableEntity, "invalid_input", "/listed wrong_type")
}

// A template that would miss a variable is told before anything is stored, with what was probably meant.
func TestPublishChecksVariables(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	p := n.publish(map[string]any{"template_ids": map[string]string{"email": n.template}, "data": map[string]any{"seasons": "spring"}}).
		problem(http.StatusUnprocessableEntity, "invalid_input", "/template_ids/email unknown_variable", "/template_ids/email unknown_variable")
	if detail := p.Errors[1].Detail; !strings.Contains(detail, "en html: line 1, column 7") || !strings.Contains(detail, "did you mean data.seasons?") {
		t.Errorf("detail %q", detail)
	}
	n.publish(map[string]any{"template_ids": map[string]string{"email": n.content}}).
		problem(http.StatusUnprocessableEntity, "invalid_input", "/template_ids/email unknown_template")
}

func TestIdempotentPublish(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	var group sync.WaitGroup
	answers := make([]answer, 50)
	for i := range answers {
		group.Go(func() { answers[i] = n.publish(nil, "Idempotency-Key: k-1") })
	}
	group.Wait()
	first := 0
	for _, got := range answers {
		if got.want(http.StatusAccepted).Body != answers[0].Body || got.Header.Get("Location") != answers[0].Header.Get("Location") {
			t.Errorf("answers differ: %s and %s", got.Body, answers[0].Body)
		}
		if got.Header.Get("Idempotent-Replay") == "" {
			first++
		}
	}
	if items := read[wire.PublicationPage](n.do("GET", "/api/v1/publications", nil)).Items; first != 1 || len(items) != 1 {
		t.Errorf("%d answers are no replay, %d publications", first, len(items))
	}
	n.publish(map[string]any{"title": "Summer"}, "Idempotency-Key: k-1").problem(http.StatusUnprocessableEntity, "idempotency_mismatch")
}

// A repetition is answered as before, though the request would be refused by now.
func TestIdempotentPublishOfWhatIsGone(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	scheduled := map[string]any{"schedule_at": time.Now().Add(time.Hour).Format(time.RFC3339)}
	first := n.publish(scheduled, "Idempotency-Key: k").want(http.StatusAccepted)
	if state := read[wire.Accepted](first).State; state != wire.AcceptedStateScheduled {
		t.Errorf("state %s", state)
	}
	n.do("DELETE", "/api/v1/subscribers/"+n.reader, nil).want(http.StatusNoContent)
	again := n.publish(scheduled, "Idempotency-Key: k").want(http.StatusAccepted)
	if again.Body != first.Body || again.Header.Get("Idempotent-Replay") != "true" {
		t.Errorf("%s, then %s", first.Body, again.Body)
	}
	n.publish(scheduled, "Idempotency-Key: other").problem(http.StatusUnprocessableEntity, "invalid_input", "/audience empty_audience")
	n.publish(nil, "Idempotency-Key: k").problem(http.StatusUnprocessableEntity, "idempotency_mismatch")
}

func TestListPublications(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	for i := range 3 {
		n.publish(map[string]any{"title": fmt.Sprint(i), "publication_type": []string{"alert", "digest", "alert"}[i]}).want(http.StatusAccepted)
	}
	first := read[wire.PublicationPage](n.do("GET", "/api/v1/publications?limit=2", nil).want(http.StatusOK))
	rest := read[wire.PublicationPage](n.do("GET", "/api/v1/publications?limit=2&cursor="+first.Next, nil).want(http.StatusOK))
	if len(first.Items) != 2 || first.Items[0].Title != "2" || len(rest.Items) != 1 || rest.Items[0].Title != "0" || rest.Next != "" {
		t.Errorf("%+v and %+v", first, rest)
	}
	alerts := read[wire.PublicationPage](n.do("GET", "/api/v1/publications?publication_type=alert&state=queued,sending", nil).want(http.StatusOK))
	none := read[wire.PublicationPage](n.do("GET", "/api/v1/publications?since=2100-01-01T00:00:00Z", nil).want(http.StatusOK))
	if len(alerts.Items) != 2 || len(none.Items) != 0 {
		t.Errorf("%d alerts, %d later", len(alerts.Items), len(none.Items))
	}
	for _, query := range []string{"state=x", "publication_type=", "since=today", "cursor=x", "type=alert"} {
		n.do("GET", "/api/v1/publications?"+query, nil).problem(http.StatusBadRequest, "invalid_query")
	}
}

func TestControlPublications(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	where := n.publish(nil).want(http.StatusAccepted).Header.Get("Location")
	for _, step := range []struct {
		do   string
		want wire.PublicationState
	}{{"pause", "pausing"}, {"pause", "pausing"}, {"resume", "queued"}, {"cancel", "cancelling"}} {
		got := n.do("POST", where+"/"+step.do, nil).want(http.StatusAccepted)
		if state := read[wire.Publication](got).State; state != step.want || got.Header.Get("ETag") == "" {
			t.Errorf("%s: %s", step.do, state)
		}
	}
	n.do("POST", where+"/resume", nil).problem(http.StatusConflict, "wrong_state")
	n.do("POST", "/api/v1/publications/x/pause", nil).problem(http.StatusNotFound, "not_found")
	where = n.publish(map[string]any{"schedule_at": time.Now().Add(time.Hour).Format(time.RFC3339)}).Header.Get("Location")
	if got := read[wire.Publication](n.do("POST", where+"/cancel", nil)); got.State != wire.PublicationStateCancelled || got.CompletedAt == nil {
		t.Errorf("%+v", got)
	}
	n.do("POST", where+"/pause", nil).problem(http.StatusConflict, "wrong_state")
}

// TestControlOfAVersion: If-Match is honoured as by every other change.
func TestControlOfAVersion(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	where := n.publish(nil).want(http.StatusAccepted).Header.Get("Location")
	tag := func() string { return "If-Match: " + n.do("GET", where, nil).want(http.StatusOK).Header.Get("ETag") }
	first := tag()
	for _, verb := range []string{"pause", "resume", "cancel"} {
		n.do("POST", where+"/"+verb, nil, `If-Match: "99"`).problem(http.StatusPreconditionFailed, "version_mismatch")
		n.do("POST", where+"/"+verb, nil, `If-Match: W/"1"`).problem(http.StatusPreconditionFailed, "version_mismatch")
	}
	if now := tag(); now != first {
		t.Errorf("a refused request changed it: %s, then %s", first, now)
	}
	n.do("POST", where+"/pause", nil, first).want(http.StatusAccepted)
	n.do("POST", where+"/pause", nil, first).problem(http.StatusPreconditionFailed, "version_mismatch")
	n.do("POST", where+"/resume", nil, tag()).want(http.StatusAccepted)
	n.do("POST", where+"/cancel", nil, "If-Match: *").want(http.StatusAccepted)
	n.do("POST", where+"/resume", nil, first).problem(http.StatusPreconditionFailed, "version_mismatch")
	n.do("POST", where+"/resume", nil, tag()).problem(http.StatusConflict, "wrong_state")
}

// unsure is an acceptor that lost the database.
type unsure struct{}

func (unsure) Accept(context.Context, publication.Submission) (publication.Accepted, error) {
	return publication.Accepted{}, fault.New(fault.Unavailable, "outcome_unknown", "It is not known.")
}

func TestNoPromiseWithoutKnowing(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t, func(d *Deps) { d.Acceptor = unsure{} })
	got := n.publish(nil)
	if got.problem(http.StatusServiceUnavailable, "outcome_unknown"); got.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}
