package attack

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/presswork/presswork/internal/testkit/contract"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

// wire is a connection that sends bytes as they are, where net/http would refuse to. It is used by one goroutine.
type wire struct {
	host string
	conn net.Conn
	in   *bufio.Reader
}

// wireTime bounds one exchange. It is generous: the machine may be busy with other tests.
const wireTime = 60 * time.Second

// request is one that is written as it stands: nothing of it is checked or escaped.
type request struct {
	method, uri string
	header      []string // "Name: value"
	body        string
	kind        string // content type; "": no body
}

// bytes is what goes over the wire, with the admin's key unless a header stands for it.
func (r request) bytes(host string) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.method, r.uri, host)
	keyed := false
	for _, line := range r.header {
		out.WriteString(line + "\r\n")
		keyed = keyed || strings.HasPrefix(line, "Authorization:")
	}
	if !keyed {
		out.WriteString("Authorization: Bearer " + fixture.Key + "\r\n")
	}
	if r.kind != "" {
		fmt.Fprintf(&out, "Content-Type: %s\r\nContent-Length: %d\r\n", r.kind, len(r.body))
	}
	return out.String() + "\r\n" + r.body
}

// reply is an answer, read whole.
type reply struct {
	status int
	header http.Header
	body   string
}

// send sends a request and reads its answer. A connection that the server has closed meanwhile is made anew.
func (w *wire) send(ctx context.Context, r request) (reply, error) {
	kept := w.conn != nil
	got, err := w.raw(ctx, r.method, r.bytes(w.host))
	if err != nil && kept {
		got, err = w.raw(ctx, r.method, r.bytes(w.host))
	}
	return got, err
}

// raw sends bytes and reads one answer to them.
func (w *wire) raw(ctx context.Context, method, text string) (reply, error) {
	if err := w.dial(ctx); err != nil {
		return reply{}, err
	}
	if _, err := io.WriteString(w.conn, text); err != nil {
		return reply{}, errors.Join(err, w.close())
	}
	got, err := w.read(method)
	if err != nil {
		return reply{}, errors.Join(err, w.close())
	}
	return got, nil
}

func (w *wire) dial(ctx context.Context) error {
	if w.conn == nil {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "tcp", w.host)
		if err != nil {
			return err
		}
		w.conn, w.in = conn, bufio.NewReader(conn)
	}
	return w.conn.SetDeadline(time.Now().Add(wireTime))
}

func (w *wire) read(method string) (reply, error) {
	response, err := http.ReadResponse(w.in, &http.Request{Method: method})
	if err != nil {
		return reply{}, fmt.Errorf("read the answer: %w", err)
	}
	body, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return reply{}, fmt.Errorf("read the answer's body: %w", err)
	}
	if response.Close {
		err = w.close()
	}
	return reply{response.StatusCode, response.Header, string(body)}, err
}

// close may be repeated.
func (w *wire) close() error {
	if w.conn == nil {
		return nil
	}
	conn := w.conn
	w.conn = nil
	return conn.Close()
}

// described is what of an exchange is not as the description says; what net/http answers by itself is no answer of the API.
func described(r request, got reply) error {
	if got.header.Get("X-Correlation-Id") == "" && got.status == http.StatusBadRequest {
		return nil
	}
	header := http.Header{}
	for _, line := range r.header {
		name, value, _ := strings.Cut(line, ": ")
		header.Set(name, value)
	}
	if r.kind != "" {
		header.Set("Content-Type", r.kind)
	}
	sent := []byte(r.body)
	if strings.HasSuffix(r.uri, "/bulk") {
		sent = nil // some of its items may be refused, and the answer says which: contract passes over a body that it does not know
	}
	return contract.Check(contract.Exchange{Method: r.method, URI: r.uri, Request: header, Header: got.header, Sent: sent,
		Body: []byte(got.body), Status: got.status})
}

// fetch is the body of an answer by the standard client.
func (h *house) fetch(r *http.Request) string {
	h.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		h.t.Fatal(err)
	}
	return string(body)
}

func asTimeout(err error, timeout *net.Error) bool {
	return errors.As(err, timeout) && (*timeout).Timeout()
}
