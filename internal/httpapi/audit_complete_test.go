package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/auth"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/testkit/dbtest"
	"github.com/presswork/presswork/internal/webhook"
)

// audited is a walk through every route that changes something.
type audited struct {
	*newsroom
	reviewed *api // the same, where every publication has to be approved
	walked   map[string]bool
	exec     func(sql string, args ...any)
	trail    func(correlation string) []string
}

// Personal values and secrets of the walk. None of them may be in the audit log.
const (
	walkAddress = "wanda.walker@reader.example"
	walkName    = "Wanda Walker"
	walkToken   = "xoxb-walk-token-0123456789"
	walkDesk    = "editor.in.chief@desk.example"
)

func newAudited(t *testing.T) *audited {
	t.Helper()
	everything := func(d *Deps) {
		d.Reputation = d.Topics.(ReputationStore)                                          //nolint:forcetypeassert // a DB
		d.Suppressions, d.Pauses = d.Topics.(SuppressionStore), d.Topics.(PauseStore)      //nolint:forcetypeassert // a DB
		d.DeadLetters, d.Uncertain = d.Topics.(DeadLetterStore), d.Topics.(UncertainStore) //nolint:forcetypeassert // a DB
		d.Policy = d.Topics.(PolicyStore)                                                  //nolint:forcetypeassert // a DB
		d.Recipients, d.Audit = d.Topics.(RecipientStore), d.Topics.(AuditStore)           //nolint:forcetypeassert // a DB
		d.Webhooks.Tester = believing{}
		d.SenderChecks.Store, d.SenderChecks.Ask = d.Topics.(SenderCheckStore), exampleDomain //nolint:forcetypeassert // a DB
		d.Auth = auth.NewGate(testKey, auth.NewKeys(d.Topics.(auth.KeyStore)), nil)           //nolint:forcetypeassert // a DB
	}
	var deps Deps
	n := newNewsroom(t, everything, func(d *Deps) { deps = *d })
	pool := dbtest.Connect(t, n.address)
	a := &audited{newsroom: n, walked: map[string]bool{}}
	a.reviewed = serve(t, n.db, func(d *Deps) {
		log := d.Log
		*d = deps
		d.Log, d.ApprovalOver = log, 1
	})
	a.exec = func(sql string, args ...any) {
		if _, err := pool.Exec(t.Context(), sql, args...); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	a.trail = func(correlation string) (lines []string) {
		rows, err := pool.Query(t.Context(), `
			SELECT concat_ws(' ', actor, action, coalesce(entity_uid::text, '-'), changes) FROM audit_event
			WHERE $1 = '' OR correlation_id = $1 ORDER BY id`, correlation)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, line)
		}
		return lines
	}
	return a
}

// step makes a request that changes something, by the route of a path with an id in it, and wants lines in the audit log that
// match: who, which action, about what, and what changed.
func (a *audited) step(on *api, route, id string, body any, line string, headers ...string) answer {
	a.t.Helper()
	method, path, _ := strings.Cut(route, " ")
	a.walked[method+" /api/v1"+path] = true
	correlation := fmt.Sprintf("step-%d", len(a.walked)) + ident.New().String()
	path = regexp.MustCompile(`:\w+`).ReplaceAllString(path, id)
	r := on.do(method, "/api/v1"+path, body, append(headers, correlationHeader+": "+correlation)...)
	if r.Status >= http.StatusBadRequest {
		a.t.Fatalf("%s: %d %s", route, r.Status, r.Body)
	}
	got := strings.Join(a.trail(correlation), "\n")
	if wanted := regexp.MustCompile(`(?m)^` + strings.ReplaceAll(line, "ID", regexp.QuoteMeta(id)) + `$`); !wanted.MatchString(got) {
		a.t.Errorf("%s left %q, want %s", route, got, line)
	}
	return r
}

