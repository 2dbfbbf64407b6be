package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/presswork/presswork/client/api"
)

// payload is what a request carries, as often as it is sent.
type payload struct {
	// open begins an attempt. end has to be called after it, before another begins or the call returns: net/http may still
	// be reading when it has an answer already.
	open func() (content io.Reader, end func(), err error)
	// again tells whether it can be opened more than once.
	again bool
}

// newPayload of a request: nothing, JSON, or a file as it is read, which is read again from where it was if it can seek.
func newPayload(r *api.Request) (*payload, error) {
	switch body := r.Body.(type) {
	case nil:
		return &payload{open: func() (io.Reader, func(), error) { return http.NoBody, func() {}, nil }, again: true}, nil
	case io.Reader:
		return readerPayload(body), nil
	default:
		text, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("write the request: %w", err)
		}
		return &payload{open: func() (io.Reader, func(), error) { return bytes.NewReader(text), func() {}, nil }, again: true}, nil
	}
}

func readerPayload(body io.Reader) *payload {
	once := &payload{open: func() (io.Reader, func(), error) {
		l := &loan{body: body}
		return l, func() { l.over.Store(true) }, nil // whoever writes into a pipe may let its reader wait for ever
	}}
	seeker, ok := body.(io.Seeker)
	if !ok {
		return once
	}
	start, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil { // a pipe has the method, and cannot
		return once
	}
	return &payload{again: true, open: func() (io.Reader, func(), error) {
		if _, err := seeker.Seek(start, io.SeekStart); err != nil {
			return nil, nil, fmt.Errorf("go back to the beginning of the body: %w", err)
		}
		l := &loan{body: body}
		return l, l.end, nil
	}}
}

// loan is a body for one attempt. It hides that a body can be closed, which is the caller's to do, and reads nothing of it
// once the attempt is over.
type loan struct {
	body    io.Reader
	reading sync.Mutex
	over    atomic.Bool
}

// Read is io.Reader's.
func (l *loan) Read(p []byte) (int, error) {
	l.reading.Lock()
	defer l.reading.Unlock()
	if l.over.Load() {
		return 0, errOver
	}
	return l.body.Read(p)
}

// end waits for a read that has begun, and lets no other begin.
func (l *loan) end() {
	l.reading.Lock()
	l.over.Store(true)
	l.reading.Unlock()
}

// errOver is what reads a body after its attempt. Nobody sees it.
var errOver = errors.New("the attempt is over")
