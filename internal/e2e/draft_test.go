package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/testkit/fixture"
)

// foreseen is what a dry run answers.
type foreseen struct {
	State, Lane string
	Channels    []struct {
		Channel                       string
		Recipients, Eligible, Batches int64
		Excluded                      map[string]int64
	}
	Tasks map[string]int64
}

// TestDraftArrivesAsChanged: a draft is sent to nobody, and once it is published what arrives is what it was changed to; to as
// many as the dry run said, and not to those whom it excluded.
func TestDraftArrivesAsChanged(t *testing.T) {
	t.Parallel()
	const readers = 650 // too many to be expanded inline
	h := open(t)
	h.ConnectSMTP(t, "email")
	h.ConnectWebhook(t, "archive")
	people := fixture.People("draft", readers)
	h.Subscribe(t, people)
	h.Call(t, http.MethodPost, "/suppressions", map[string]string{"email": people[3].Email}, nil)
	if _, err := h.pool.Exec(t.Context(), `UPDATE subscriber SET status = 'unsubscribed' WHERE email LIKE 'draft1_@%'`); err != nil {
		t.Fatal(err)
	}
	request := h.Request(fixture.Order{Title: "First thoughts", Channels: []string{"email", "webhook"}})
	request["draft"] = true
	var made struct{ ID, State string }
	h.Call(t, http.MethodPost, "/publications", request, &made)
	request["title"] = "Second thoughts"
	h.Call(t, http.MethodPut, "/publications/"+made.ID, request, nil, "If-Match", `"1"`)
	if n := h.Sandbox.Counts().Total().Received; made.State != "draft" || n != 0 {
		t.Fatalf("accepted as %s, and %d messages were sent", made.State, n)
	}
	var dry foreseen
	h.Call(t, http.MethodPost, "/publications/"+made.ID+"/publish?dry_run=true", nil, &dry)
	h.Control(t, made.ID, "publish")
	p := h.Await(t, made.ID, "completed", patience)
	for i, c := range p.Channels {
		f := dry.Channels[i]
		batches := value[int64](h, `SELECT count(*) FROM batch b JOIN publication p ON p.id = b.publication_id
			JOIN (VALUES ('email', 1), ('webhook', 5)) AS k (name, id) ON k.id = b.channel_id WHERE p.uid = $1::uuid AND k.name = $2`, made.ID, c.Channel)
		if f.Channel != c.Channel || f.Recipients != c.Total || f.Eligible != c.Sent || f.Batches != batches {
			t.Errorf("foreseen %+v; there were %d batches and %+v", f, batches, c)
		}
	}
	email := dry.Channels[0]
	if email.Recipients != readers-10 || fmt.Sprint(email.Excluded) != "map[not_active:10 suppressed_manual:1]" || dry.Lane != "normal" {
		t.Errorf("%+v", dry)
	}
	h.wantOnce(made.ID, "email", readers-11)
	for _, m := range h.Sandbox.Messages("email") {
		if subject := header(m.Read(), "Subject"); !strings.Contains(subject, "Second thoughts") {
			t.Fatalf("a mail with the subject %q", subject)
		}
	}
}