// made is the id of what a request has made.
func (a *audited) made(r answer) string {
	a.t.Helper()
	where := r.Header.Get("Location")
	return where[strings.LastIndex(where, "/")+1:]
}

const (
	admin = `key:admin `
	some  = `[0-9a-f-]{36} `
)

// TestEveryChangeIsAudited walks every route that changes something, and fails if one leaves no line in the audit log, or one
// that lacks who, what or which fields; or if anything personal is in the log at the end.
func TestEveryChangeIsAudited(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	a.walkReaders()
	a.walkSegments()
	a.walkTexts()
	a.walkChannels()
	a.walkPublications()
	a.walkReviews()
	a.walkFailures()
	a.walkKeys()
	a.walkWebhooks()
	a.walkLetters()
	// What changes nothing: it says what is on the list, or would be, and shows nobody.
	a.walked["POST /api/v1/suppressions/lookup"] = true
	for _, r := range walkable(t, keyShelf{}, nil).Routes() {
		if r.Method != http.MethodGet && r.Method != http.MethodHead && strings.HasPrefix(r.Path, "/api/v1/") && !a.walked[r.Method+" "+r.Path] {
			t.Errorf("%s %s is not in the walk: whoever adds a route adds a step, and sees what it leaves in the audit log", r.Method, r.Path)
		}
	}
	log := strings.Join(a.trail(""), "\n")
	for _, personal := range []string{walkAddress, walkName, walkToken, walkDesk, "Wanda", "@", "xoxb", testKey, "pwk_", "Boulevard"} {
		if strings.Contains(strings.ToLower(log), strings.ToLower(personal)) {
			t.Errorf("%q is in the audit log:\n%s", personal, log)
		}
	}
}

func (a *audited) walkSegments() {
	rule := `"rule":{"inactive":{"days":30}}`
	id := a.made(a.step(a.api, "POST /segments", "", `{"name":"Quiet ones",`+rule+`}`, admin+`segment.create `+some+`{"conditions": 1}`))
	a.step(a.api, "PUT /segments/:id", id, `{"name":"Quiet",`+rule+`}`, admin+`segment.update ID {"fields": \["name"\]}`, "If-Match: *")
	// Whoever sees readers in a sample is noted; who only counts them is not.
	a.step(a.api, "POST /segments/preview", "", `{"rule":{"language":["en"]}}`, admin+`subscriber.list - {"count": \d+}`)
	a.step(a.api, "POST /segments/:id/preview", id, nil, ``)
	a.step(a.api, "POST /segments/explain", "", `{`+rule+`}`, ``)
	a.step(a.api, "POST /segments/:id/explain", id, nil, ``)
	taken := a.made(a.step(a.api, "POST /segments/:id/snapshots", id, nil, admin+`segment_snapshot.create `+some+`{"readers": \d+, "version": 2}`))
	a.step(a.api, "DELETE /segment-snapshots/:id", taken, nil, admin+`segment_snapshot.delete ID {}`)
	a.step(a.api, "DELETE /segments/:id", id, nil, admin+`segment.delete ID {}`)
}

