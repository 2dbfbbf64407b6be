package httpapi

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/postgres"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/testkit/dbtest"
)

func inAnHour() string { return time.Now().Add(time.Hour).UTC().Format(time.RFC3339) }

// draft stores one, and says where it is.
func (n *newsroom) draft(changes map[string]any) string {
	n.t.Helper()
	all := map[string]any{"draft": true}
	maps.Copy(all, changes)
	got := n.publish(all).want(http.StatusAccepted)
	if state := read[wire.Accepted](got).State; state != wire.AcceptedStateDraft {
		n.t.Fatalf("accepted as %s", state)
	}
	return got.Header.Get("Location")
}

// seen is a publication as it is shown, which has to be in a state.
func (n *newsroom) seen(where string, state publication.State) wire.Publication {
	n.t.Helper()
	p := read[wire.Publication](n.do("GET", where, nil).want(http.StatusOK))
	if publication.State(p.State) != state {
		n.t.Errorf("%s, want %s: %+v", p.State, state, p)
	}
	return p
}

// TestDraftToSent: a draft is changed, and goes out with the newest contents.
func TestDraftToSent(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	where := n.draft(map[string]any{"title": "First"})
	n.do("PUT", "/api/v1/contents/"+n.content, `{"title":"B","format":"markdown","body":"new text"}`, "If-Match: *").want(http.StatusOK)
	n.do("PUT", where, n.body(nil)).problem(http.StatusPreconditionRequired, "precondition_required")
	n.do("PUT", where, n.body(nil), `If-Match: "7"`).problem(http.StatusPreconditionFailed, "version_mismatch")
	n.do("PUT", where, n.body(map[string]any{"title": ""}), `If-Match: "1"`).problem(http.StatusUnprocessableEntity, "invalid_input", "/title required")
	n.do("PUT", where, n.body(map[string]any{"content_ids": []string{n.template}}), `If-Match: "1"`).
		problem(http.StatusUnprocessableEntity, "invalid_input", "/content_ids/0 unknown_content")
	changed := n.do("PUT", where, n.body(map[string]any{"title": "Second"}), `If-Match: "1"`).want(http.StatusOK)
	if p := read[wire.Publication](changed); p.State != wire.PublicationStateDraft || p.Title != "Second" || changed.Header.Get("ETag") != `"2"` || p.Contents[0].Version != 2 {
		t.Errorf("%s", changed.Body)
	}
	n.do("PUT", "/api/v1/contents/"+n.content, `{"title":"C","format":"markdown","body":"newest text"}`, "If-Match: *").want(http.StatusOK)
	n.do("POST", where+"/publish", nil, `If-Match: "1"`).problem(http.StatusPreconditionFailed, "version_mismatch")
	sent := n.do("POST", where+"/publish", nil, `If-Match: "2"`).want(http.StatusAccepted)
	if p := read[wire.Publication](sent); p.State != wire.PublicationStateQueued || p.Contents[0].Version != 3 || p.Version != 3 {
		t.Errorf("%s", sent.Body)
	}
	n.do("POST", where+"/publish", nil).problem(http.StatusConflict, "wrong_state")
	n.do("PUT", where, n.body(nil), `If-Match: "3"`).problem(http.StatusConflict, "wrong_state")
	n.do("DELETE", where, nil).problem(http.StatusConflict, "wrong_state")
	for _, verb := range []string{"PUT ", "POST /publish", "POST /clone", "DELETE "} {
		method, path, _ := strings.Cut(verb, " ")
		var body any
		if method == "PUT" {
			body = n.body(nil)
		}
		n.do(method, "/api/v1/publications/0190b5a0-0000-7000-8000-00000000000a"+path, body, "If-Match: *").problem(http.StatusNotFound, "not_found")
	}
}

// TestPublishAtATime: the draft's own, another, or none.
func TestPublishAtATime(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	at := inAnHour()
	where := n.draft(map[string]any{"schedule_at": at})
	n.do("POST", where+"/publish", `{"schedule_at":"2020-01-01T00:00:00Z"}`).problem(http.StatusUnprocessableEntity, "invalid_input", "/schedule_at not_in_future")
	n.do("POST", where+"/publish", `{"when":"now"}`).problem(http.StatusUnprocessableEntity, "invalid_input", "/when unknown_field")
	n.do("POST", where+"/publish", `{}`).want(http.StatusAccepted)
	if p := n.seen(where, publication.Scheduled); p.ScheduledAt.Format(time.RFC3339) != at {
		t.Errorf("scheduled at %s, want %s", p.ScheduledAt, at)
	}
	n.do("PUT", where, n.body(nil), "If-Match: *").problem(http.StatusUnprocessableEntity, "invalid_input", "/schedule_at required")
	n.do("PUT", where, n.body(map[string]any{"draft": true}), "If-Match: *").want(http.StatusOK)
	n.do("POST", where+"/publish", map[string]any{"schedule_at": at}).want(http.StatusAccepted)
	n.seen(where, publication.Scheduled)
	n.do("DELETE", where, nil, `If-Match: "1"`).problem(http.StatusPreconditionFailed, "version_mismatch")
	n.do("DELETE", where, nil).want(http.StatusNoContent)
	n.do("GET", where, nil).problem(http.StatusNotFound, "not_found")
	now := n.draft(map[string]any{"schedule_at": at})
	n.do("POST", now+"/publish", `{"schedule_at":""}`).want(http.StatusAccepted)
	n.seen(now, publication.Queued)
}

