package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/presswork/presswork/client/api"
)

// payload is what a request carries, as often as it is sent.
type payload struct {
	open func() (io.Reader, error)
	// again tells whether it can be opened more than once.
	again bool
}

// newPayload of a request: nothing, JSON, or a file as it is read, which is read again from where it was if it can seek.
func newPayload(r *api.Request) (*payload, error) {
	switch body := r.Body.(type) {
	case nil:
		return &payload{open: func() (io.Reader, error) { return http.NoBody, nil }, again: true}, nil
	case io.Reader:
		return readerPayload(body), nil
	default:
		text, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("write the request: %w", err)
		}
		return &payload{open: func() (io.Reader, error) { return bytes.NewReader(text), nil }, again: true}, nil
	}
}

func readerPayload(body io.Reader) *payload {
	once := &payload{open: func() (io.Reader, error) { return keep{body}, nil }}
	seeker, ok := body.(io.Seeker)
	if !ok {
		return once
	}
	start, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil { // a pipe has the method, and cannot
		return once
	}
	return &payload{again: true, open: func() (io.Reader, error) {
		if _, err := seeker.Seek(start, io.SeekStart); err != nil {
			return nil, fmt.Errorf("go back to the beginning of the body: %w", err)
		}
		return keep{body}, nil
	}}
}

// keep hides that a body can be closed: it is the caller's.
type keep struct{ io.Reader }