func (a *audited) walkReaders() {
	topic := a.made(a.step(a.api, "POST /topics", "", `{"name":"Walks","slug":"walks"}`, admin+`topic.create `+some+`{}`))
	a.step(a.api, "PUT /topics/:id", topic, `{"name":"Long walks"}`, admin+`topic.update ID {"fields": \["name"\]}`, "If-Match: *")
	a.step(a.api, "DELETE /topics/:id", topic, nil, admin+`topic.delete ID {}`)

	reader := a.made(a.step(a.api, "POST /subscribers", "", map[string]any{"email": walkAddress, "name": walkName, "status": "active"},
		admin+`subscriber.create `+some+`{}`))
	a.step(a.api, "PUT /subscribers/:id", reader, map[string]any{"email": walkAddress, "name": walkName + " II", "status": "active"},
		admin+`subscriber.update ID {"fields": \["name"\]}`, "If-Match: *")
	a.step(a.api, "POST /subscribers/import", "", "email,name,consent_source\nx"+walkAddress+","+walkName+",walk\n",
		admin+`subscriber.import - {.*"created": 1.*}`, "Content-Type: text/csv")
	many := `{"mode":"per_item","items":[{"action":"create","subscriber":{"email":"y` + walkAddress + `","name":"` + walkName + `"}},
		{"action":"update","id":"` + reader + `","version":0,"subscriber":{"email":"` + walkAddress + `","name":"` + walkName + `"}}]}`
	a.step(a.api, "POST /subscribers/bulk", reader, many, admin+`subscriber.create `+some+`{}\n`+admin+`subscriber.update ID {"fields": \["name"\]}`)
	a.step(a.api, "PUT /subscribers/:id/preferences", reader, `{"frequency":"daily","language":"de"}`,
		admin+`subscriber.preferences ID {"fields": \["frequency", "language"\]}`, "If-Match: *")
	a.step(a.api, "DELETE /subscribers/:id", reader, nil, admin+`subscriber.delete ID {}`)
	other := a.made(a.step(a.api, "POST /subscribers", "", map[string]any{"email": "z" + walkAddress, "name": walkName}, admin+`subscriber.create `+some+`{}`))
	a.step(a.api, "POST /subscribers/data", other, map[string]any{"email": "z" + walkAddress}, admin+`subscriber.data_exported ID {"count": 1}`)
	erased := `subscriber.erase %s {"erasure": "[0-9a-f-]{36}", "messages": 0}`
	a.step(a.api, "POST /subscribers/:id/erase", other, nil, admin+`suppression.create `+some+`{.*"source": "erasure".*}\n`+admin+fmt.Sprintf(erased, "ID"))
	a.step(a.api, "POST /subscribers/erase", "", map[string]any{"email": "z" + walkAddress}, admin+fmt.Sprintf(erased, "-"))
	listed := a.made(a.step(a.api, "POST /suppressions", "", map[string]any{"email": walkAddress, "note": "of " + walkName}, admin+`suppression.create `+some+`{.*"reason".*}`))
	a.step(a.api, "PUT /reputation/policy", "", `{"soft_bounces":3,"soft_days":3,"min_sample":100,
		"max_bounce_rate":0.05,"max_complaint_rate":0.001,"pause":true}`, admin+`reputation_policy.update - {"soft_bounces": {"to": 3, "from": 5}}`, "If-Match: *")
	a.step(a.api, "POST /suppressions/import", "", "email,note\nx"+walkAddress+",of "+walkName+"\n", admin+`suppression.import - {"created": 1, "skipped": 0}`,
		"Content-Type: text/csv")
	a.step(a.api, "DELETE /suppressions/:id", listed, nil, admin+`suppression.delete ID {}`)
}

func (a *audited) walkTexts() {
	item := a.made(a.step(a.api, "POST /contents", "", `{"title":"W","format":"markdown","body":"of `+walkName+`"}`, admin+`content.create `+some+`{}`))
	a.step(a.api, "PUT /contents/:id", item, `{"title":"W","format":"markdown","body":"`+walkName+`","language":"en"}`,
		admin+`content.update ID {"fields": \["body", "language"\], "version": 2}`, "If-Match: *")
	a.step(a.api, "DELETE /contents/:id", item, nil, admin+`content.delete ID {}`)

	source := `{"name":"%s","channel":"email","languages":{"en":{"subject":"%s","html":"<p>x</p>"}}}`
	set := a.made(a.step(a.api, "POST /templates", "", fmt.Sprintf(source, "walk", "s"), admin+`template.create `+some+`{}`))
	a.step(a.api, "PUT /templates/:id", set, fmt.Sprintf(source, "walk", walkName), admin+`template.update ID {"fields": \["languages"\], "version": 2}`, "If-Match: *")
	a.step(a.api, "DELETE /templates/:id", set, nil, admin+`template.delete ID {}`)

	file := a.made(a.step(a.api, "POST /assets?name=w.txt", "", "of "+walkName, admin+`asset.create `+some+`{}`, "Content-Type: text/plain"))
	a.walked["POST /api/v1/assets"] = true
	a.step(a.api, "DELETE /assets/:id", file, nil, admin+`asset.delete ID {}`)
}

