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
	// missing is what is told of a body without any field: first of that one.
	missing []string
}

func bodyRoutes() []bodyRoute {
	id := ident.New().String()
	topic, content, template := []string{"/name required"}, []string{"/title required", "/body required"}, []string{"/name length", "/channel unknown", "/languages required"}
	channel, address := []string{"/name format", "/provider unknown_provider", "/kind unknown_channel"}, []string{"/email required"}
	sender := []string{"/name required", "/from_name required", "/from_email required", "/postal_address required"}
	brand := []string{"/name required", "/postal_address required"}
	return []bodyRoute{
		{"POST", "/topics", limitOther, "name", topic}, {"PUT", "/topics/" + id, limitOther, "name", topic},
		{"POST", "/contents", limitText, "title", content}, {"PUT", "/contents/" + id, limitText, "title", content},
		{"POST", "/templates", limitText, "name", template}, {"PUT", "/templates/" + id, limitText, "name", nil}, // depends on its channel
		{"POST", "/channels", limitOther, "name", channel}, {"PUT", "/channels/" + id, limitOther, "name", nil}, // on its secrets
		{"POST", "/senders", limitOther, "name", sender}, {"PUT", "/senders/" + id, limitOther, "name", sender},
		{"POST", "/brands", limitOther, "name", brand}, {"PUT", "/brands/" + id, limitOther, "name", brand},
		{"POST", "/subscribers", limitSubscriber, "email", address}, {"PUT", "/subscribers/" + id, limitSubscriber, "email", address},
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
		unknown := append([]string{"/no~1such unknown_field"}, r.missing...)
		a.do(r.method, path, `{"no/such":1}`, "If-Match: *").problem(http.StatusUnprocessableEntity, "invalid_input", unknown...)
		wrong := append([]string{"/" + r.field + " wrong_type"}, r.missing[min(1, len(r.missing)):]...)
		a.do(r.method, path, `{"`+r.field+`":[]}`, "If-Match: *").problem(http.StatusUnprocessableEntity, "invalid_input", wrong...)
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
	for _, list := range []string{"topics", "contents", "templates", "channels", "senders", "brands", "subscribers"} {
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
	for _, list := range []string{"topics", "contents", "templates", "channels", "senders", "brands", "subscribers"} {
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