// TestVersions are listed, shown, compared and gone back to, as far as what they name is there.
func TestVersions(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	where := n.draft(map[string]any{"title": "First", "data": map[string]any{"a/b": 1}})
	n.do("PUT", where, n.body(map[string]any{"title": "Second", "data": map[string]any{"c": nil}, "rate_per_minute": 9}), `If-Match: "1"`).want(http.StatusOK)
	first := read[wire.PublicationVersionHeadPage](n.do("GET", where+"/versions?limit=1", nil).want(http.StatusOK))
	rest := read[wire.PublicationVersionHeadPage](n.do("GET", where+"/versions?limit=1&cursor="+first.Next, nil).want(http.StatusOK))
	if first.Items[0].Version != 2 || rest.Items[0].Version != 1 || rest.Next != "" || first.Items[0].CorrelationID == "" || first.Items[0].ChangedBy == "" {
		t.Errorf("%+v, then %+v", first, rest)
	}
	n.do("GET", where+"/versions/1/diff", nil).problem(http.StatusBadRequest, "invalid_query")
	diff := n.do("GET", where+"/versions/1/diff?to=2", nil).want(http.StatusOK).Body
	if want := `{"from":1,"to":2,"differences":[{"path":"/data/a~1b","from":1},{"path":"/data/c","to":null},` +
		`{"path":"/rate_per_minute","to":9},{"path":"/title","from":"First","to":"Second"}]}` + "\n"; diff != want { // a draft stays one, so that is no difference
		t.Errorf("got  %s\nwant %s", diff, want)
	}
	old := read[wire.PublicationVersion](n.do("GET", where+"/versions/1", nil).want(http.StatusOK))
	if old.Request.Title != "First" || !old.Request.Draft || old.Contents[0].ID.String() != n.content {
		t.Errorf("%+v", old)
	}
	n.do("POST", "/api/v1/publications", old.Request).want(http.StatusAccepted) // it can be sent again
	for _, number := range []string{"0", "3", "x"} {
		n.do("GET", where+"/versions/"+number, nil).problem(http.StatusNotFound, "no_such_version")
	}
	n.do("POST", where+"/rollback", `{"version":3}`).problem(http.StatusUnprocessableEntity, "invalid_input", "/version unknown_version")
	n.do("POST", where+"/rollback", `{"version":1}`, `If-Match: "1"`).problem(http.StatusPreconditionFailed, "version_mismatch")
	n.do("POST", where+"/rollback", `{"version":1}`, `If-Match: "2"`).want(http.StatusOK)
	if p := n.seen(where, publication.Draft); p.Title != "First" || p.Version != 3 {
		t.Errorf("%+v", p)
	}
	if same := n.do("GET", where+"/versions/1/diff?to=3", nil).want(http.StatusOK).Body; same != `{"from":1,"to":3,"differences":[]}`+"\n" {
		t.Error(same)
	}
	n.do("PUT", where, n.body(map[string]any{"audience": map[string]any{"all": true}}), "If-Match: *").want(http.StatusOK)
	n.do("DELETE", "/api/v1/topics/"+n.topic("go"), nil)
	n.do("DELETE", "/api/v1/channels/"+n.channel("chat"), nil).want(http.StatusNoContent)
	n.do("POST", where+"/rollback", `{"version":1}`).problem(http.StatusUnprocessableEntity, "invalid_input", "/channels/1 no_enabled_channel")
}

// topic and channel are the ids of what has a name.
func (n *newsroom) topic(slug string) string {
	n.t.Helper()
	for _, topic := range read[wire.TopicPage](n.do("GET", "/api/v1/topics", nil).want(http.StatusOK)).Items {
		if topic.Slug == slug {
			return topic.ID.String()
		}
	}
	return ""
}

