package attack

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/app"
	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

// deep is how far hostile JSON nests.
const deep = 100_000

// heavy are documents of JSON that would cost a careless reader its stack, its memory or its time.
func heavy() map[string]string {
	return map[string]string{
		"arrays":          strings.Repeat("[", deep) + strings.Repeat("]", deep),
		"objects":         strings.Repeat(`{"a":`, deep/2) + "1" + strings.Repeat("}", deep/2),
		"both":            strings.Repeat(`[{"a":`, deep/4),
		"many names":      "{" + manyNames(20_000) + `"z":1}`,
		"one name":        "{" + strings.Repeat(`"a":1,`, 40_000) + `"a":1}`,
		"many values":     "[" + strings.Repeat("0,", deep) + "0]",
		"a long number":   "1" + strings.Repeat("0", deep),
		"a long fraction": "0." + strings.Repeat("1", deep),
		"a large power":   `{"a":1e` + strings.Repeat("9", 1000) + "}",
		"many escapes":    `"` + strings.Repeat(`\u0041`, 40_000) + `"`,
		"white space":     strings.Repeat(" ", 250_000),
	}
}

func manyNames(n int) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, `"k%d":{},`, i)
	}
	return out.String()
}

// packed are bodies that unpack to far more than they are, by the encoding that they say.
func packed(t *testing.T) map[string]string {
	t.Helper()
	squeeze := func(in []byte, to func(io.Writer) io.WriteCloser) []byte {
		var out bytes.Buffer
		w := to(&out)
		if _, err := w.Write(in); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	zip := func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }
	bomb := squeeze(bytes.Repeat([]byte(" "), 16<<20), zip)
	nested := squeeze(squeeze(bomb, zip), zip)
	deflated := squeeze(bytes.Repeat([]byte(" "), 16<<20), func(w io.Writer) io.WriteCloser {
		f, err := flate.NewWriter(w, flate.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		return f
	})
	return map[string]string{"gzip": string(bomb), "gzip, gzip, gzip": string(nested), "deflate": string(deflated), "x-gzip": string(bomb), "GZip": string(bomb),
		"identity, gzip": string(bomb), "br": "\x06", "zstd": "\x28\xb5\x2f\xfd", "compress": "\x1f\x9d"}
}

// TestNothingCostsMuch sends what is heavy to every operation that takes a body: it is refused, as described, and what is compressed
// is not unpacked.
func TestNothingCostsMuch(t *testing.T) {
	t.Parallel()
	h := open(t, func(*config.Config) {}, app.API)
	w := &world{house: h, made: map[string]string{}}
	heavy, packed := heavy(), packed(t)
	routes, tried := 0, 0
	for n, o := range loadDocument(t).operations() {
		if len(o.bodies) == 0 {
			continue
		}
		routes++
		wire := &wire{host: h.host()}
		kind := strings.Replace(o.bodies[0].media, "*/*", "image/png", 1)
		uri := w.uri(o, nil)
		for encoding, text := range packed {
			got := h.refuse(wire, request{method: o.method, uri: uri, kind: kind, body: text, header: []string{"If-Match: *", "Content-Encoding: " + encoding}})
			if strings.HasPrefix(uri, "/api/") && got.status != http.StatusUnsupportedMediaType {
				t.Errorf("%s %s with %s: %d %s", o.method, uri, encoding, got.status, got.body)
			}
			tried++
		}
		if kind == "application/json" {
			i := 0
			for _, name := range slices.Sorted(maps.Keys(heavy)) {
				if i++; *whole || (i+n)%3 == 0 {
					h.refuse(wire, request{method: o.method, uri: uri, kind: kind, body: heavy[name], header: []string{"If-Match: *"}})
					tried++
				}
			}
		}
		h.endless(wire, o, uri, kind)
		_ = wire.close()
		h.cut(o, uri, kind)
		tried += 3
	}
	t.Logf("%d routes, %d bodies", routes, tried)
	if routes < 28 {
		t.Errorf("only %d routes take a body", routes)
	}
}

// refuse fails unless the answer is a described refusal.
func (h *house) refuse(w *wire, r request) reply {
	h.t.Helper()
	got, err := w.send(h.t.Context(), r)
	if err != nil {
		h.t.Errorf("%s %s %.60q: %v", r.method, r.uri, r.body, err)
		return got
	}
	r.body = ""
	if err := described(r, got); err != nil || got.status < 400 || got.status > 499 {
		h.t.Errorf("%s %s: %d, %v", r.method, r.uri, got.status, err)
	}
	return got
}

// endless announces more than any route takes, and sends chunks until it is told to stop.
func (h *house) endless(w *wire, o operation, uri, kind string) {
	h.t.Helper()
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nIf-Match: *\r\nContent-Type: %s\r\n", o.method, uri, fixture.Key, kind)
	got, err := w.raw(h.t.Context(), o.method, head+"Content-Length: 99999999999\r\n\r\n")
	if err != nil || got.status != http.StatusRequestEntityTooLarge {
		h.t.Errorf("%s %s announced: %d %s, %v", o.method, uri, got.status, got.body, err)
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(h.t.Context(), "tcp", h.host())
	if err != nil {
		h.t.Fatal(err)
	}
	fresh := &wire{host: h.host(), conn: conn}
	fresh.in = bufio.NewReader(conn)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, err := io.WriteString(conn, head+"Transfer-Encoding: chunked\r\n\r\n")
		for chunk := fmt.Sprintf("%x\r\n%s\r\n", 64<<10, strings.Repeat(" ", 64<<10)); err == nil; {
			_, err = io.WriteString(conn, chunk)
		}
	}()
	got, err = fresh.read(o.method)
	if err != nil || got.status != http.StatusRequestEntityTooLarge && got.status != http.StatusNotFound {
		h.t.Errorf("%s %s without end: %d %s, %v", o.method, uri, got.status, got.body, err)
	}
	_ = conn.Close()
	<-sent
}

// cut announces a body and sends half of it.
func (h *house) cut(o operation, uri, kind string) {
	h.t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(h.t.Context(), "tcp", h.host())
	if err != nil {
		h.t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(wireTime)); err != nil {
		h.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nIf-Match: *\r\nContent-Type: %s\r\nContent-Length: 100\r\n\r\n{\"a\"", o.method, uri, fixture.Key, kind); err != nil {
		h.t.Fatal(err)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		if err := tcp.CloseWrite(); err != nil {
			h.t.Fatal(err)
		}
	}
	got, err := io.ReadAll(conn)
	if err != nil || len(got) > 0 && !refusal.Match(got) || strings.HasPrefix(string(got), "HTTP/1.1 5") {
		h.t.Errorf("%s %s cut off: %.300s, %v", o.method, uri, got, err)
	}
}
