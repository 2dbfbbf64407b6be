package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/auth"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/token"
)

// keyShelf is a store of keys for handlers that are walked through.
type keyShelf map[string]auth.Stored

func (s keyShelf) KeyByPrefix(_ context.Context, prefix string) (auth.Stored, error) {
	stored, ok := s[prefix]
	if !ok {
		return stored, fault.New(fault.NotFound, "not_found", "")
	}
	return stored, nil
}

func (keyShelf) TouchKeys(context.Context, []int64) error { return nil }

// add makes a key and returns its text.
func (s keyShelf) add(k auth.Key) string {
	text, prefix, hash := auth.NewSecret()
	k.ID, k.UID = int64(len(s)+1), ident.New()
	s[prefix] = auth.Stored{Key: k, Hash: hash}
	return text
}

// walkable is an engine with every route there is, on nothing: a handler that is reached fails in its own way. tokens may be
// nil.
func walkable(t testing.TB, keys keyShelf, tokens auth.Tokens, tweak ...func(*Deps)) *gin.Engine {
	t.Helper()
	d := Deps{Log: zap.NewNop(), Auth: auth.NewGate(testKey, auth.NewKeys(keys), tokens), Pages: http.NotFoundHandler(),
		SESHook: forbidding{}, Tokens: verifiesNone{}, Progress: nowhere{}}
	for _, change := range tweak {
		change(&d)
	}
	engine, ok := New(d).(*gin.Engine)
	if !ok {
		t.Fatal("not a Gin engine")
	}
	return engine
}

// forbidding and verifiesNone stand in for what proves by itself who comes: they answer neither 401 nor 403 here.
type forbidding struct{}

func (forbidding) Receive(context.Context, []byte) error { return nil }

// path is a path of the route.
func (r route) request(t testing.TB, headers ...string) *http.Request {
	t.Helper()
	parts := strings.Split(r.path, "/")
	for i, part := range parts {
		if strings.HasPrefix(part, ":") || strings.HasPrefix(part, "*") {
			parts[i] = ident.New().String()
		}
	}
	request := httptest.NewRequestWithContext(t.Context(), r.method, strings.Join(parts, "/"), http.NoBody)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	return request
}

// routes are those that are registered.
func routes(e *gin.Engine) []route {
	var list []route
	for _, r := range e.Routes() {
		list = append(list, route{r.Method, r.Path})
	}
	return list
}

// tryRoute is what an engine answers.
func tryRoute(e *gin.Engine, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w
}

// TestEveryRouteIsInTheTable, and every line of the table is a route.
func TestEveryRouteIsInTheTable(t *testing.T) {
	t.Parallel()
	table := newAccessTable()
	used := map[route]bool{}
	all := routes(walkable(t, nil, nil))
	for _, r := range all {
		exact, every := table[r], table[route{anyMethod, r.path}]
		_, isExact := table[r]
		_, isAny := table[route{anyMethod, r.path}]
		switch {
		case isExact == isAny:
			t.Errorf("%s %s has %t and %t lines in access_rules.go", r.method, r.path, isExact, isAny)
		case isAny && !every.public:
			t.Errorf("%s: a line for every method is for what is public", r.path)
		case strings.HasPrefix(r.path, "/api/v1/") && exact.public:
			t.Errorf("%s %s is public", r.method, r.path)
		case isAny:
			used[route{anyMethod, r.path}] = true
		default:
			used[r] = true
		}
	}
	for r := range table {
		if !used[r] {
			t.Errorf("%s %s has a line in access_rules.go and is no route", r.method, r.path)
		}
	}
	if len(table) != len(accessRules()) || len(all) < 80 {
		t.Errorf("%d lines became %d; %d routes", len(accessRules()), len(table), len(all))
	}
}