func (n *newsroom) channel(name string) string {
	n.t.Helper()
	for _, c := range read[wire.ChannelPage](n.do("GET", "/api/v1/channels", nil).want(http.StatusOK)).Items {
		if c.Name == name {
			return c.ID.String()
		}
	}
	return ""
}

// TestNamedReadersWhoAreGone are left out of what is published, and keep a version that names them from coming back.
func TestNamedReadersWhoAreGone(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	made := n.do("POST", "/api/v1/subscribers", `{"email":"b@example.org","status":"active","consent_source":"form"}`).location()
	other := made[strings.LastIndex(made, "/")+1:]
	where := n.draft(map[string]any{"audience": map[string]any{"subscriber_ids": []string{n.reader, other}}})
	n.do("PUT", where, n.body(map[string]any{"audience": map[string]any{"subscriber_ids": []string{other, n.reader}}, "title": "Again"}), `If-Match: "1"`).want(http.StatusOK)
	n.do("DELETE", made, nil).want(http.StatusNoContent)
	n.do("POST", where+"/rollback", `{"version":1}`).problem(http.StatusUnprocessableEntity, "invalid_input", "/audience/subscriber_ids/1 unknown_subscriber")
	if p := read[wire.Publication](n.do("POST", where+"/publish", nil).want(http.StatusAccepted)); p.Audience.Subscribers != 1 {
		t.Errorf("%+v", p.Audience)
	}
	lost := n.draft(map[string]any{"audience": map[string]any{"subscriber_ids": []string{n.reader}}})
	n.do("DELETE", "/api/v1/subscribers/"+n.reader, nil).want(http.StatusNoContent)
	n.do("POST", lost+"/publish", nil).problem(http.StatusUnprocessableEntity, "invalid_input", "/audience required")
	n.seen(lost, publication.Draft)
}

// TestClone makes another of one in any state: a draft, unless told, with today's contents and without the time.
func TestClone(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	where := n.publish(map[string]any{"schedule_at": inAnHour()}).want(http.StatusAccepted).Header.Get("Location")
	n.do("POST", where+"/cancel", nil).want(http.StatusAccepted)
	n.do("PUT", "/api/v1/contents/"+n.content, `{"title":"B","format":"markdown","body":"new text"}`, "If-Match: *").want(http.StatusOK)
	first := n.do("POST", where+"/clone", nil, "Idempotency-Key: c").want(http.StatusAccepted)
	p := n.seen(first.Header.Get("Location"), publication.Draft)
	if p.Title != "Spring" || p.ScheduledAt != nil || p.Contents[0].Version != 2 || !strings.HasSuffix(where, p.ClonedFrom.String()) {
		t.Errorf("%+v", p)
	}
	again := n.do("POST", where+"/clone", nil, "Idempotency-Key: c").want(http.StatusAccepted)
	if again.Body != first.Body || again.Header.Get("Idempotent-Replay") != "true" {
		t.Errorf("%s, then %s", first.Body, again.Body)
	}
	n.do("POST", where+"/clone", `{"title":"Other"}`, "Idempotency-Key: c").problem(http.StatusUnprocessableEntity, "idempotency_mismatch")
	n.do("POST", where+"/clone", `{"title":""}`).problem(http.StatusUnprocessableEntity, "invalid_input", "/title required")
	poked := n.do("POST", where+"/clone", `{"title":"Now","draft":false}`).want(http.StatusAccepted)
	if p := n.seen(poked.Header.Get("Location"), publication.Queued); p.Title != "Now" {
		t.Errorf("%+v", p)
	}
	later := n.do("POST", where+"/clone", map[string]any{"draft": false, "schedule_at": inAnHour()}).want(http.StatusAccepted)
	n.seen(later.Header.Get("Location"), publication.Scheduled)
}

// TestCloneOfWhatIsGone: who repeats a request is answered as before, though what was cloned was deleted meanwhile.
func TestCloneOfWhatIsGone(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	where := n.draft(nil)
	first := n.do("POST", where+"/clone", nil, "Idempotency-Key: c").want(http.StatusAccepted)
	n.publish(nil, "Idempotency-Key: c").want(http.StatusAccepted) // a key of another route is another
	n.do("DELETE", where, nil).want(http.StatusNoContent)
	again := n.do("POST", where+"/clone", nil, "Idempotency-Key: c").want(http.StatusAccepted)
	if again.Body != first.Body || again.Header.Get("Idempotent-Replay") != "true" {
		t.Errorf("%s, then %s", first.Body, again.Body)
	}
	n.do("POST", where+"/clone", `{"title":"Other"}`, "Idempotency-Key: c").problem(http.StatusUnprocessableEntity, "idempotency_mismatch")
	n.do("POST", where+"/clone", nil, "Idempotency-Key: d").problem(http.StatusNotFound, "not_found")
	n.do("POST", where+"/clone", nil).problem(http.StatusNotFound, "not_found")
}

