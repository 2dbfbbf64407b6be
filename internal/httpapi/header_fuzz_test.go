package httpapi

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/telemetry"
)

// asked is a request with these headers: name, value, ….
func asked(t *testing.T, query string, headers ...string) *gin.Context {
	t.Helper()
	gin.SetMode(gin.ReleaseMode)
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	c.Request = httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	c.Request.URL.RawQuery = query
	for i := 0; i+1 < len(headers); i += 2 {
		c.Request.Header.Set(headers[i], headers[i+1])
	}
	return c
}

// wantFault fails for an error that a client would get as an unforeseen one.
func wantFault(t *testing.T, err error) {
	t.Helper()
	if e := (*fault.Error)(nil); err != nil && (!errors.As(err, &e) || e.Kind == fault.Internal) {
		t.Errorf("an error of another kind: %v", err)
	}
}

// FuzzHeaders: what headers say counts only if it is well formed.
func FuzzHeaders(f *testing.F) {
	for _, text := range []string{"", `"3"`, `*`, ` "1", "3" `, `W/"3"`, `"33"`, `""3""`, `3`, `" 3"`, "018f-key", "two words", strings.Repeat("k", 129), "a.b_c-d", "a/b",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-00000000000000000000000000000000-0000000000000000-01", "ff-4bf9"} {
		f.Add(text)
	}
	named := regexp.MustCompile(`(^|,) *"3" *(,|$)`)
	f.Fuzz(func(t *testing.T, text string) {
		c := asked(t, "", "If-Match", text, "Idempotency-Key", text, correlationHeader, text)
		err := ifMatch(c, 3)
		wantFault(t, err)
		if bare := strings.TrimSpace(text); (err == nil) != (bare == "*" || named.MatchString(text)) &&
			!strings.ContainsAny(text, "\t\n\v\f\r\u0085\u00a0") && utf8.ValidString(text) && isASCII(text) {
			t.Errorf("If-Match: %q is %v", text, err)
		}
		key, err := idempotencyKey(c)
		wantFault(t, err)
		if err == nil && (key != text || len(key) > maxIdempotencyKey || strings.ContainsAny(key, " \r\n\x00")) {
			t.Errorf("Idempotency-Key: %q is %q", text, key)
		}
		if safeCorrelation(text) && (len(text) > 128 || url.PathEscape(text) != text) {
			t.Errorf("%q is a correlation id", text)
		}
		if parent := telemetry.TraceID(telemetry.WithTraceParent(t.Context(), text)); parent != "" && (len(parent) != 32 || !strings.Contains(text, parent)) {
			t.Errorf("the parent of %q is %q", text, parent)
		}
	})
}

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > '~' })
}

// FuzzQuery: parameters are read or refused, whatever they are.
func FuzzQuery(f *testing.F) {
	for _, query := range []string{"", "limit=5&cursor=x", "id=01985a1e-7c00-7000-8000-000000000001&since=2030-01-31T09:00:00Z&channel=email", "id=", "id=%zz", "id=a&id=b", "id=%00",
		"id=%ff", "id=00000000-0000-0000-0000-000000000000", "since=0001-01-01T00:00:00Z", "channel=fax", "a;b", "=", "&&&", "%3d=%26"} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		c := asked(t, query)
		err := knownQuery(c, "id", "since", "channel", "limit", "cursor")
		wantFault(t, err)
		q := queryReader{c: c}
		id, since, kind := q.id("id"), q.time("since"), q.kind("channel")
		wantFault(t, q.err)
		if err == nil && q.err == nil && (id != nil && id.IsZero() || since != nil && since.IsZero() || c.Query("channel") != string(kind)) {
			t.Errorf("%q is read as %v, %v, %q", query, id, since, kind)
		}
		_, err = readPage(c, "things", "id", "since", "channel")
		wantFault(t, err)
	})
}

// FuzzScope: what is paused covers something, and is called by one name.
func FuzzScope(f *testing.F) {
	for _, scope := range []string{"all", "channel:email", "queue:email-bulk", "queue:critical", "queue:", "channel:", ":", "all:", "channel:email:x", "ALL"} {
		f.Add(scope)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parseScope(text)
		wantFault(t, err)
		if err == nil && (p.Scope != text || len(text) > 30) {
			t.Errorf("%q is the scope %+v", text, p)
		}
	})
}
