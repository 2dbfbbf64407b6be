package httpapi

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/httpapi/openapi"
)

// described is what these tests read of the description.
type described struct {
	Paths map[string]map[string]json.RawMessage `json:"paths"`
}

type describedOperation struct {
	ID       string                `json:"operationId"`
	Security []map[string][]string `json:"security"`
}

// operations are those of the description, by "GET /api/v1/topics/:id" as the router has it.
func operations(t *testing.T) map[string]describedOperation {
	t.Helper()
	var d described
	if err := json.Unmarshal([]byte(openapi.Document()), &d); err != nil {
		t.Fatal(err)
	}
	parameter := regexp.MustCompile(`\{(\w+)\}`)
	found := map[string]describedOperation{}
	for path, item := range d.Paths {
		for method, text := range item {
			if method == "parameters" {
				continue
			}
			var o describedOperation
			if err := json.Unmarshal(text, &o); err != nil {
				t.Fatal(err)
			}
			found[strings.ToUpper(method)+" "+parameter.ReplaceAllString(path, ":$1")] = o
		}
	}
	return found
}

// registered are the routes of a server that has everything. HEAD goes without saying where there is GET; what readers see
// (/p/) is made of pages.
func registered(t *testing.T) map[string]bool {
	t.Helper()
	engine, ok := New(Deps{AdminKey: testKey, SESHook: hookFunc(nil), Tokens: noTokens{}, Pages: http.NotFoundHandler()}).(*gin.Engine)
	if !ok {
		t.Fatal("not a Gin engine")
	}
	routes := map[string]bool{}
	for _, r := range engine.Routes() {
		if r.Method != http.MethodHead && r.Path != "/p/*path" {
			routes[r.Method+" "+r.Path] = true
		}
	}
	return routes
}

type noTokens struct{ TokenVerifier }

func TestEveryRouteIsDescribed(t *testing.T) {
	t.Parallel()
	routes, found := registered(t), operations(t)
	for route := range routes {
		if _, ok := found[route]; !ok {
			t.Errorf("%s is not described: internal/httpapi/openapi/source", route)
		}
	}
	for route := range found {
		if !routes[route] {
			t.Errorf("%s is described and not there", route)
		}
	}
}

// TestPermissionsAreDescribed holds what the description says of access against the table that decides.
func TestPermissionsAreDescribed(t *testing.T) {
	t.Parallel()
	table := newAccessTable()
	for line, o := range operations(t) {
		method, path, _ := strings.Cut(line, " ")
		a, ok := table[route{method, path}]
		if !ok {
			a = table[route{anyMethod, path}]
		}
		want := a.needs.String()
		if a.public {
			want = ""
		}
		for _, schemes := range o.Security {
			got := strings.Join(schemes["bearer"], " ") + strings.Join(schemes["apiKey"], " ")
			if got != want {
				t.Errorf("%s is said to need %q and needs %q", line, got, want)
			}
		}
		if (len(o.Security) == 0) != a.public {
			t.Errorf("%s: public is %v, and the description has %d ways to show a credential", line, a.public, len(o.Security))
		}
	}
}

func TestDescriptionIsServed(t *testing.T) {
	t.Parallel()
	a := serve(t, nil)
	for path, c := range map[string]struct{ media, body, policy string }{
		"/api/openapi.json": {"application/json", openapi.Document(), ""},
		"/api/docs":         {"text/html; charset=utf-8", openapi.Page(), openapi.PagePolicy()},
	} {
		r := a.do("GET", path, nil, "Authorization: ").want(http.StatusOK)
		if r.Body != c.body || r.Header.Get("Content-Type") != c.media || !strings.HasPrefix(r.Header.Get("Cache-Control"), "public") {
			t.Errorf("%s: %v", path, r.Header)
		}
		if c.policy != "" && r.Header.Get("Content-Security-Policy") != c.policy {
			t.Errorf("%s: policy %q", path, r.Header.Get("Content-Security-Policy"))
		}
		again := a.do("GET", path, nil, "Authorization: ", "If-None-Match: "+r.Header.Get("ETag"))
		if again.want(http.StatusNotModified); again.Body != "" {
			t.Errorf("%s: a body with 304", path)
		}
		if head := a.do("HEAD", path, nil, "Authorization: ").want(http.StatusOK); head.Body != "" {
			t.Errorf("%s: a body for HEAD", path)
		}
	}
}

// TestPageLoadsNothing: it works offline, and its policy lets nothing else happen.
func TestPageLoadsNothing(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"<script", " src=", "@import", "url(", "<iframe", "<img", " onclick", "style=\""} {
		if strings.Contains(openapi.Page(), what) {
			t.Errorf("the page has %s", what)
		}
	}
	for line, o := range operations(t) {
		if !strings.Contains(openapi.Page(), `<article id="`+o.ID+`">`) {
			t.Errorf("the page does not have %s", line)
		}
	}
}
