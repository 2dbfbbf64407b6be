package attack

import (
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/app"
	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

// smuggled is a request that hides in another one. It is answered with its own path.
const smuggled = "GET /problems/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"

// posting is the head of a request up to its own headers.
const posting = "POST /api/v1/topics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + fixture.Key + "\r\nContent-Type: application/json\r\n"

// ambiguous are requests that two servers may read as one or as two, or that are none. Whoever stands in front of us may read
// them otherwise, so that none of them may be taken for two.
var ambiguous = map[string]string{
	"a length and chunks":         posting + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
	"chunks and a length":         posting + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + smuggled,
	"two lengths":                 posting + "Content-Length: 0\r\nContent-Length: 5\r\n\r\n" + smuggled,
	"a list of lengths":           posting + "Content-Length: 0, 5\r\n\r\n" + smuggled,
	"a length with a sign":        posting + "Content-Length: +0\r\n\r\n" + smuggled,
	"a negative length":           posting + "Content-Length: -1\r\n\r\n" + smuggled,
	"a length in hex":             posting + "Content-Length: 0x0\r\n\r\n" + smuggled,
	"a length that overflows":     posting + "Content-Length: 18446744073709551616\r\n\r\n" + smuggled,
	"an empty length":             posting + "Content-Length:\r\n\r\n" + smuggled,
	"chunks that are not":         posting + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + smuggled,
	"chunks last of two":          posting + "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n" + smuggled,
	"chunks first of two":         posting + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + smuggled,
	"chunks twice":                posting + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + smuggled,
	"chunks after a tab":          posting + "Transfer-Encoding:\vchunked\r\n\r\n0\r\n\r\n" + smuggled,
	"chunks and quotes":           posting + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n" + smuggled,
	"a space before the colon":    posting + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + smuggled,
	"a space in a name":           posting + "Transfer Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
	"a folded encoding":           posting + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + smuggled,
	"a header that begins folded": strings.Replace(posting, "Host: x", " Host: x", 1) + "\r\n" + smuggled,
	"a bare CR in a header":       posting + "X-Bare: a\rContent-Length: 5\r\n\r\n" + smuggled,
	"NUL in a header":             posting + "X-Nul: a\x00b\r\n\r\n" + smuggled,
	"a header without a colon":    posting + "Nothing\r\n\r\n" + smuggled,
	"a header without a name":     posting + ": nothing\r\n\r\n" + smuggled,
	"no host":                     "GET /healthz HTTP/1.1\r\n\r\n" + smuggled,
	"two hosts":                   "GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" + smuggled,
	"a host with a path":          "GET /healthz HTTP/1.1\r\nHost: x/y\r\n\r\n" + smuggled,
	"a host with a line":          "GET /healthz HTTP/1.1\r\nHost: x y\r\n\r\n" + smuggled,
	"no version":                  "GET /healthz\r\n\r\n" + smuggled,
	"version 9":                   "GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n" + smuggled,
	"the preface of HTTP/2":       "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + smuggled,
	"a method that is none":       "GE T /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled,
	"a space in the path":         "GET /heal thz HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled,
	"NUL in the path":             "GET /heal\x00thz HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled,
	"a half escape":               "GET /healthz% HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled,
	"chunks in HTTP/1.0":          strings.Replace(posting, "HTTP/1.1", "HTTP/1.0", 1) + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
	"a chunk of negative size":    posting + "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n" + smuggled,
	"a chunk that overflows":      posting + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n" + smuggled,
	"a chunk's size with a sign":  posting + "Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n" + smuggled,
	"a chunk's size with 0x":      posting + "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n" + smuggled,
	"a chunk longer than it says": posting + "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n" + smuggled,
	"a chunk's line of bare LF":   posting + "Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n" + smuggled,
	"a chunk's end of bare LF":    posting + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\n0\r\n\r\n" + smuggled,
	"an extension with a bare CR": posting + "Transfer-Encoding: chunked\r\n\r\n2;a\rb\r\n{}\r\n0\r\n\r\n" + smuggled,
	"extensions without end":      posting + "Transfer-Encoding: chunked\r\n\r\n2;" + strings.Repeat("a", 20_000) + "\r\n{}\r\n0\r\n\r\n" + smuggled,
	"a trailer that is a credential": strings.Replace(posting, "Authorization: Bearer "+fixture.Key+"\r\n", "", 1) +
		"Transfer-Encoding: chunked\r\nTrailer: Authorization\r\nConnection: close\r\n\r\n2\r\n{}\r\n0\r\nAuthorization: Bearer " + fixture.Key + "\r\n\r\n",
	"a length shorter than the body": posting + "Content-Length: 2\r\nConnection: close\r\n\r\n{}" + smuggled,
	"expecting what is none":         posting + "Expect: 200-maybe\r\nContent-Length: 0\r\n\r\n" + smuggled,
	"an upgrade to HTTP/2":           posting + "Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: 0\r\n\r\n" + smuggled,
}

// ending is a request after which the server closes.
const ending = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

var refusal = regexp.MustCompile(`^HTTP/1\.[01] [45]\d\d `)

// TestRequestsAreNotTakenForTwo sends what is ambiguous (RFC 9112, section 11.2), and looks for an answer to what it hides.
func TestRequestsAreNotTakenForTwo(t *testing.T) {
	t.Parallel()
	h := open(t, func(*config.Config) {}, app.API)
	for name, text := range ambiguous {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := conversation(t, h.host(), text+ending)
			if strings.Contains(got, "smuggled") {
				t.Errorf("what it hides was answered:\n%s", got)
			}
			if !refusal.MatchString(got) {
				t.Errorf("it was taken: %.400s", got)
			}
		})
	}
	if got := conversation(t, h.host(), smuggled+ending); !strings.Contains(got, "/problems/smuggled") {
		t.Errorf("what is hidden would not be seen: %s", got)
	}
	t.Logf("%d shapes", len(ambiguous))
}