func (a *audited) walkChannels() {
	a.step(a.api, "PUT /delivery-policy", "", `{"quiet_hours":{"from":"22:00","to":"07:00"}}`, admin+`delivery_policy.update - {"version": 2}`, "If-Match: *")

	chat := a.made(a.step(a.api, "POST /channels", "", map[string]any{"name": "walk", "kind": "slack", "provider": "slack",
		"settings": map[string]any{"channel": "C1"}, "secrets": map[string]any{"token": walkToken}}, admin+`channel.create `+some+`{.*"provider": "slack"}`))
	a.step(a.api, "PUT /channels/:id", chat, map[string]any{"name": "walk", "kind": "slack", "provider": "slack",
		"settings": map[string]any{"channel": "C2"}, "secrets": map[string]any{"token": walkToken + "x"}},
		admin+`channel.update ID {.*"fields": \["settings", "secrets"\].*}`, "If-Match: *")
	a.step(a.api, "POST /channels/:id/disable", chat, nil, admin+`channel.update ID {.*"fields": \["enabled"\].*}`)
	a.step(a.api, "POST /channels/:id/enable", chat, nil, admin+`channel.update ID {.*"fields": \["enabled"\].*}`)
	a.step(a.api, "POST /channels/:id/verify", chat, nil, admin+`channel.verify ID {"version": 4, "verified": true}`)
	a.step(a.api, "DELETE /channels/:id", chat, nil, admin+`channel.delete ID {}`)

	from := map[string]any{"name": "walk", "from_name": walkName, "from_email": walkDesk, "postal_address": "1 Boulevard"}
	desk := a.made(a.step(a.api, "POST /senders", "", from, admin+`sender.create `+some+`{}`))
	from["from_name"] = "x" + walkName
	a.step(a.api, "PUT /senders/:id", desk, from, admin+`sender.update ID {"fields": \["from_name"\]}`, "If-Match: *")
	a.step(a.api, "POST /senders/:id/verify", desk, nil, admin+`sender.verify ID {"level": "failure"}`)
	face := map[string]any{"name": walkName, "postal_address": "1 Boulevard", "sender_id": desk}
	walked := a.made(a.step(a.api, "POST /brands", "", face, admin+`brand.create `+some+`{}`))
	face["support_email"] = walkDesk
	delete(face, "sender_id")
	a.step(a.api, "PUT /brands/:id", walked, face, admin+`brand.update ID {"fields": \["support_email", "sender"\]}`, "If-Match: *")
	a.step(a.api, "DELETE /brands/:id", walked, nil, admin+`brand.delete ID {}`)
	a.step(a.api, "DELETE /senders/:id", desk, nil, admin+`sender.delete ID {}`)
	a.step(a.api, "PUT /pauses/:scope", "all", nil, admin+`sending.pause - {"scope": "all"}`)
	a.step(a.api, "DELETE /pauses/:scope", "all", nil, admin+`sending.resume - {"scope": "all"}`)
}

