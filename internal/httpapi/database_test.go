package httpapi

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/jinja"
	"github.com/presswork/presswork/internal/postgres"
	"github.com/presswork/presswork/internal/seal"
	"github.com/presswork/presswork/internal/suppression"
	"github.com/presswork/presswork/internal/testkit/dbtest"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

// onDatabase is an API all of which stands on one database.
func onDatabase(t *testing.T, address string, o postgres.Options) *api {
	t.Helper()
	return onDatabaseWith(t, address, o)
}

// onDatabaseWith is onDatabase; tweak may change what it stands on.
func onDatabaseWith(t *testing.T, address string, o postgres.Options, tweak ...func(*Deps)) *api {
	t.Helper()
	secret := bytes.Repeat([]byte("k"), 32)
	addresses, err := suppression.NewHasher(secret)
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := seal.New(secret)
	if err != nil {
		t.Fatal(err)
	}
	o.Addresses, o.Sealer = addresses, sealer
	db, err := postgres.Open(t.Context(), address, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	engine, err := jinja.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, db, append([]func(*Deps){func(d *Deps) {
		d.Database, d.Registry, d.Engine, d.Sealer = db, testRegistry(), engine, sealer
		d.Topics, d.Subscribers, d.Contents, d.Templates, d.Assets, d.Senders, d.Brands, d.Segments = db, db, db, db, db, db, db, db
		d.Channels, d.APIKeys, d.Publications, d.Messages, d.Progress, d.Deferred, d.Analytics, d.Recipients = db.Channels(sealer), db, db, db, db, db, db, db
		d.Pauses, d.Policy, d.Suppressions, d.DeadLetters, d.Uncertain, d.Audit, d.Consent = db, db, db, db, db, db, db
		d.Reputation, d.SenderChecks.Store = db, db
		d.Preferences, d.Asker = db, db.Subscriptions(testLinks{})
		d.Webhooks = webhooksOn(t, db)
	}}, tweak...)...)
}

// withoutDatabase are routes that answer all the same, or stand on something else.
func withoutDatabase(path string) bool {
	switch path {
	case "/healthz", "/readyz", "/problems", "/problems/:code", "/api/openapi.json", "/api/docs", "/api/v1/queues", "/api/v1/webhook-event-types", "/api/v1/segments/ready-made":
		return true
	default:
		return !strings.HasPrefix(path, "/api/")
	}
}

// changes are bodies of requests that are in order.
func changes() map[string]string {
	return map[string]string{
		"POST /api/v1/topics":      `{"name":"Go","slug":"go"}`,
		"POST /api/v1/subscribers": `{"email":"ada@example.org"}`,
		"POST /api/v1/contents":    `{"title":"News","body":"Text"}`,
		"PUT /api/v1/pauses/all":   ``,

		"POST /api/v1/subscribers/bulk":  `{"items":[{"action":"create","subscriber":{"email":"ada@example.org"}}]}`,
		"POST /api/v1/publications/bulk": `{"items":[{"action":"delete","id":"01985a1e-7c00-7000-8000-000000000008"}]}`,
	}
}

// target is an address of a route that there could be something at.
func target(method, path string) string {
	uid := ident.New().String()
	filled := strings.NewReplacer(":recipient", uid, ":event", uid, ":id", uid, ":version", "1", ":scope", "all").Replace(path)
	switch path {
	case "/api/v1/audit-events/:id", "/api/v1/dead-letters/:id":
		return strings.Replace(path, ":id", "1", 1)
	case "/api/v1/publications/:id/recipients/lookup":
		return filled + "?email=ada@example.org"
	case "/api/v1/publications/:id/versions/:version/diff":
		return filled + "?to=2"
	case "/api/v1/dead-letters":
		if method == http.MethodDelete {
			return filled + "?channel=email"
		}
	}
	return filled
}

// askEverything makes a request of every route that reads or deletes, and of some that write, and checks what all of
// them answer.
func (a *api) askEverything(t *testing.T, status int, code string) {
	t.Helper()
	asked := 0
	for _, r := range everyRoute(t) {
		text, writes := changes()[r.Method+" "+r.Path]
		reads := r.Method == http.MethodGet || r.Method == http.MethodDelete
		if withoutDatabase(r.Path) || !reads && !writes {
			continue
		}
		var body any
		if text != "" {
			body = text
		}
		path := target(r.Method, r.Path)
		got := a.do(r.Method, path, body, `If-Match: "1"`)
		if p := read[wire.Problem](got); got.Status != status || p.Type != "/problems/"+code || strings.Contains(got.Body, "127.0.0.1") {
			t.Errorf("%s %s: %s", r.Method, path, got.Body)
		}
		if (got.Header.Get("Retry-After") != "") != (status == http.StatusServiceUnavailable) {
			t.Errorf("%s %s: Retry-After %q", r.Method, path, got.Header.Get("Retry-After"))
		}
		asked++
	}
	if asked < 45 {
		t.Errorf("only %d routes were asked", asked)
	}
}

// TestDatabaseAwayEverywhere: whatever is asked is answered 503, with when to come back, and without the reason.
func TestDatabaseAwayEverywhere(t *testing.T) {
	t.Parallel()
	a := onDatabase(t, "postgres://nobody@127.0.0.1:1/none", postgres.Options{})
	a.askEverything(t, http.StatusServiceUnavailable, "database_unavailable")
	if r := a.do("GET", "/readyz", nil); r.Status != http.StatusServiceUnavailable {
		t.Errorf("ready: %d", r.Status)
	}
	a.do("GET", "/healthz", nil).want(http.StatusOK)
}

// TestDatabaseTooSlowEverywhere: with every table locked, whatever is asked is answered 504.
func TestDatabaseTooSlowEverywhere(t *testing.T) {
	t.Parallel()
	address := dbtest.New(t)
	a := onDatabase(t, address, postgres.Options{MaxConns: 2, StatementTimeout: 15 * time.Millisecond})
	fixture.Until(t, time.Minute, "an answer while nothing is locked", func() (bool, string) {
		got := a.do("GET", "/api/v1/topics", nil)
		return got.Status == http.StatusOK, got.Body
	})
	owner, err := pgx.Connect(t.Context(), dbtest.Owner(t, address))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = owner.Close(t.Context()) })
	if _, err := owner.Exec(t.Context(), `BEGIN`); err != nil {
		t.Fatal(err)
	}
	if _, err := owner.Exec(t.Context(), `DO $$ DECLARE one text; BEGIN
		FOR one IN SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'public' LOOP
			EXECUTE 'LOCK TABLE ' || one || ' IN ACCESS EXCLUSIVE MODE';
		END LOOP; END $$`); err != nil {
		t.Fatal(err)
	}
	a.askEverything(t, http.StatusGatewayTimeout, "database_timeout")
}
