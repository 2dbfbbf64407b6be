package httpapi

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/ident"
)

// bodyRoute is a route of this package that reads a JSON body.
type bodyRoute struct {
	method, path string
	limit        int
	field        string // one that wants a string
}

func bodyRoutes() []bodyRoute {
	id := ident.New().String()
	return []bodyRoute{
		{"POST", "/topics", limitOther, "name"}, {"PUT", "/topics/" + id, limitOther, "name"},
		{"POST", "/contents", limitText, "title"}, {"PUT", "/contents/" + id, limitText, "title"},
		{"POST", "/templates", limitText, "name"}, {"PUT", "/templates/" + id, limitText, "name"},
		{"POST", "/channels", limitOther, "name"}, {"PUT", "/channels/" + id, limitOther, "name"},
		{"POST", "/senders", limitOther, "name"}, {"PUT", "/senders/" + id, limitOther, "name"},
		{"POST", "/subscribers", limitSubscriber, "email"}, {"PUT", "/subscribers/" + id, limitSubscriber, "email"},
	}
}

// chunked hides its length, so that the body is sent in chunks.
type chunked struct{ io.Reader }

func TestBadBodies(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	for _, r := range bodyRoutes() {
		path := "/api/v1" + r.path
		full := `{"` + r.field + `":"` + strings.Repeat("x", r.limit) + `"}`
		a.do(r.method, path, `{"`, "If-Match: *").problem(http.StatusBadRequest, "malformed_json")
		a.do(r.method, path, "", "If-Match: *").problem(http.StatusBadRequest, "malformed_json")
		a.do(r.method, path, `{} x`, "If-Match: *").problem(http.StatusBadRequest, "malformed_json")
		a.do(r.method, path, full, "If-Match: *").problem(http.StatusRequestEntityTooLarge, "too_large")
		a.do(r.method, path, chunked{strings.NewReader(full)}, "If-Match: *").problem(http.StatusRequestEntityTooLarge, "too_large")
		a.do(r.method, path, `{"no/such":1}`, "If-Match: *").problem(http.StatusUnprocessableEntity, "invalid_input", "/no~1such unknown_field")
		a.do(r.method, path, `{"`+r.field+`":[]}`, "If-Match: *").problem(http.StatusUnprocessableEntity, "invalid_input", "/"+r.field+" wrong_type")
		a.do(r.method, path, `[]`, "If-Match: *").problem(http.StatusUnprocessableEntity, "invalid_input", " wrong_type")
		for _, header := range []string{"text/plain", "application/json; charset=latin1", "application/jsonx", ""} {
			a.do(r.method, path, `{}`, "Content-Type: "+header, "If-Match: *").problem(http.StatusUnsupportedMediaType, "unsupported_media_type")
		}
		a.do(r.method, path, `{}`, "Content-Encoding: gzip", "If-Match: *").problem(http.StatusUnsupportedMediaType, "unsupported_media_type")
	}
}

// A body of exactly the limit is read; its errors are those of its fields.
func TestBodyOfExactlyTheLimit(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	for _, r := range bodyRoutes() {
		frame := `{"` + r.field + `":""}`
		body := `{"` + r.field + `":"` + strings.Repeat("x", r.limit-len(frame)) + `"}`
		got := a.do(r.method, "/api/v1"+r.path, body, "If-Match: *")
		if got.Status != http.StatusUnprocessableEntity && got.Status != http.StatusNotFound {
			t.Errorf("%s %s: %d", r.method, r.path, got.Status)
		}
	}
}

func TestUnknownAndBadIDs(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	for _, list := range []string{"topics", "contents", "templates", "channels", "senders", "subscribers"} {
		for _, id := range []string{ident.New().String(), "1", "x", "%00", "..%2f", strings.Repeat("a", 3000)} {
			path := "/api/v1/" + list + "/" + id
			a.do("GET", path, nil).problem(http.StatusNotFound, "not_found")
			a.do("DELETE", path, nil).problem(http.StatusNotFound, "not_found")
		}
	}
	for _, action := range []string{"enable", "disable"} {
		a.do("POST", "/api/v1/channels/"+ident.New().String()+"/"+action, nil).problem(http.StatusNotFound, "not_found")
	}
}

func TestBadQueries(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	for _, list := range []string{"topics", "contents", "templates", "channels", "senders", "subscribers"} {
		for _, query := range []string{
			"limit=0", "limit=-1", "limit=201", "limit=x", "limit=", "limit=1&limit=2", "cursor=", "cursor=x",
			"cursor=AAAAAAAAAAAAAAAAAAAAAA", "cursor=" + cursor("others", 1), "nope=1", "Limit=1", "limit=%zz",
		} {
			a.do("GET", "/api/v1/"+list+"?"+query, nil).problem(http.StatusBadRequest, "invalid_query")
		}
	}
	for _, query := range []string{"status=gone", "topic=a/b", "topic=", "email=%00", "email=%ff", "email=" + strings.Repeat("a", 255)} {
		a.do("GET", "/api/v1/subscribers?"+query, nil).problem(http.StatusBadRequest, "invalid_query")
		a.do("GET", "/api/v1/subscribers/export?"+query, nil).problem(http.StatusBadRequest, "invalid_query")
	}
}
