package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	_ "time/tzdata" // as the program does

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/presswork/presswork/internal/channel"
	credentials "github.com/presswork/presswork/internal/credential"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/jinja"
	"github.com/presswork/presswork/internal/postgres"
	"github.com/presswork/presswork/internal/seal"
	"github.com/presswork/presswork/internal/suppression"
	"github.com/presswork/presswork/internal/testkit/contract"
	"github.com/presswork/presswork/internal/testkit/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

const testKey = "test-key-of-the-admin"

// transport has connections of its own: those of http.DefaultTransport are closed with every httptest.Server, and a request of
// a test beside it fails.
var transport = &http.Transport{}

// api is a running API on a database of its own.
type api struct {
	t   testing.TB
	url string
	// address is the database's, "" of an API on nothing.
	address string
	db      *postgres.DB
	log     *observer.ObservedLogs
	// undescribed: its answers are not held against the description.
	undescribed bool
}

// newAPI serves everything on a fresh database; tweak may change what it stands on.
func newAPI(t testing.TB, tweak ...func(*Deps)) *api {
	t.Helper()
	return newAPIWith(t, 4, tweak...)
}

// newAPIWith is newAPI with so many connections to the database.
func newAPIWith(t testing.TB, connections int, tweak ...func(*Deps)) *api {
	t.Helper()
	address := dbtest.New(t)
	addresses, err := suppression.NewHasher(bytes.Repeat([]byte("k"), 32))
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := seal.New(bytes.Repeat([]byte("k"), 32))
	if err != nil {
		t.Fatal(err)
	}
	db, err := postgres.Open(t.Context(), address, postgres.Options{MaxConns: connections, Addresses: addresses, Sealer: sealer})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	engine, err := jinja.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	a := serve(t, db, append([]func(*Deps){func(d *Deps) {
		d.Database, d.Registry, d.Engine = db, testRegistry(), engine
		d.Topics, d.Subscribers, d.Contents, d.Templates, d.Senders, d.Brands = db, db, db, db, db, db
		d.APIKeys, d.Consent, d.Preferences, d.Asker = db, db, db, db.Subscriptions(testLinks{})
		d.Sealer = sealer
		d.Assets, d.Segments = db, db
		d.Channels = db.Channels(sealer)
		d.Publications, d.Messages, d.Progress, d.Analytics = db, db, db, db
		d.Webhooks = webhooksOn(t, db)
	}}, tweak...)...)
	a.address = address
	return a
}

// serve serves what the tweaks make of Deps with a key and a log.
func serve(t testing.TB, db *postgres.DB, tweaks ...func(*Deps)) *api {
	t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	d := Deps{Log: zap.New(core), AdminKey: testKey}
	for _, tweak := range tweaks {
		tweak(&d)
	}
	server := httptest.NewServer(New(d))
	t.Cleanup(server.Close)
	return &api{t: t, url: server.URL, db: db, log: logs}
}

func testRegistry() *channel.Registry {
	return channel.NewRegistry(nil,
		channel.Provider{Name: "slack", Open: openAsTold, Kinds: []channel.Kind{channel.Slack}, Settings: []channel.Setting{
			{Name: "channel", Required: true}, {Name: "token", Secret: true, Required: true, Real: func(v string) error { return credentials.Check(v, 8) }},
		}},
		channel.Provider{Name: "ses", Open: openAsTold, Kinds: []channel.Kind{channel.Email}, Settings: []channel.Setting{
			{Name: "access_key_id", Secret: true, With: "secret_access_key"}, {Name: "secret_access_key", Secret: true, With: "access_key_id"},
		}},
		channel.Provider{Name: "placeholder", Open: openAsTold, Kinds: channel.Kinds()},
	)
}

// answer is a response that was read.
type answer struct {
	t      testing.TB
	Status int
	Header http.Header
	Body   string
}

// do makes a request with the admin key. A body that is a string or a reader is sent as it is, with the
// content type JSON unless headers ("Name: value") say otherwise; anything else is sent as its JSON.
func (a *api) do(method, path string, body any, headers ...string) answer {
	a.t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	case io.Reader:
		reader = b
	default:
		text, err := json.Marshal(b)
		if err != nil {
			a.t.Fatal(err)
		}
		reader = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(context.WithoutCancel(a.t.Context()), method, a.url+path, reader)
	if err != nil {
		a.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+testKey)
	if reader != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		if request.Header.Set(name, value); value == "" {
			request.Header.Del(name)
		}
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		a.t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if closeErr := response.Body.Close(); err != nil || closeErr != nil {
		a.t.Fatal(err, closeErr)
	}
	if !a.undescribed {
		contract.Verify(a.t, contract.Exchange{Method: method, URI: path, Request: request.Header, Sent: sentBytes(a.t, request),
			Status: response.StatusCode, Header: response.Header, Body: text})
	}
	return answer{t: a.t, Status: response.StatusCode, Header: response.Header, Body: string(text)}
}

// sentBytes is the body of a request that can be read again; nil of one that cannot.
func sentBytes(t testing.TB, r *http.Request) []byte {
	t.Helper()
	if r.GetBody == nil {
		return nil
	}
	body, err := r.GetBody()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// read is the body as a T.
func read[T any](r answer) T {
	r.t.Helper()
	var v T
	if err := json.Unmarshal([]byte(r.Body), &v); err != nil {
		r.t.Fatalf("%d %q: %v", r.Status, r.Body, err)
	}
	return v
}

// want fails unless the status is the one wanted.
func (r answer) want(status int) answer {
	r.t.Helper()
	if r.Status != status {
		r.t.Fatalf("status %d, want %d: %s", r.Status, status, r.Body)
	}
	return r
}

// problem fails unless the answer is a problem with this status and code; the fields, if any are named,
// have to be exactly these: "/pointer code".
func (r answer) problem(status int, code string, fields ...string) wire.Problem {
	r.t.Helper()
	p := read[wire.Problem](r.want(status))
	if got := r.Header.Get("Content-Type"); got != "application/problem+json" {
		r.t.Errorf("content type %q of %s", got, r.Body)
	}
	if p.Type != "/problems/"+code || p.Status != status || p.Title != http.StatusText(status) || p.Instance == "" ||
		p.CorrelationID == "" || p.CorrelationID != r.Header.Get(correlationHeader) {
		r.t.Errorf("not the problem %s: %s", code, r.Body)
	}
	var got []string
	for _, f := range p.Errors {
		got = append(got, f.Pointer+" "+f.Code)
	}
	if len(fields) > 0 && strings.Join(got, ", ") != strings.Join(fields, ", ") {
		r.t.Errorf("fields %q, want %q", got, fields)
	}
	return p
}

// location is the path of what was created.
func (r answer) location() string {
	r.t.Helper()
	where := r.want(http.StatusCreated).Header.Get("Location")
	if !strings.HasPrefix(where, "/api/v1/") {
		r.t.Fatalf("location %q", where)
	}
	return where
}
