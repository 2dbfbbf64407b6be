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
	// repeat: every so many requests of a client repeat the one before, with its idempotency key. 0: none does.
	repeat int
}

// answers is how long each request took that was answered, and how many of them repeated another.
type answers struct {
	took    []time.Duration
	repeats int
}

// made is how many of the requests made something.
func (a answers) made() int { return len(a.took) - a.repeats }

// run posts for a time and returns what was answered within it. An answer other than 202 ends the run with an error.
func (l load) run(ctx context.Context, lasting time.Duration) (answers, error) {
	ctx, cancel := context.WithTimeout(ctx, lasting+10*time.Second)
	defer cancel()
	end := time.Now().Add(lasting)
	got := make([]answers, l.clients)
	errs := make([]error, l.clients)
	var clients sync.WaitGroup
	for i := range l.clients {
		clients.Go(func() {
			got[i], errs[i] = l.client(ctx, end)
			if errs[i] != nil {
				cancel()
			}
		})
	}
	clients.Wait()
	var all answers
	for _, one := range got {
		all.took = append(all.took, one.took...)
		all.repeats += one.repeats
	}
	return all, errors.Join(errs...)
}

// client posts until the end on one connection.
func (l load) client(ctx context.Context, end time.Time) (answers, error) {
	var got answers
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", l.addr)
	if err != nil {
		return got, fmt.Errorf("connect to the API: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	in := bufio.NewReader(conn)
	request := make([]byte, 0, len(l.body)+512)
	for n := 1; ; n++ {
		repeats := l.repeat > 0 && n%l.repeat == 0
		if !repeats {
			request = l.request(request[:0])
		}
		begun := time.Now()
		if begun.After(end) && n > 1 {
			return got, nil
		}
		if _, err := conn.Write(request); err != nil {
			return got, fmt.Errorf("post: %w", err)
		}
		if err := accepted(in); err != nil {
			return got, err
		}
		// On a machine that is slow for once the first answer may come late; it is better than none.
		if answered := time.Now(); answered.Before(end) || len(got.took) == 0 {
			got.took = append(got.took, answered.Sub(begun))
			if repeats {
				got.repeats++
			}
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