// TestNoDryRunIsTakenForOne: who asks for a dry run where there is none gets nothing done.
func TestNoDryRunIsTakenForOne(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.undescribed = true // the parameter is not
	where := n.draft(nil)
	for _, one := range []struct {
		method, action string
		body           any
	}{
		{"PUT", "", n.body(map[string]any{"title": "Other"})}, {"POST", "/clone", `{"draft":false}`}, {"POST", "/rollback", `{"version":1}`},
		{"POST", "/approve", `{"version":1}`}, {"POST", "/reject", `{"reason":"no"}`},
		{"POST", "/pause", nil}, {"POST", "/resume", nil}, {"POST", "/cancel", nil}, {"DELETE", "", nil},
	} {
		n.do(one.method, where+one.action+"?dry_run=true", one.body, "If-Match: *").problem(http.StatusBadRequest, "invalid_query")
	}
	if p := n.seen(where, publication.Draft); p.Version != 1 {
		t.Errorf("%+v", p)
	}
	if all := read[wire.PublicationPage](n.do("GET", "/api/v1/publications", nil)); len(all.Items) != 1 {
		t.Errorf("there are %d", len(all.Items))
	}
}

// TestTheQueueIsPoked by what is queued beside the Acceptor.
func TestTheQueueIsPoked(t *testing.T) {
	t.Parallel()
	pokes := 0
	n := newNewsroom(t, func(d *Deps) { d.Poke = func() { pokes++ } })
	where := n.draft(nil)
	if pokes != 0 {
		t.Error("for a draft")
	}
	n.do("POST", where+"/publish", nil).want(http.StatusAccepted)
	n.do("POST", where+"/clone", `{"draft":false}`).want(http.StatusAccepted)
	if got := fmt.Sprint(pokes); got != "2" {
		t.Errorf("poked %s times", got)
	}
}

// meddler changes a publication between the reading of it and what is then done.
type meddler struct {
	PublicationStore

	then func()
}

func (m *meddler) PublicationNow(ctx context.Context, uid ident.UID) (publication.Version, int, error) {
	v, number, err := m.PublicationStore.PublicationNow(ctx, uid)
	if then := m.then; then != nil {
		m.then = nil
		then()
	}
	return v, number, err
}

// TestNothingGoesOutUnseen: what was changed after it was read is neither sent nor overwritten by what was there before.
func TestNothingGoesOutUnseen(t *testing.T) {
	t.Parallel()
	m := &meddler{}
	n := newNewsroom(t, func(d *Deps) {
		m.PublicationStore = d.Publications
		d.Publications = m
	})
	where := n.draft(map[string]any{"title": "First"})
	change := func(title string) func() {
		return func() { n.do("PUT", where, n.body(map[string]any{"title": title}), "If-Match: *").want(http.StatusOK) }
	}
	m.then = change("Second")
	n.do("POST", where+"/publish", nil).problem(http.StatusConflict, "changed_meanwhile")
	m.then = change("Third")
	n.do("POST", where+"/rollback", `{"version":1}`).problem(http.StatusConflict, "changed_meanwhile")
	if p := n.seen(where, publication.Draft); p.Title != "Third" || p.Version != 3 {
		t.Errorf("%+v", p)
	}
}

// TestDigestIsNotCloned: what was held back for readers was sent to them, and is no audience that a request could name.
func TestDigestIsNotCloned(t *testing.T) {
	t.Parallel()
	address := dbtest.New(t)
	a := onDatabaseWith(t, address, postgres.Options{MaxConns: 2}, func(d *Deps) { d.Acceptor = acceptor(t, d.Publications) })
	uid := ident.New()
	if _, err := dbtest.Connect(t, address).Exec(t.Context(), `
		INSERT INTO publication (uid, title, type, priority, lane, state, channels, audience, contents, created_by)
		VALUES ($1, 'Digest', 'digest', 'normal', 1, 'completed', '{1}', '{"digest": 7}', '[{"id": 1, "version": 1}]', 'system')`, uid); err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{``, `{"title":"Again"}`, `{"draft":false}`} {
		a.do("POST", "/api/v1/publications/"+uid.String()+"/clone", body).problem(http.StatusConflict, "not_cloneable")
	}
	a.do("GET", "/api/v1/publications/"+uid.String()+"/versions/1", nil).want(http.StatusOK)
	if items := read[wire.PublicationPage](a.do("GET", "/api/v1/publications", nil)).Items; len(items) != 1 {
		t.Errorf("there are %d publications", len(items))
	}
}