// conversation sends bytes and reads everything until the server closes. What it did not read makes the end a reset.
func conversation(t *testing.T, host, text string) string {
	t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(wireTime)); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, text) // the server may close meanwhile
	got, err := io.ReadAll(conn)
	var timeout net.Error
	if err != nil && asTimeout(err, &timeout) {
		t.Errorf("the server keeps the connection: %q", got)
	}
	return string(got)
}

// TestTheNameOfTheHostIsNotBelieved: whatever Host says, links lead to PUBLIC_URL or to nowhere else.
func TestTheNameOfTheHostIsNotBelieved(t *testing.T) {
	t.Parallel()
	h := open(t, func(c *config.Config) { c.PublicURL = "https://news.example" }, app.API)
	for _, path := range []string{"/p/archive", "/p/archive.atom", "/p/archive?topic=x", "/problems", "/problems/not_found", "/api/docs", "/api/openapi.json",
		"/api/v1/topics", "/p/u/x", "//attacked.example/%2f..", "/\\attacked.example", "/.//attacked.example", "/p//attacked.example/..", "/p/n/../u/x/"} {
		got := conversation(t, h.host(), "GET "+path+" HTTP/1.1\r\nHost: attacked.example\r\nX-Forwarded-Host: attacked.example\r\nX-Forwarded-Proto: gopher\r\n"+
			"Forwarded: host=attacked.example\r\nX-Original-URL: /api/v1/topics\r\nConnection: close\r\nAuthorization: Bearer "+fixture.Key+"\r\n\r\n")
		head, body, _ := strings.Cut(got, "\r\n\r\n")
		if strings.Contains(strings.Replace(head, path, "", 1), "attacked.example") || strings.Contains(strings.ReplaceAll(body, `"instance":"`+path, ""), `://attacked.example`) {
			t.Errorf("%s: %.1000s", path, got)
		}
		if !strings.HasPrefix(head, "HTTP/1.1 ") {
			t.Errorf("%s: %.300s", path, got)
		}
	}
}
