package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/presswork/presswork/internal/ident"
)

// load is many clients that post the same document again and again, each on a connection that it keeps. They
// write their requests by hand: net/http's client would take as much of the machine as what is measured.
type load struct {
	addr, path, key string
	body            string
	clients         int
}

// run posts for a time and returns how long each request took that was answered within it. An answer other than
// 202 ends the run with an error.
func (l load) run(ctx context.Context, lasting time.Duration) ([]time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, lasting+10*time.Second)
	defer cancel()
	end := time.Now().Add(lasting)
	took := make([][]time.Duration, l.clients)
	errs := make([]error, l.clients)
	var clients sync.WaitGroup
	for i := range l.clients {
		clients.Go(func() {
			took[i], errs[i] = l.client(ctx, end)
			if errs[i] != nil {
				cancel()
			}
		})
	}
	clients.Wait()
	var all []time.Duration
	for _, one := range took {
		all = append(all, one...)
	}
	return all, errors.Join(errs...)
}

// client posts until the end on one connection.
func (l load) client(ctx context.Context, end time.Time) ([]time.Duration, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", l.addr)
	if err != nil {
		return nil, fmt.Errorf("connect to the API: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	in := bufio.NewReader(conn)
	var took []time.Duration
	request := make([]byte, 0, len(l.body)+512)
	for {
		request = l.request(request[:0])
		begun := time.Now()
		if begun.After(end) {
			return took, nil
		}
		if _, err := conn.Write(request); err != nil {
			return took, fmt.Errorf("post: %w", err)
		}
		if err := accepted(in); err != nil {
			return took, err
		}
		if answered := time.Now(); answered.Before(end) {
			took = append(took, answered.Sub(begun))
		}
	}
}

// request is one post, with an idempotency key of its own.
func (l load) request(buf []byte) []byte {
	return fmt.Appendf(buf, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"+
		"Idempotency-Key: %s\r\nContent-Length: %d\r\n\r\n%s", l.path, l.addr, l.key, ident.New(), len(l.body), l.body)
}

// accepted reads an answer, which has to be 202.
func accepted(in *bufio.Reader) error {
	answer, err := http.ReadResponse(in, nil)
	if err != nil {
		return fmt.Errorf("read an answer: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return fmt.Errorf("read an answer: %w", err)
	}
	if answer.StatusCode != http.StatusAccepted {
		return fmt.Errorf("not accepted: %s: %s", answer.Status, text)
	}
	return nil
}
