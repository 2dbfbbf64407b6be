package httpapi

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/postgres"
	"github.com/presswork/presswork/internal/provider/attempt"
	"github.com/presswork/presswork/internal/provider/signed"
	"github.com/presswork/presswork/internal/seal"
	"github.com/presswork/presswork/internal/testkit/dbtest"
	"github.com/presswork/presswork/internal/webhook"
)

const hookSource = "https://news.example.org"

// webhooksOn are the routes of webhook endpoints on a database, which may post to this machine.
func webhooksOn(t testing.TB, db *postgres.DB) Webhooks {
	t.Helper()
	sealer, err := seal.New(bytes.Repeat([]byte("k"), 32))
	if err != nil {
		t.Fatal(err)
	}
	caller := signed.NewCaller(attempt.Network{AllowPrivate: true}, nil)
	t.Cleanup(caller.Close)
	return Webhooks{Store: db.Webhooks(sealer), Tester: webhook.Tester{Caller: caller, Source: hookSource}, Source: hookSource, Rules: webhook.Rules{Plain: true}}
}

// hookAPI is an API with a receiver of its own, which answers with status and counts the tests that were signed with secret.
type hookAPI struct {
	*api
	receiver string
	secret   string
	status   atomic.Int32
	tests    atomic.Int32
	exec     func(sql string, args ...any)
}

func newHookAPI(t *testing.T) *hookAPI {
	t.Helper()
	h := &hookAPI{secret: webhook.NewSecret()}
	h.status.Store(http.StatusNoContent)
	h.api = newAPI(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		verifier, err2 := standardwebhooks.NewWebhook(h.secret)
		if err != nil || err2 != nil || verifier.Verify(body, r.Header) != nil || !strings.Contains(string(body), `"type":"presswork.test"`) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		h.tests.Add(1)
		w.WriteHeader(int(h.status.Load()))
	}))
	t.Cleanup(server.Close)
	h.receiver = server.URL + "/in"
	pool := dbtest.Connect(t, h.address)
	h.exec = func(sql string, args ...any) {
		if _, err := pool.Exec(t.Context(), sql, args...); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	return h
}

// made is an endpoint of the receiver.
func (h *hookAPI) made(enabled bool) (path string, e wire.WebhookEndpointMade) {
	h.t.Helper()
	r := h.do("POST", "/api/v1/webhook-endpoints", map[string]any{"url": h.receiver, "secret": h.secret, "enabled": enabled})
	r.want(http.StatusCreated)
	return r.Header.Get("Location"), read[wire.WebhookEndpointMade](r)
}

// happened stores an event for every endpoint, and is its id.
func (h *hookAPI) happened(state string) string {
	h.t.Helper()
	id := ident.New().String()
	h.exec(`WITH e AS (INSERT INTO webhook_event (uid, type, subject, occurred_at, data)
		VALUES ($1, 'publication.completed', 'publications/1', now(), '{"state": "completed"}') RETURNING id)
		INSERT INTO webhook_message (endpoint, event, state) SELECT w.id, e.id, $2 FROM webhook_endpoint w, e`, id, state)
	return id
}

// TestWebhookSecretIsShownTwice in its life, when it is made and when it is rotated.
func TestWebhookSecretIsShownTwice(t *testing.T) {
	t.Parallel()
	h := newHookAPI(t)
	r := h.do("POST", "/api/v1/webhook-endpoints", map[string]any{"url": h.receiver, "description": "CRM", "events": []string{"publication.*"}})
	r.want(http.StatusCreated)
	made, path := read[wire.WebhookEndpointMade](r), r.Header.Get("Location")
	if webhook.CheckSecret(made.Secret) != nil || made.Enabled || made.Verified || h.tests.Load() != 0 || made.Description != "CRM" || made.Events[0] != "publication.*" {
		t.Errorf("%+v", made)
	}
	if other := h.do("GET", path, nil); strings.Contains(other.Body, made.Secret) || strings.Contains(h.do("GET", "/api/v1/webhook-endpoints", nil).Body, made.Secret) {
		t.Error("the secret is shown again")
	}
	rotated := read[wire.WebhookEndpointMade](h.do("POST", path+"/rotate-secret", `{"overlap_seconds":60}`))
	if rotated.Secret == made.Secret || webhook.CheckSecret(rotated.Secret) != nil || rotated.PreviousSecretsUntil == nil || time.Until(*rotated.PreviousSecretsUntil) > time.Minute {
		t.Errorf("%+v", rotated)
	}
	given := webhook.NewSecret()
	if at := read[wire.WebhookEndpointMade](h.do("POST", path+"/rotate-secret", map[string]any{"secret": given, "overlap_seconds": 0})); at.Secret != given || at.PreviousSecretsUntil != nil {
		t.Errorf("%+v", at)
	}
	h.do("POST", path+"/rotate-secret", `{"overlap_seconds":604801}`).problem(http.StatusUnprocessableEntity, "invalid_input")
	h.do("POST", path+"/rotate-secret", `{"secret":"whsec_c2hvcnQ="}`).problem(http.StatusUnprocessableEntity, "invalid_input")
	for range webhook.MaxPrevious {
		h.do("POST", path+"/rotate-secret", `{}`).want(http.StatusOK)
	}
	h.do("POST", path+"/rotate-secret", `{}`).problem(http.StatusConflict, "wrong_state")
}

