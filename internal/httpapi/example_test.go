package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/domaincheck"
	"github.com/presswork/presswork/internal/httpapi/openapi"
	"github.com/presswork/presswork/internal/postgres"
	"github.com/presswork/presswork/internal/testkit/dbtest"
	"github.com/presswork/presswork/internal/token"
)

// TestEveryExample sends every request that the description has an example of, and one of every other operation, to a server
// on a database with what the examples name. Every one has to succeed, and do() holds each answer against the description.
func TestEveryExample(t *testing.T) {
	t.Parallel()
	document := exampleDocument(t)
	shared := newWorld(t, "") // of those who only look
	sent := 0
	for path, item := range document.Paths {
		for method, o := range item.operations(t) {
			requests := o.requests(t, document, item, method, path)
			sent += len(requests)
			t.Run(o.ID, func(t *testing.T) {
				t.Parallel()
				for i, r := range requests {
					w := shared
					if r.method != http.MethodGet || o.ID == "streamProgress" {
						w = newWorld(t, o.ID)
					}
					got := w.by(t).do(r.method, w.real(r.uri), w.real(r.body), r.headers...)
					if want := unsuccessful()[o.ID]; got.Status >= 300 && got.Status != want || want != 0 && got.Status != want {
						t.Errorf("example %d: %s %s %s: %d %s", i+1, r.method, r.uri, r.body, got.Status, got.Body)
					}
				}
			})
		}
	}
	t.Logf("%d requests", sent)
}

// unsuccessful are operations whose examples cannot succeed: who approves must not be who asked, and tokens that tests could
// show here would be tokens of this world only.
func unsuccessful() map[string]int {
	return map[string]int{"approvePublication": http.StatusForbidden, "trackOpen": http.StatusNotFound, "trackClick": http.StatusNotFound}
}

// What the examples call what they name, by the last digits of its id.
const exampleID = "01985a1e-7c00-7000-8000-0000000000"

// world is a server on a database, with real things for those that the examples name.
type world struct {
	*api
	ids []string // example, real, …
}

// by is the world's server for a part of the test.
func (w *world) by(t *testing.T) *api {
	t.Helper()
	a := *w.api
	a.t = t
	return &a
}

func (w *world) real(text string) string { return strings.NewReplacer(w.ids...).Replace(text) }

// put makes something and notes its id as that of an example.
func (w *world) put(example, path, body string, headers ...string) {
	w.t.Helper()
	r := w.do("POST", path, w.real(body), headers...)
	if r.Status >= 300 {
		w.t.Fatalf("prepare %s: %d %s", path, r.Status, r.Body)
	}
	where := r.Header.Get("Location")
	w.ids = append(w.ids, exampleID+example, where[strings.LastIndex(where, "/")+1:])
}

func newWorld(t *testing.T, operation string) *world {
	t.Helper()
	address := dbtest.New(t)
	a := onDatabaseWith(t, address, postgres.Options{MaxConns: 4}, func(d *Deps) {
		d.Acceptor, d.Queues = acceptor(t, d.Topics), fakeQueues{}
		d.SESHook, d.Tokens = hookFunc(func([]byte) error { return nil }), refusingTokens{}
		d.Registry = exampleRegistry()
		d.Webhooks.Tester = believing{}
		d.SenderChecks.Ask = exampleDomain
	})
	w := &world{api: a}
	w.put("03", "/api/v1/contents", `{"title":"A faster start","body":"text"}`)
	w.put("04", "/api/v1/templates", `{"name":"First","channel":"email","languages":{"en":{"subject":"{{ publication.title }}","html":"<p>x</p>"}}}`)
	w.put("05", "/api/v1/assets?name=first.txt", "bytes", "Content-Type: text/plain")
	w.put("06", "/api/v1/channels", `{"name":"chat","kind":"slack","provider":"placeholder"}`)
	w.put("mail", "/api/v1/channels", `{"name":"mail","kind":"email","provider":"placeholder"}`)
	w.put("07", "/api/v1/senders", `{"name":"Desk","from_name":"Desk","from_email":"desk@news.example.com","postal_address":"Street 1","default":true}`)
	w.do("POST", w.real("/api/v1/senders/"+exampleID+"07/verify"), nil).want(http.StatusOK)
	w.put("branded", "/api/v1/senders", `{"name":"Branded","from_name":"First","from_email":"first@news.example.com","postal_address":"Street 1"}`)
	if operation == "deleteSender" { // the default stays while there are others
		w.put("default", "/api/v1/senders", `{"name":"Other","from_name":"Other","from_email":"other@news.example.com","postal_address":"Street 1","default":true}`)
	}
	w.put("1f", "/api/v1/brands", `{"name":"First","postal_address":"Street 1","sender_id":"`+exampleID+`branded"}`)
	w.put("e5", "/api/v1/subscribers/erase", `{"email":"gone@reader.example"}`)
	w.put("09", "/api/v1/suppressions", `{"email":"other@reader.example"}`)
	w.put("01", "/api/v1/topics", `{"name":"Release Notes"}`)
	w.put("1e", "/api/v1/segments", `{"name":"Engaged readers","rule":{"engagement":{"metric":"open_rate","weeks":12,"op":"gt","value":0.7}}}`)
	w.put("5e", w.real("/api/v1/segments/"+exampleID+"1e/snapshots"), ``)
	w.put("0b", "/api/v1/api-keys", `{"name":"first","role":"analyst"}`)
	w.put("0a", "/api/v1/dead-letters/replays", `{"all":true}`)
	w.put("0c", "/api/v1/webhook-endpoints", `{"url":"https://crm.example.com/in"}`)
	if !slices.Contains([]string{"deleteTopic", "deleteContent", "deleteTemplate", "deleteSender", "deleteBrand"}, operation) {
		w.publish(operation)
	}
	w.number(address)
	return w
}

