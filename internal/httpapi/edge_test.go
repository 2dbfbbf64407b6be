package httpapi

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presswork/presswork/internal/asset"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

// TestEveryRouteBoundsItsBody: who announces more than the route takes is refused at once, with or without a key and
// whether or not the route reads a body.
func TestEveryRouteBoundsItsBody(t *testing.T) {
	t.Parallel()
	handler := New(Deps{AdminKey: testKey, Tokens: forgers{}, SESHook: hookFunc(nil), Pages: http.NotFoundHandler()})
	larger := map[string]int64{
		"POST /api/v1/assets": asset.MaxSize, "POST /api/v1/subscribers/import": 10 << 20, "POST /api/v1/suppressions/import": 10 << 20, "POST /api/v1/publications": 1 << 20,
		"POST /api/v1/contents": 1 << 20, "PUT /api/v1/contents/:id": 1 << 20, "POST /api/v1/templates": 1 << 20,
		"PUT /api/v1/templates/:id": 1 << 20, "POST /hooks/ses": 512 << 10,
		"PUT /api/v1/publications/:id": 1 << 20, "POST /api/v1/publications/bulk": 1 << 20, "POST /api/v1/subscribers/bulk": 1 << 20,
	}
	routes := 0
	for _, r := range everyRoute(t) {
		limit, ok := larger[r.Method+" "+r.Path]
		if !ok {
			limit = 256 << 10
		}
		for announced, refused := range map[int64]bool{limit: false, limit + 1: true, 1 << 60: true} {
			request := httptest.NewRequestWithContext(t.Context(), r.Method, strings.NewReplacer(":", "", "*", "").Replace(r.Path), http.NoBody)
			request.ContentLength = announced
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, request)
			if got := recorder.Code == http.StatusRequestEntityTooLarge; got != refused {
				t.Errorf("%s %s with %d bytes: %d", r.Method, r.Path, announced, recorder.Code)
			}
		}
		routes++
	}
	if routes < 80 {
		t.Errorf("only %d routes", routes)
	}
}

// exchange sends raw bytes and reads the answer.
func exchange(t *testing.T, url string, send func(w io.Writer) error) (int, string) {
	t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	sent := make(chan error, 1)
	go func() { sent <- send(conn) }()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if closeErr := response.Body.Close(); err != nil || closeErr != nil {
		t.Fatal(err, closeErr)
	}
	if err := conn.Close(); err != nil { // which ends the sender, should it still be at it
		t.Fatal(err)
	}
	<-sent
	return response.StatusCode, string(body)
}

func head(method, path string, lines ...string) string {
	return method + " " + path + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + testKey + "\r\nContent-Type: application/json\r\n" +
		strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// TestASlowBody: who sends a byte now and then is told so when the time is up, and does not keep the connection.
func TestASlowBody(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]string{
		"announced": head("POST", "/api/v1/topics", "Content-Length: 100") + `{"name":`,
		"chunked":   head("POST", "/api/v1/topics", "Transfer-Encoding: chunked") + "8\r\n{\"name\":\r\n",
		"a hook":    head("POST", "/hooks/ses", "Content-Length: 100") + `{`,
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			handler := New(Deps{AdminKey: testKey, SESHook: hookFunc(func([]byte) error { return nil })})
			status, body := inBubble(t, &http.Server{Handler: handler}, request) //nolint:gosec // the time for bodies is what is looked at
			if status != http.StatusRequestTimeout || !strings.Contains(body, "/problems/slow_body") || time.Since(began) != bodyTime {
				t.Errorf("%s: %d %s after %v", name, status, body, time.Since(began))
			}
		})
	}
}

// inBubble sends bytes to a server by a network of the test's and reads the answer. Time is the bubble's: a machine that is slow takes
// none of it.
func inBubble(t *testing.T, server *http.Server, request string) (int, string) {
	t.Helper()
	network := fixture.NewPipes()
	served := make(chan error, 1)
	go func() { served <- server.Serve(network) }()
	conn, err := network.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sent := make(chan error, 1)
	go func() { _, err := io.WriteString(conn, request); sent <- err }()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close(), conn.Close(), server.Close()); err != nil {
		t.Fatal(err)
	}
	<-sent
	<-served
	return response.StatusCode, string(body)
}