// TestARouteWithoutALineIsClosed to everybody.
func TestARouteWithoutALineIsClosed(t *testing.T) {
	t.Parallel()
	e := walkable(t, nil, nil)
	e.GET("/api/v1/forgotten", func(c *gin.Context) { c.Status(http.StatusOK) })
	for _, path := range []string{"/api/v1/forgotten", "/api/v1/topics"} {
		w := tryRoute(e, route{http.MethodGet, path}.request(t, "Authorization", "Bearer "+testKey))
		if forgotten := path != "/api/v1/topics"; forgotten != (w.Code == http.StatusForbidden) {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := tryRoute(e, route{http.MethodGet, "/api/v1/forgotten"}.request(t)); w.Code != http.StatusUnauthorized {
		t.Errorf("without a key: %d", w.Code)
	}
}

// callers are one of each kind that has shown who they are, by a name of theirs.
func callers(keys keyShelf) (texts map[string]string, principals map[string]auth.Principal) {
	texts = map[string]string{"admin key": testKey}
	principals = map[string]auth.Principal{"admin key": auth.AdminPrincipal()}
	for name, k := range map[string]auth.Key{
		"admin": {Role: auth.Admin}, "publisher": {Role: auth.Publisher}, "analyst": {Role: auth.Analyst}, "ops": {Role: auth.Ops},
		"one scope": {Role: auth.Admin, Scopes: []auth.Permission{auth.PublicationsWrite}},
		"no scope":  {Role: auth.Admin, Scopes: []auth.Permission{}},
		"no role":   {Role: "from tomorrow"},
	} {
		texts[name], principals[name] = keys.add(k), k.Principal()
	}
	return texts, principals
}

// TestEveryRouteForEveryRole walks all routes as everybody: what the table says is what happens.
func TestEveryRouteForEveryRole(t *testing.T) {
	t.Parallel()
	keys := keyShelf{}
	texts, principals := callers(keys)
	e, table := walkable(t, keys, nil), newAccessTable()
	cases := 0
	for _, r := range routes(e) {
		a, exact := table[r]
		if !exact {
			a = table[route{anyMethod, r.path}]
		}
		for name, text := range texts {
			cases++
			w := tryRoute(e, r.request(t, "Authorization", "Bearer "+text))
			want := a.public || principals[name].Allows(a.needs)
			if got := w.Code != http.StatusForbidden; got != want || w.Code == http.StatusUnauthorized {
				t.Errorf("%s %s as %s: %d, allowed should be %t", r.method, r.path, name, w.Code, want)
			}
			challenge := w.Header().Get("WWW-Authenticate")
			if told := strings.Contains(challenge, `error="insufficient_scope", scope="`+a.needs.String()+`"`); told == want {
				t.Errorf("%s %s as %s: WWW-Authenticate %q", r.method, r.path, name, challenge)
			}
		}
	}
	t.Logf("%d routes, %d cases", len(routes(e)), cases)
}

// TestAccessAsMeant is written by hand, apart from the tables: who gets in, by example, for each resource.
func TestAccessAsMeant(t *testing.T) {
	t.Parallel()
	keys := keyShelf{}
	texts, _ := callers(keys)
	e := walkable(t, keys, nil)
	for line, who := range map[string]string{
		"GET /healthz":                                       "admin analyst no-role no-scope one-scope ops publisher",
		"GET /api/v1/topics":                                 "admin analyst publisher",
		"POST /api/v1/topics":                                "admin publisher",
		"DELETE /api/v1/topics/:id":                          "admin publisher",
		"GET /api/v1/subscribers":                            "admin publisher",
		"POST /api/v1/subscribers":                           "admin publisher",
		"GET /api/v1/subscribers/export":                     "admin publisher",
		"GET /api/v1/subscribers/:id/data":                   "admin publisher",
		"POST /api/v1/subscribers/data":                      "admin publisher",
		"POST /api/v1/subscribers/:id/erase":                 "admin publisher",
		"GET /api/v1/erasures":                               "admin publisher",
		"POST /api/v1/subscribers/import":                    "admin publisher",
		"GET /api/v1/contents/:id":                           "admin analyst publisher",
		"PUT /api/v1/contents/:id":                           "admin publisher",
		"POST /api/v1/templates":                             "admin publisher",
		"GET /api/v1/assets/:id/content":                     "admin analyst publisher",
		"GET /api/v1/channels":                               "admin analyst ops publisher",
		"POST /api/v1/channels":                              "admin",
		"PUT /api/v1/channels/:id":                           "admin",
		"POST /api/v1/channels/:id/disable":                  "admin ops",
		"POST /api/v1/channels/:id/verify":                   "admin ops",
		"DELETE /api/v1/senders/:id":                         "admin",
		"GET /api/v1/publications":                           "admin analyst ops publisher",
		"POST /api/v1/publications":                          "admin one-scope publisher",
		"POST /api/v1/publications/:id/pause":                "admin ops publisher",
		"GET /api/v1/publications/:id/progress/stream":       "admin analyst ops publisher",
		"GET /api/v1/publications/:id/analytics":             "admin analyst ops publisher",
		"GET /api/v1/publications/:id/recipients/lookup":     "admin publisher",
		"GET /api/v1/publications/:id/recipients/:recipient": "admin publisher",
		"PUT /api/v1/pauses/:scope":                          "admin ops",
		"GET /api/v1/queues":                                 "admin ops",
		"GET /api/v1/suppressions":                           "admin ops publisher",
		"POST /api/v1/suppressions":                          "admin",
		"DELETE /api/v1/suppressions/:id":                    "admin",
		"POST /api/v1/dead-letters/replays":                  "admin ops",
		"GET /api/v1/dead-letters":                           "admin ops publisher",
		"POST /api/v1/uncertain/decide":                      "admin ops",
		"GET /api/v1/api-keys":                               "admin",
		"POST /api/v1/api-keys":                              "admin",
		"DELETE /api/v1/api-keys/:id":                        "admin",
	} {
		method, path, _ := strings.Cut(line, " ")
		var got []string
		for name, text := range texts {
			if w := tryRoute(e, route{method, path}.request(t, "Authorization", "Bearer "+text)); w.Code != http.StatusForbidden && name != "admin key" {
				got = append(got, strings.ReplaceAll(name, " ", "-"))
			}
		}
		slices.Sort(got)
		if fmt.Sprint(got) != "["+who+"]" {
			t.Errorf("%s: %v, want [%s]", line, got, who)
		}
	}
}

type verifiesNone struct{}

func (verifiesNone) Verify(string) (token.Recipient, error) {
	return token.Recipient{}, token.ErrInvalid
}

// nowhere is asked by a goroutine of its own, which nobody recovers.
type nowhere struct{}

func (nowhere) PublicationProgress(context.Context, ident.UID) (publication.Progress, error) {
	return publication.Progress{}, fault.New(fault.NotFound, "not_found", "")
}