// publish adds what is in the way of deletions: a reader who has chosen a topic, and a publication of all that there is.
func (w *world) publish(operation string) {
	w.t.Helper()
	w.put("81", "/api/v1/subscribers/import?consent_source=form", "email\nzoe@reader.example\n", "Content-Type: text/csv")
	w.put("02", "/api/v1/subscribers", `{"email":"ann@reader.example","topics":["release notes"],"consent_source":"form"}`)
	body := `{"title":"First","publication_type":"digest","channels":["email"],"content_ids":["` + exampleID + `03"],
		"template_ids":{"email":"` + exampleID + `04"},"audience":{"all":true},"sender_id":"` + exampleID + `07"`
	switch operation {
	case "updatePublication", "deletePublication", "publishDraft", "rollBackPublication", "streamProgress":
		body += `,"draft":true`
	case "approvePublication", "rejectPublication":
		body += `,"approval":true`
	}
	w.put("08", "/api/v1/publications", body+"}")
	w.put("0e", "/api/v1/messages", `{"to":{"email":"someone@reader.example"},"template":"First"}`)
	if operation == "askToConfirm" {
		w.do("PUT", w.real("/api/v1/subscribers/"+exampleID+"02"), `{"email":"ann@reader.example","status":"unsubscribed"}`, "If-Match: *").want(http.StatusOK)
	}
	before := map[string]string{"resumePublication": "pause", "streamProgress": "cancel"}
	if verb := before[operation]; verb != "" {
		w.do("POST", w.real("/api/v1/publications/"+exampleID+"08/"+verb), nil).want(http.StatusAccepted)
	}
}

// number adds what is named by a number, a dead letter, and an event of the webhook endpoint. The audit log has enough lines of what was made here.
func (w *world) number(address string) {
	w.t.Helper()
	pool := dbtest.Connect(w.t, address)
	if _, err := pool.Exec(w.t.Context(), `INSERT INTO dead_letter
		(id, publication_id, channel_id, recipient_id, attempts, error_kind, error_code, error, fingerprint)
		OVERRIDING SYSTEM VALUE SELECT 17, id, 1, 1, 1, 'give_up', 'no_mailbox', 'There is no such mailbox.', '5f2c9a0b1d3e4f60' FROM publication WHERE NOT message`); err != nil {
		w.t.Fatal(err)
	}
	if _, err := pool.Exec(w.t.Context(), `WITH e AS (INSERT INTO webhook_event (uid, type, occurred_at, data)
		VALUES ('`+exampleID+`0d', 'publication.completed', now(), '{}') RETURNING id)
		INSERT INTO webhook_message (endpoint, event) SELECT w.id, e.id FROM webhook_endpoint w, e`); err != nil {
		w.t.Fatal(err)
	}
}

// exampleDomain is what was found out about every domain.
func exampleDomain(_ context.Context, domain string) domaincheck.Report {
	return domaincheck.Report{Domain: domain, At: time.Date(2030, 1, 31, 9, 0, 0, 0, time.UTC), Findings: []domaincheck.Finding{
		{Check: "spf", Level: domaincheck.OK, Code: "found", Detail: "There is one."},
		{Check: "dmarc", Level: domaincheck.Failure, Code: "none", Detail: "There is none.", Advice: "Publish one.",
			Publish: []domaincheck.Record{{Name: "_dmarc." + domain, Type: "TXT", Value: "v=DMARC1; p=none"}}},
	}}
}

// refusingTokens believes nobody.
type refusingTokens struct{}

func (refusingTokens) Verify(string) (token.Recipient, error) {
	return token.Recipient{}, errors.New("no")
}

// exampleRegistry has the provider of the examples as it is in the program.
func exampleRegistry() *channel.Registry {
	return channel.NewRegistry(nil,
		channel.Provider{Name: "slack", Open: openAsTold, Kinds: []channel.Kind{channel.Slack}, Settings: []channel.Setting{
			{Name: "conversation", Required: true}, {Name: "bot_token", Secret: true, Required: true},
		}},
		channel.Provider{Name: "placeholder", Open: openAsTold, Kinds: channel.Kinds()})
}