// TestWebhookIsVerifiedFirst: nothing is switched on that does not answer a test; what did needs no other one.
func TestWebhookIsVerifiedFirst(t *testing.T) {
	t.Parallel()
	h := newHookAPI(t)
	h.do("POST", "/api/v1/webhook-endpoints", map[string]any{"url": h.receiver, "enabled": true}).problem(http.StatusConflict, "endpoint_unverified")
	if list := read[wire.WebhookEndpointPage](h.do("GET", "/api/v1/webhook-endpoints", nil)); len(list.Items) != 0 {
		t.Errorf("it was made: %+v", list.Items)
	}
	path, e := h.made(true)
	if !e.Enabled || !e.Verified || e.VerifiedAt == nil || h.tests.Load() != 1 {
		t.Errorf("%+v after %d tests", e, h.tests.Load())
	}
	h.status.Store(http.StatusInternalServerError) // an outage at night
	off := read[wire.WebhookEndpoint](h.do("POST", path+"/disable", nil))
	if off.Enabled || off.DisabledReason == nil || *off.DisabledReason != "client" || off.DisabledAt.IsZero() {
		t.Errorf("%+v", off)
	}
	if on := read[wire.WebhookEndpoint](h.do("POST", path+"/enable", nil)); !on.Enabled || on.DisabledReason != nil || h.tests.Load() != 1 {
		t.Errorf("%+v after %d tests", on, h.tests.Load())
	}
	if p := h.do("POST", path+"/verify", nil); !strings.Contains(p.Body, "500 Internal Server Error") {
		t.Errorf("verify says %s", p.Body)
	}
	h.do("PUT", path, map[string]any{"url": h.receiver + "/2", "enabled": true}, "If-Match: *").problem(http.StatusConflict, "endpoint_unverified")
	if got := read[wire.WebhookEndpoint](h.do("GET", path, nil)); got.URL != h.receiver || !got.Enabled || h.tests.Load() != 3 {
		t.Errorf("%+v after %d tests", got, h.tests.Load())
	}
	h.status.Store(http.StatusOK)
	moved := read[wire.WebhookEndpoint](h.do("PUT", path, map[string]any{"url": h.receiver + "/2", "events": []string{"delivery.*"}}, "If-Match: *"))
	if moved.URL != h.receiver+"/2" || !moved.Enabled || !moved.Verified || moved.Events[0] != "delivery.*" || h.tests.Load() != 4 {
		t.Errorf("%+v after %d tests", moved, h.tests.Load())
	}
	h.do("POST", path+"/rotate-secret", `{}`).want(http.StatusOK)
	if got := read[wire.WebhookEndpoint](h.do("POST", path+"/enable", nil)); !got.Verified || h.tests.Load() != 4 {
		t.Errorf("a new secret is tested: %+v after %d tests", got, h.tests.Load())
	}
	h.do("POST", path+"/verify", nil).want(http.StatusOK)
}

func TestWebhookInputs(t *testing.T) {
	t.Parallel()
	h := newHookAPI(t)
	path, _ := h.made(false)
	for body, pointer := range map[string]string{
		`{}`: "/url", `{"url":"ftp://x"}`: "/url", `{"url":"https://a:b@x"}`: "/url", `{"url":"https://x","events":["moon.rises"]}`: "/events/0",
		`{"url":"https://x","description":"a\nb"}`: "/description", `{"url":"https://x","colour":"red"}`: "/colour",
	} {
		for _, r := range []answer{h.do("POST", "/api/v1/webhook-endpoints", body), h.do("PUT", path, body, "If-Match: *")} {
			r.problem(http.StatusUnprocessableEntity, "invalid_input")
			if !strings.Contains(r.Body, `"pointer":"`+pointer+`"`) {
				t.Errorf("%s: %s", body, r.Body)
			}
		}
	}
	h.do("POST", "/api/v1/webhook-endpoints", `{"url":"https://x","secret":"short"}`).problem(http.StatusUnprocessableEntity, "invalid_input")
	h.do("PUT", path, `{"url":"https://x","secret":"`+webhook.NewSecret()+`"}`, "If-Match: *").problem(http.StatusUnprocessableEntity, "invalid_input")
	for query, code := range map[string]int{"?state=lost": 400, "?type=moon.rises": 400, "?type=": 400, "?since=today": 400, "?colour=red": 400, "?cursor=x": 400,
		"?state=failed&type=publication.completed&since=2020-01-01T00:00:00Z&until=2040-01-01T00:00:00Z&limit=1": 200} {
		if r := h.do("GET", path+"/deliveries"+query, nil); r.Status != code {
			t.Errorf("%s: %d %s", query, r.Status, r.Body)
		}
	}
	h.do("POST", path+"/recover", `{}`).problem(http.StatusUnprocessableEntity, "invalid_input")
	h.do("POST", path+"/recover", `{"since":"2030-01-01T00:00:00Z","until":"2020-01-01T00:00:00Z"}`).problem(http.StatusUnprocessableEntity, "invalid_input")
	for _, nothing := range []string{"/deliveries/x", "/deliveries/" + ident.New().String()} {
		h.do("GET", path+nothing, nil).problem(http.StatusNotFound, "not_found")
		h.do("POST", path+nothing+"/resend", nil).problem(http.StatusNotFound, "not_found")
	}
	nowhere := "/api/v1/webhook-endpoints/" + ident.New().String()
	for _, one := range []string{"GET ", "DELETE ", "POST /enable", "POST /disable", "POST /verify", "GET /deliveries"} {
		method, rest, _ := strings.Cut(one, " ")
		h.do(method, nowhere+rest, nil).problem(http.StatusNotFound, "not_found")
	}
}