func (a *audited) walkPublications() {
	one := a.made(a.step(a.api, "POST /publications", "", a.body(map[string]any{"title": "For " + walkName}), admin+`publication.create `+some+`{}`))
	a.step(a.api, "POST /publications/:id/pause", one, nil, admin+`publication.pause ID {"to": "pausing", "from": "queued"}`)
	a.step(a.api, "POST /publications/:id/resume", one, nil, admin+`publication.resume ID {"to": "queued", "from": "pausing"}`)
	a.step(a.api, "POST /publications/:id/cancel", one, nil, admin+`publication.cancel ID {"to": "cancelling", "from": "queued"}`)
	draft := a.made(a.step(a.api, "POST /publications/:id/clone", one, `{"title":"Again for `+walkName+`"}`,
		admin+`publication.create `+some+`{"cloned_from": "ID"}`))
	at := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	a.step(a.api, "PUT /publications/:id", draft, a.body(map[string]any{"title": walkName, "draft": true, "schedule_at": at}),
		admin+`publication.update ID {.*"version": 2.*}`, "If-Match: *")
	a.step(a.api, "POST /publications/:id/rollback", draft, `{"version":1}`, admin+`publication.rollback ID {.*"version": 3.*}`)
	a.step(a.api, "POST /publications/:id/publish", draft, `{"schedule_at":"`+at+`"}`, admin+`publication.publish ID {.*"to": "scheduled".*}`)
	many := map[string]any{"items": []any{map[string]any{"action": "delete", "id": draft, "version": 0},
		map[string]any{"action": "create", "publication": a.body(map[string]any{"title": walkName})}}}
	a.step(a.api, "POST /publications/bulk", draft, many, admin+`publication.create `+some+`{}\n`+admin+`publication.delete ID {.*}`)
	letter := map[string]any{"to": map[string]any{"email": walkAddress, "name": walkName}, "template": a.template, "data": map[string]any{"season": walkToken}}
	message := a.made(a.step(a.api, "POST /messages", "", letter, admin+`message.create `+some+`{}`))
	a.step(a.api, "POST /messages/:id/cancel", message, nil, admin+`publication.cancel ID {"to": "cancelling", "from": "sending"}`)
	draft = a.made(a.step(a.api, "POST /publications", "", a.body(map[string]any{"draft": true}), admin+`publication.create `+some+`{}`))
	a.step(a.api, "DELETE /publications/:id", draft, nil, admin+`publication.delete ID {.*}`)
}

// walkReviews has publications approved and rejected by somebody else.
func (a *audited) walkReviews() {
	other := a.makeKey("", map[string]any{"name": "reviewer", "role": "publisher"})
	by := "Authorization: Bearer " + other.Key
	for verb, body := range map[string]string{"approve": `{"version":1}`, "reject": `{"reason":"` + walkName + `"}`} {
		one := a.made(a.step(a.reviewed, "POST /publications", "", a.body(nil), admin+`publication.create `+some+`{.*}`))
		a.step(a.reviewed, "POST /publications/:id/"+verb, one, body, `key:`+other.ID.String()+` publication.`+verb+` ID {.*}`, by)
	}
}

// walkFailures has dead letters and uncertain recipients.
func (a *audited) walkFailures() {
	a.exec(`INSERT INTO batch (publication_id, channel_id, lane, lo, hi, size, state, n_failed, n_uncertain) VALUES (1, 1, 1, 0, 10, 4, 'done', 3, 1)`)
	a.exec(`INSERT INTO delivery (publication_id, channel_id, recipient_id, state, settled_at) VALUES (1, 1, 1, 6, now()), (1, 1, 2, 6, now()), (1, 1, 3, 7, now())`)
	a.exec(`INSERT INTO dead_letter (publication_id, channel_id, recipient_id, attempts, error_kind, error_code, error, fingerprint)
		SELECT 1, 1, n, 1, 'give_up', 'no_mailbox', '', 'f' || n FROM generate_series(1, 2) n`)
	a.exec(`INSERT INTO uncertain (publication_id, channel_id, recipient_id, since) VALUES (1, 1, 3, now() - interval '1 hour')`)
	replay := a.made(a.step(a.api, "POST /dead-letters/replays", "", `{"all":true}`, admin+`replay.create `+some+`{"matched": 2}`))
	a.step(a.api, "POST /dead-letters/replays/:id/cancel", replay, nil, admin+`replay.cancelled ID {.*}`)
	a.step(a.api, "DELETE /dead-letters/:id", "1", nil, admin+`dead_letter.delete - {"dead_letters": 1.*}`)
	a.step(a.api, "DELETE /dead-letters?fingerprint=f2", "", nil, admin+`dead_letter.delete - {"dead_letters": 1.*}`)
	a.walked["DELETE /api/v1/dead-letters"] = true
	a.step(a.api, "POST /uncertain/decide", "", `{"all":true,"decision":"sent"}`, admin+`delivery.decide - {.*"recipients": 1}`)
}

