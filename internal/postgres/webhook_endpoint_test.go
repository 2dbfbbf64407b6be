package postgres

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/webhook"
)

func TestEndpointComesBack(t *testing.T) {
	t.Parallel()
	db := open(t)
	s := hooks(t, db)
	made := webhook.Endpoint{UID: ident.New(), URL: "https://crm.example.org/in", Description: "CRM", Events: []string{"publication.*"},
		Secrets: webhook.Secrets{Current: webhook.NewSecret()}}
	made.MarkVerified(time.Now().Truncate(time.Microsecond))
	stored, err := s.CreateEndpoint(t.Context(), made)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Endpoint(t.Context(), made.UID)
	if err != nil || got.UID != made.UID || got.URL != made.URL || got.Description != "CRM" || got.Events[0] != "publication.*" || got.Enabled ||
		got.Secrets.Current != made.Secrets.Current || !got.IsVerified() || !got.VerifiedAt.Equal(*made.VerifiedAt) || got.Version != 1 ||
		got.ID != stored.ID || got.DisabledReason != "" || got.Unreadable {
		t.Errorf("%+v, %v", got, err)
	}
	if rows := value[string](t, db, `SELECT concat((SELECT e::text FROM webhook_endpoint e), (SELECT string_agg(a::text, ' ') FROM audit_event a))`); strings.Contains(rows, made.Secrets.Current[6:20]) {
		t.Error("the secret itself is stored")
	}
	if list, err := s.ListEndpoints(t.Context(), stored.ID, 10); err != nil || len(list) != 0 {
		t.Errorf("after the last: %v, %v", list, err)
	}
	if _, err := s.Endpoint(t.Context(), ident.New()); !fault.Is(err, fault.NotFound) {
		t.Errorf("none: %v", err)
	}
}

func TestHundredEndpoints(t *testing.T) {
	t.Parallel()
	db := open(t)
	s := hooks(t, db)
	one := s.endpoint(t)
	exec(t, db, `INSERT INTO webhook_endpoint (uid, url, secrets) SELECT gen_random_uuid(), url, secrets FROM webhook_endpoint, generate_series(1, 98)`)
	s.endpoint(t)
	one.UID = ident.New()
	if _, err := s.CreateEndpoint(t.Context(), one); !fault.Is(err, fault.Conflict) || fault.CodeOf(err) != "too_many_endpoints" {
		t.Errorf("one too many: %v", err)
	}
}