// TestAFileMayTakeItsTime: its limit is the server's.
func TestAFileMayTakeItsTime(t *testing.T) {
	t.Parallel()
	a := serve(t, nil, func(d *Deps) { d.BodyTime = time.Nanosecond })
	request := strings.Replace(head("POST", "/api/v1/subscribers/import", "Content-Length: 3"), "application/json", "text/csv", 1)
	status, body := exchange(t, a.url, func(w io.Writer) error { _, err := io.WriteString(w, request+"a,b"); return err })
	if status == http.StatusRequestTimeout {
		t.Errorf("%d %s", status, body)
	}
}

// TestBodiesThatNeverEnd are read to their limit and not further.
func TestBodiesThatNeverEnd(t *testing.T) {
	t.Parallel()
	a := serve(t, nil, func(d *Deps) { d.SESHook = hookFunc(func([]byte) error { return nil }) })
	chunk := fmt.Sprintf("%x\r\n%s\r\n", 32<<10, strings.Repeat("x", 32<<10))
	for path, kind := range map[string]string{"/api/v1/topics": "application/json", "/api/v1/publications": "application/json",
		"/api/v1/subscribers/import": "text/csv", "/hooks/ses": "text/plain", "/api/v1/assets?name=a.png": "image/png"} {
		request := strings.Replace(head("POST", path, "Transfer-Encoding: chunked"), "application/json", kind, 1)
		status, body := exchange(t, a.url, func(w io.Writer) error {
			_, err := io.WriteString(w, request)
			for err == nil {
				_, err = io.WriteString(w, chunk)
			}
			return err
		})
		if status != http.StatusRequestEntityTooLarge || !strings.Contains(body, "/problems/too_large") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

// TestCompressionBombs are not unpacked: compressed bodies are refused.
func TestCompressionBombs(t *testing.T) {
	t.Parallel()
	a := serve(t, nil)
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	if _, err := io.CopyN(z, strings.NewReader(strings.Repeat(" ", 8<<20)), 8<<20); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for _, encoding := range []string{"gzip", "deflate", "br", "zstd", "identity, gzip", "GZIP"} {
		for path, kind := range map[string]string{"/api/v1/topics": "application/json", "/api/v1/subscribers/import": "text/csv", "/api/v1/assets?name=a.png": "image/png"} {
			a.do("POST", path, bytes.NewReader(bomb.Bytes()), "Content-Encoding: "+encoding, "Content-Type: "+kind).
				problem(http.StatusUnsupportedMediaType, "unsupported_media_type")
		}
	}
}

// TestDeepJSON of every shape is refused, and costs no stack.
func TestDeepJSON(t *testing.T) {
	t.Parallel()
	a := serve(t, nil)
	const deep = 100_000
	for name, body := range map[string]string{
		"arrays": strings.Repeat("[", deep), "closed arrays": strings.Repeat("[", deep) + strings.Repeat("]", deep),
		"objects": strings.Repeat(`{"a":`, deep/4), "both": strings.Repeat(`[{"a":`, deep/5), "in a field": `{"name":` + strings.Repeat("[", deep),
	} {
		p := a.do("POST", "/api/v1/topics", body).problem(http.StatusBadRequest, "malformed_json")
		if !strings.Contains(p.Detail, "too deep") {
			t.Errorf("%s: %s", name, p.Detail)
		}
	}
}

// TestLongAnswersOutliveTheTimeForBodies: the time that a body may take is no limit of how long the answer takes.
func TestLongAnswersOutliveTheTimeForBodies(t *testing.T) {
	t.Parallel()
	const short = 50 * time.Millisecond
	for name, request := range map[string]string{"without a body": head("GET", "/p/archive"), "with one": head("POST", "/p/u/x", "Content-Length: 3") + "a=b"} {
		synctest.Test(t, func(t *testing.T) {
			cut := make(chan bool, 1)
			handler := New(Deps{BodyTime: short, Pages: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				_, err := io.ReadAll(r.Body)
				select {
				case <-r.Context().Done():
					cut <- true
				case <-time.After(4 * short):
					cut <- err != nil
				}
			})})
			status, body := inBubble(t, &http.Server{ReadTimeout: short, Handler: handler}, request) //nolint:gosec // the time for heads is that of the whole
			if status != http.StatusOK || <-cut {
				t.Errorf("%s: %d %s, or the answer was cut off", name, status, body)
			}
		})
	}
}
