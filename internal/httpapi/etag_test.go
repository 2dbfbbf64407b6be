package httpapi

import (
	"net/http"
	"strings"
	"testing"
)

// editable is a resource that can be edited: what makes it, what PUT makes of it, and what keeps its answers.
type editable struct {
	list, made, changed string
	cache               string // Cache-Control of GET
	always              bool   // GET is never answered 304: something of it changes without its version
}

func editables(n *newsroom) map[string]editable {
	const asked, never = "private, no-cache", "no-store"
	text := `{"name":"%","channel":"email","languages":{"en":{"subject":"s","html":"<p>x</p>"}}}`
	desk := `{"name":"%","from_name":"x","from_email":"x@x.org","postal_address":"x"}`
	draft := `{"title":"%","publication_type":"alert","channels":["slack"],"content_ids":["` + n.content + `"],"draft":true}`
	as := func(body, name string) string { return strings.Replace(body, "%", name, 1) }
	return map[string]editable{
		"topic":            {"topics", `{"name":"One"}`, `{"name":"Two"}`, asked, false},
		"sender":           {"senders", as(desk, "one"), as(desk, "two"), asked, false},
		"content":          {"contents", `{"title":"One","body":"x"}`, `{"title":"Two","body":"x"}`, asked, false},
		"template":         {"templates", as(text, "one"), as(text, "two"), asked, false},
		"subscriber":       {"subscribers", `{"email":"one@x.org"}`, `{"email":"two@x.org"}`, never, false},
		"channel":          {"channels", `{"name":"one","kind":"slack","provider":"placeholder"}`, `{"name":"two","kind":"slack","provider":"placeholder"}`, never, true},
		"api key":          {"api-keys", `{"name":"one","role":"ops"}`, `{"name":"two","role":"ops"}`, never, true},
		"webhook endpoint": {"webhook-endpoints", `{"url":"https://one.example.org"}`, `{"url":"https://two.example.org"}`, never, true},
		"publication":      {"publications", as(draft, "one"), as(draft, "two"), asked, false},
	}
}

// TestOneRuleForVersions: whatever can be edited has an ETag, which PUT needs, DELETE obeys, and GET compares.
func TestOneRuleForVersions(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	for name, e := range editables(n) {
		made := n.do("POST", "/api/v1/"+e.list, e.made)
		if made.Status != http.StatusAccepted && made.Header.Get("ETag") != `"1"` {
			t.Errorf("%s was made as %s: %s", name, made.Header.Get("ETag"), made.Body)
		}
		where := made.Header.Get("Location")
		if where == "" {
			t.Fatalf("%s: %s", name, made.Body)
		}
		tagged := func(r answer, tag string) {
			t.Helper()
			if got := r.Header.Get("ETag"); got != tag || r.Status >= 300 && r.Status != http.StatusNotModified {
				t.Errorf("%s: %d %s, want %s", name, r.Status, got, tag)
			}
		}
		tagged(n.do("GET", where, nil), `"1"`)
		n.do("PUT", where, e.changed).problem(http.StatusPreconditionRequired, "precondition_required")
		for _, other := range []string{`"2"`, `W/"1"`, `1`, `"1`, `"0", "7"`} {
			n.do("PUT", where, e.changed, "If-Match: "+other).problem(http.StatusPreconditionFailed, "version_mismatch")
			n.do("DELETE", where, nil, "If-Match: "+other).problem(http.StatusPreconditionFailed, "version_mismatch")
		}
		tagged(n.do("PUT", where, e.changed, `If-Match: "7", "1"`), `"2"`)
		n.do("PUT", where, e.made, `If-Match: "1"`).problem(http.StatusPreconditionFailed, "version_mismatch")
		for given, fresh := range map[string]bool{`"2"`: true, `W/"2"`: true, `"1", "2"`: true, `*`: true, `"1"`: false, `2`: false} {
			r := n.do("GET", where, nil, "If-None-Match: "+given)
			tagged(r, `"2"`)
			if (r.Status == http.StatusNotModified) != (fresh && !e.always) || (r.Body == "") != (r.Status == http.StatusNotModified) {
				t.Errorf("%s with If-None-Match %s: %d %s", name, given, r.Status, r.Body)
			}
			if got := r.Header.Get("Cache-Control"); got != e.cache {
				t.Errorf("%s may be kept: %s", name, got)
			}
		}
		n.do("DELETE", where, nil, "If-Match:  ").problem(http.StatusPreconditionFailed, "version_mismatch") // empty
		n.do("DELETE", where, nil, `If-Match: "2"`).want(http.StatusNoContent)
	}
}

// TestEveryPUTNeedsAVersion: whoever adds a route that replaces a resource holds it to the rule. A pause has no versions: it is
// there or not.
func TestEveryPUTNeedsAVersion(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	tried := 0
	for _, r := range everyRoute(t) {
		if r.Method != http.MethodPut || !strings.HasPrefix(r.Path, "/api/v1/") || r.Path == "/api/v1/pauses/:scope" {
			continue
		}
		a.do("PUT", target(r.Method, r.Path), `{}`).problem(http.StatusPreconditionRequired, "precondition_required")
		tried++
	}
	if tried < 8 {
		t.Errorf("only %d routes were tried", tried)
	}
}

// TestWhatIsNotEdited has an ETag of its text, by which GET is answered 304.
func TestWhatIsNotEdited(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	for _, path := range []string{"assets/" + exampleID + "05", "suppressions/" + exampleID + "09", "dead-letters/17", "dead-letters/replays/" + exampleID + "0a",
		"publications/" + exampleID + "08/versions/1"} {
		path = w.real("/api/v1/" + path)
		first := w.do("GET", path, nil).want(http.StatusOK)
		tag := first.Header.Get("ETag")
		w.do("GET", path, nil, "If-None-Match: "+tag).want(http.StatusNotModified)
		if again := w.do("GET", path, nil, `If-None-Match: "other"`).want(http.StatusOK); again.Body != first.Body || len(tag) != 34 ||
			again.Header.Get("Content-Type") != "application/json; charset=utf-8" || again.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", path, again.Header)
		}
	}
}