// TestUpdateEndpoint: what failed before is forgotten with the address and when it is switched on, and why it is off is said.
func TestUpdateEndpoint(t *testing.T) {
	t.Parallel()
	db := open(t)
	s := hooks(t, db)
	e, told := s.endpoint(t, "publication.sending"), s.endpoint(t)
	change := func(verb string, by func(*webhook.Endpoint)) webhook.Endpoint {
		t.Helper()
		got, err := s.UpdateEndpoint(t.Context(), e.UID, verb, func(e webhook.Endpoint) (webhook.Endpoint, error) { by(&e); return e, nil })
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	sick := func() {
		exec(t, db, `UPDATE webhook_endpoint SET failing_since = now(), wait_until = now() + '1 hour'::interval WHERE id = $1`, e.ID)
	}
	sick()
	if got := change("update", func(e *webhook.Endpoint) { e.Description = "x" }); got.FailingSince == nil || got.WaitUntil == nil || got.Version != 2 {
		t.Errorf("described: %+v", got)
	}
	if got := change("update", func(e *webhook.Endpoint) { e.URL += "/new" }); got.FailingSince != nil || got.WaitUntil != nil || got.Version != 3 {
		t.Errorf("moved: %+v", got)
	}
	sick()
	got := change("disable", func(e *webhook.Endpoint) { e.Enabled = false })
	if got.Enabled || got.DisabledReason != webhook.ByClient || got.DisabledAt == nil || got.FailingSince == nil {
		t.Errorf("disabled: %+v", got)
	}
	if items := s.claim(t, told, 10).Items; len(items) != 1 || items[0].Event.Type != webhook.EndpointDisabled {
		t.Errorf("the others were told %+v", items)
	}
	exec(t, db, `UPDATE webhook_endpoint SET disabled_reason = 'gone' WHERE id = $1`, e.ID)
	if got := change("update", func(e *webhook.Endpoint) { e.Description = "y" }); got.DisabledReason != webhook.Gone {
		t.Errorf("described while it is off: %+v", got)
	}
	if got := change("enable", func(e *webhook.Endpoint) { e.Enabled = true }); got.DisabledReason != "" || got.DisabledAt != nil || got.FailingSince != nil || got.WaitUntil != nil {
		t.Errorf("enabled: %+v", got)
	}
	old := e.Secrets.Current
	got = change("rotate", func(e *webhook.Endpoint) {
		if err := e.RotateSecret(webhook.NewSecret(), time.Hour, time.Now()); err != nil {
			t.Error(err)
		}
	})
	if signing := got.Secrets.Signing(time.Now()); len(signing) != 2 || signing[1] != old {
		t.Errorf("rotated: %d sign", len(signing))
	}
	refusal := errors.New("no")
	if _, err := s.UpdateEndpoint(t.Context(), e.UID, "update", func(e webhook.Endpoint) (webhook.Endpoint, error) { return e, refusal }); !errors.Is(err, refusal) {
		t.Errorf("refused: %v", err)
	}
	for verb, fields := range map[string]string{"disable": `["enabled"]`, "rotate": `["secret"]`} {
		if got := value[string](t, db, `SELECT changes->>'fields' FROM audit_event WHERE entity_uid = $1 AND action = 'webhook_endpoint.' || $2`, e.UID, verb); got != fields {
			t.Errorf("%s is audited with %s", verb, got)
		}
	}
}

// TestDeleteEndpoint: nothing is posted there any more, and what it was told of cannot be seen.
func TestDeleteEndpoint(t *testing.T) {
	t.Parallel()
	db := open(t)
	s := hooks(t, db)
	e := s.endpoint(t)
	id := happen(t, db, 1)[0]
	refusal := errors.New("no")
	if err := s.DeleteEndpoint(t.Context(), e.UID, func(webhook.Endpoint) error { return refusal }); !errors.Is(err, refusal) {
		t.Errorf("refused: %v", err)
	}
	if err := s.DeleteEndpoint(t.Context(), e.UID, func(webhook.Endpoint) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if due, err := s.DueEndpoints(t.Context()); err != nil || len(due) != 0 || len(s.claim(t, e, 1).Items) != 0 {
		t.Errorf("due: %v, %v", due, err)
	}
	_, _, read := s.Webhook(t.Context(), e.UID, id)
	_, list := s.ListWebhooks(t.Context(), e.UID, webhook.Filter{}, 0, 1)
	again := s.DeleteEndpoint(t.Context(), e.UID, func(webhook.Endpoint) error { return nil })
	for _, err := range []error{read, list, again} {
		if !fault.Is(err, fault.NotFound) {
			t.Error(err)
		}
	}
}

func TestWebhookFilters(t *testing.T) {
	t.Parallel()
	db := open(t)
	s := hooks(t, db)
	e := s.endpoint(t)
	other := s.endpoint(t)
	ids := happen(t, db, 4)
	s.posted(t, s.claim(t, e, 2), good)
	exec(t, db, `UPDATE webhook_event SET type = 'publication.paused', occurred_at = occurred_at - '1 day'::interval WHERE uid = $1`, ids[3])
	hour := time.Now().Add(-time.Hour)
	all, err := s.ListWebhooks(t.Context(), other.UID, webhook.Filter{}, 0, 10)
	if err != nil || len(all) != 4 || all[0].Event.UID != ids[3] || all[0].Last != nil {
		t.Fatalf("%+v, %v", all, err)
	}
	for name, c := range map[string]struct {
		f      webhook.Filter
		before int64
		limit  int
		want   []int
	}{
		"all": {webhook.Filter{}, 0, 10, []int{3, 2, 1, 0}}, "a page": {webhook.Filter{}, all[0].ID, 2, []int{2, 1}},
		"delivered": {webhook.Filter{State: webhook.Delivered}, 0, 10, []int{1, 0}}, "pending": {webhook.Filter{State: webhook.Pending}, 0, 10, []int{3, 2}},
		"by type": {webhook.Filter{Type: webhook.PublicationPaused}, 0, 10, []int{3}}, "since": {webhook.Filter{Since: &hour}, 0, 10, []int{2, 1, 0}},
		"until": {webhook.Filter{Until: &hour}, 0, 10, []int{3}},
	} {
		got, err := s.ListWebhooks(t.Context(), e.UID, c.f, c.before, c.limit)
		if err != nil || len(got) != len(c.want) {
			t.Errorf("%s: %+v, %v", name, got, err)
			continue
		}
		for i, n := range c.want {
			if got[i].Event.UID != ids[n] {
				t.Errorf("%s: item %d is %s", name, i, got[i].Event.UID)
			}
		}
	}
}

// TestLostKey: an endpoint whose secrets cannot be opened stops nobody, is not posted to, and can be switched off.
func TestLostKey(t *testing.T) {
	t.Parallel()
	db := open(t)
	first, second := "the first key, which has 32 bytes", "the second key, of 32 bytes or so"
	s := hooks(t, db, first)
	e := s.endpoint(t)
	happen(t, db, 1)
	lost, both := hooks(t, db, second), hooks(t, db, second, first)
	if got, err := lost.Endpoint(t.Context(), e.UID); err != nil || !got.Unreadable {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := lost.ClaimDue(t.Context(), e.ID, 1, time.Minute); !errors.Is(err, webhook.ErrUnreadable) {
		t.Errorf("claimed: %v", err)
	}
	if due, err := lost.DueEndpoints(t.Context()); err != nil || len(due) != 0 {
		t.Errorf("it is asked for again at once: %v, %v", due, err)
	}
	later(t, db, "2 minutes")
	off := func(e webhook.Endpoint) (webhook.Endpoint, error) { e.Description = "?"; return e, nil }
	if _, err := lost.UpdateEndpoint(t.Context(), e.UID, "update", off); err != nil {
		t.Error(err)
	}
	if len(both.claim(t, e, 1).Items) != 1 {
		t.Error("with its key it is not posted to")
	}
	if seals, err := both.Seals(t.Context()); err != nil || len(seals) != 1 || seals[0].State != channel.SealedPrevious {
		t.Errorf("%+v, %v", seals, err)
	}
	if _, err := lost.Reseal(t.Context(), e.UID); !errors.Is(err, channel.ErrUnreadable) {
		t.Errorf("resealed without the key: %v", err)
	}
	for _, want := range []bool{true, false} {
		if done, err := both.Reseal(t.Context(), e.UID); err != nil || done != want {
			t.Errorf("resealed %t, %v", done, err)
		}
	}
	if done, err := both.Reseal(t.Context(), ident.New()); err != nil || done {
		t.Errorf("nothing resealed: %t, %v", done, err)
	}
	if got, err := lost.Endpoint(t.Context(), e.UID); err != nil || got.Unreadable || got.Secrets.Current != e.Secrets.Current {
		t.Errorf("resealed: %+v, %v", got, err)
	}
	if seals, err := lost.Seals(t.Context()); err != nil || seals[0].State != channel.SealedNewest {
		t.Errorf("%+v, %v", seals, err)
	}
}