func (a *audited) walkKeys() {
	key := a.made(a.step(a.api, "POST /api-keys", "", `{"name":"walk","role":"analyst"}`, admin+`api_key.create `+some+`{.*"role": "analyst".*}`))
	a.step(a.api, "PUT /api-keys/:id", key, `{"name":"walk","role":"ops"}`, admin+`api_key.update ID {.*"fields": \["role"\].*}`, "If-Match: *")
	a.step(a.api, "POST /api-keys/:id/rotate", key, `{}`, admin+`api_key.rotate ID {.*}`)
	a.step(a.api, "DELETE /api-keys/:id", key, nil, admin+`api_key.revoke ID {}`)
}

// walkLetters comes last: what went before counts publications, and a letter is one.
func (a *audited) walkLetters() {
	pending := a.made(a.step(a.api, "POST /subscribers", "", map[string]any{"email": "asked." + walkAddress, "status": "pending"}, admin+`subscriber.create `+some+`{}`))
	a.step(a.api, "POST /subscribers/:id/confirmation", pending, nil, admin+`subscriber.ask ID {}`)
}

func (a *audited) walkWebhooks() {
	const list = "POST /webhook-endpoints"
	body := map[string]any{"url": "https://crm.example.org/" + walkToken, "description": walkName, "secret": webhook.NewSecret()}
	hook := a.made(a.step(a.api, list, "", body, admin+`webhook_endpoint.create `+some+`{"events": \[\], "enabled": false}`))
	delete(body, "secret")
	body["description"] = "x" + walkName
	a.step(a.api, "PUT /webhook-endpoints/:id", hook, body, admin+`webhook_endpoint.update ID {"fields": \["description"\], "enabled": false}`, "If-Match: *")
	a.step(a.api, list+"/:id/enable", hook, nil, admin+`webhook_endpoint.enable ID {"fields": \["enabled", "verified"\], "enabled": true}`)
	a.step(a.api, list+"/:id/verify", hook, nil, admin+`webhook_endpoint.verify ID {.*}`)
	a.step(a.api, list+"/:id/rotate-secret", hook, `{}`, admin+`webhook_endpoint.rotate ID {"fields": \["secret", "verified"\], "enabled": true}`)
	event := ident.New().String()
	a.exec(`WITH e AS (INSERT INTO webhook_event (uid, type, occurred_at, data) VALUES ($1, 'publication.completed', now(), '{}') RETURNING id)
		INSERT INTO webhook_message (endpoint, event, state) SELECT w.id, e.id, 'failed' FROM webhook_endpoint w, e`, event)
	a.step(a.api, list+"/:id/recover", hook, `{"since":"2020-01-01T00:00:00Z"}`, admin+`webhook_endpoint.recover ID {"events": 1}`)
	a.step(a.api, list+"/:id/deliveries/"+event+"/resend", hook, nil, admin+`webhook_endpoint.resend ID {"event": "`+event+`"}`)
	a.walked["POST /api/v1/webhook-endpoints/:id/deliveries/:event/resend"] = true
	a.step(a.api, list+"/:id/disable", hook, nil, admin+`webhook_endpoint.disable ID {"fields": \["enabled"\], "enabled": false}`)
	a.step(a.api, "DELETE /webhook-endpoints/:id", hook, nil, admin+`webhook_endpoint.delete ID {}`)
}

// believing takes every endpoint for one that answered.
type believing struct{}

func (believing) Test(context.Context, webhook.Endpoint) error { return nil }