// The description, as far as requests are made of it.
type (
	exampleDoc struct {
		Paths      map[string]exampleItem `json:"paths"`
		Components struct {
			Parameters map[string]exampleParameter `json:"parameters"`
		} `json:"components"`
	}
	exampleItem      map[string]json.RawMessage
	exampleOperation struct {
		ID          string             `json:"operationId"`
		Parameters  []exampleParameter `json:"parameters"`
		RequestBody struct {
			Content map[string]struct {
				Examples map[string]struct {
					Value json.RawMessage `json:"value"`
				} `json:"examples"`
			} `json:"content"`
		} `json:"requestBody"`
	}
	exampleParameter struct {
		Ref      string `json:"$ref"`
		Name, In string
		Required bool
		Example  any
	}
	exampleRequest struct {
		method, uri, body string
		headers           []string
	}
)

func exampleDocument(t *testing.T) exampleDoc {
	t.Helper()
	var d exampleDoc
	if err := json.Unmarshal([]byte(openapi.Document()), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func (i exampleItem) operations(t *testing.T) map[string]exampleOperation {
	t.Helper()
	found := map[string]exampleOperation{}
	for method, text := range i {
		var o exampleOperation
		if method == "parameters" {
			continue
		}
		if err := json.Unmarshal(text, &o); err != nil {
			t.Fatal(err)
		}
		found[strings.ToUpper(method)] = o
	}
	return found
}

// requests are one for each example of a body, with the required parameters, and one more with all of them; the last has the
// headers as well.
func (o exampleOperation) requests(t *testing.T, d exampleDoc, item exampleItem, method, path string) []exampleRequest {
	t.Helper()
	var shared []exampleParameter
	if err := json.Unmarshal(item["parameters"], &shared); err != nil {
		t.Fatal(err)
	}
	least, most, headers, optional := url.Values{}, url.Values{}, []string{}, []string{}
	for _, p := range append(shared, o.Parameters...) {
		if p.Ref != "" {
			p = d.Components.Parameters[p.Ref[strings.LastIndex(p.Ref, "/")+1:]]
		}
		value := exampleText(p.Example)
		switch {
		case p.In == "path" && p.Name == "id":
			path = strings.Replace(path, "{id}", idOf(path, value), 1)
		case p.In == "path":
			path = strings.Replace(path, "{"+p.Name+"}", value, 1)
		case p.Name == "If-Match":
			headers = append(headers, "If-Match: *")
		case p.In == "header" && value != "":
			optional = append(optional, p.Name+": "+value)
		case p.In == "query" && p.Required:
			least.Set(p.Name, value)
			most.Set(p.Name, value)
		case p.In == "query" && value != "":
			most.Set(p.Name, value)
		}
	}
	var list []exampleRequest
	for media, content := range o.RequestBody.Content {
		for _, example := range content.Examples {
			list = append(list, exampleRequest{method, withQuery(path, least), exampleBody(media, example.Value), append(headers, "Content-Type: "+mediaOf(media))})
		}
	}
	if len(list) == 0 {
		list = []exampleRequest{{method, withQuery(path, least), "", headers}}
	}
	if o.ID == "deleteDeadLetters" {
		list = nil // all of them are not deleted at once
	}
	if len(most) > len(least) {
		body := exampleRequest{}
		if len(list) > 0 {
			body = list[0]
		}
		list = append(list, exampleRequest{method, withQuery(path, most), body.body, body.headers})
	}
	last := &list[len(list)-1]
	last.headers = slices.Concat(last.headers, optional)
	return list
}

func withQuery(path string, query url.Values) string {
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

// idOf is the example of what a path is about, which the shared parameter does not know.
func idOf(path, given string) string {
	for _, one := range [][2]string{
		{"/dead-letters/replays/", "0a"}, {"/publications/", "08"}, {"/subscribers/imports/", "81"}, {"/subscribers/", "02"}, {"/contents/", "03"}, {"/templates/", "04"},
		{"/assets/", "05"}, {"/channels/", "06"}, {"/senders/", "07"}, {"/brands/", "1f"}, {"/suppressions/", "09"}, {"/api-keys/", "0b"}, {"/topics/", "01"},
		{"/webhook-endpoints/", "0c"}, {"/messages/", "0e"}, {"/segments/", "1e"}, {"/segment-snapshots/", "5e"}, {"/erasures/", "e5"},
	} {
		if strings.Contains(path, one[0]) {
			return exampleID + one[1]
		}
	}
	return given
}

func exampleText(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case float64:
		return strconv.Itoa(int(v))
	default:
		return ""
	}
}

func mediaOf(media string) string {
	if media == "*/*" {
		return "text/plain"
	}
	return media
}

// exampleBody is a value as it is sent: text as it stands, unless it is JSON.
func exampleBody(media string, value json.RawMessage) string {
	var text string
	if media == "application/json" || json.Unmarshal(value, &text) != nil {
		return string(value)
	}
	return text
}