// TestWebhookLog: what became of events can be looked at, posted again one by one, and all that failed at once.
func TestWebhookLog(t *testing.T) {
	t.Parallel()
	h := newHookAPI(t)
	path, _ := h.made(true)
	first, second, third := h.happened("failed"), h.happened("failed"), h.happened("delivered")
	h.exec(`UPDATE webhook_message SET attempts = 1, settled_at = now(); INSERT INTO webhook_attempt (endpoint, event, attempt, at, duration_ms, status, error)
		SELECT endpoint, event, 1, now(), 12, 500, 'Internal Server Error' FROM webhook_message WHERE state = 'failed'`)
	page := read[wire.WebhookDeliveryPage](h.do("GET", path+"/deliveries?limit=2", nil))
	if len(page.Items) != 2 || page.Items[0].ID.String() != third || page.Items[0].NextAttemptAt != nil || page.Items[0].LastAttempt != nil ||
		page.Items[1].LastAttempt == nil || *page.Items[1].LastAttempt.Status != 500 {
		t.Errorf("%+v", page)
	}
	if rest := read[wire.WebhookDeliveryPage](h.do("GET", path+"/deliveries?limit=2&cursor="+page.Next, nil)); len(rest.Items) != 1 || rest.Items[0].ID.String() != first || rest.Next != "" {
		t.Errorf("%+v", rest)
	}
	one := read[wire.WebhookDeliveryHistory](h.do("GET", path+"/deliveries/"+first, nil))
	if one.State != "failed" || len(one.History) != 1 || one.Payload["specversion"] != "1.0" || one.Payload["id"] != first || one.Payload["source"] != hookSource ||
		fmt.Sprint(one.Payload["data"]) != "map[state:completed]" {
		t.Errorf("%+v", one)
	}
	again := h.do("POST", path+"/deliveries/"+third+"/resend", nil)
	again.want(http.StatusAccepted)
	if d := read[wire.WebhookDelivery](again); d.State != "pending" || d.NextAttemptAt == nil || d.SettledAt != nil {
		t.Errorf("%+v", d)
	}
	since := `{"since":"` + time.Now().Add(-time.Hour).UTC().Format(time.RFC3339) + `"}`
	for _, want := range []int{2, 0} {
		if n := read[wire.WebhookRecovered](h.do("POST", path+"/recover", since)); n.Recovered != want {
			t.Errorf("recovered %d, want %d", n.Recovered, want)
		}
	}
	if d := read[wire.WebhookDelivery](h.do("GET", path+"/deliveries/"+second, nil)); d.State != "pending" {
		t.Errorf("%+v", d)
	}
}

// TestWebhookChangedMeanwhile: what was tested is what is stored, or nothing.
func TestWebhookChangedMeanwhile(t *testing.T) {
	t.Parallel()
	h := newHookAPI(t)
	var other atomic.Pointer[string]
	path, _ := h.made(false)
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if headers := other.Load(); headers != nil {
			h.do("PUT", path, map[string]any{"url": "https://elsewhere.example.org"}, *headers).want(http.StatusOK)
		}
	}))
	t.Cleanup(slow.Close)
	whatever := "If-Match: *"
	other.Store(&whatever)
	h.do("PUT", path, map[string]any{"url": slow.URL, "enabled": true}, "If-Match: *").problem(http.StatusConflict, "changed_meanwhile")
	h.do("PUT", path, map[string]any{"url": slow.URL, "enabled": true}, `If-Match: "2"`).problem(http.StatusPreconditionFailed, "version_mismatch")
	if got := read[wire.WebhookEndpoint](h.do("GET", path, nil)); got.URL != "https://elsewhere.example.org" || got.Enabled || got.Verified {
		t.Errorf("%+v", got)
	}
}

func TestWebhookTypes(t *testing.T) {
	t.Parallel()
	h := newHookAPI(t)
	list := read[wire.WebhookEventTypePage](h.do("GET", "/api/v1/webhook-event-types", nil))
	if len(list.Items) != len(webhook.Types()) || list.Items[0].About == "" {
		t.Errorf("%+v", list)
	}
	h.do("GET", "/api/v1/webhook-event-types?limit=1", nil).problem(http.StatusBadRequest, "invalid_query")
}
