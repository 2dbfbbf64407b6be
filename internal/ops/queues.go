package ops

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"github.com/hibiken/asynqmon"
)

// queues is Asynqmon: the queues and their tasks, whose payloads hold nothing but ids.
type queues struct {
	*asynqmon.HTTPHandler
	policy string
}

func newQueues(connection Connector) (*queues, error) {
	q := &queues{HTTPHandler: asynqmon.New(asynqmon.Options{RootPath: "/queues", RedisConnOpt: connection})}
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "/queues", http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("ask for Asynqmon's page: %w", err)
	}
	page := body{header: http.Header{}}
	q.HTTPHandler.ServeHTTP(&page, request)
	scripts, err := inlineHashes(page.Bytes(), "script")
	if err != nil {
		return nil, fmt.Errorf("read Asynqmon's page: %w", err)
	}
	// Its library of components writes style elements as it goes. Its fonts, which are Google's, are not
	// loaded: the page does without, and nobody else learns who operates what.
	q.policy = "default-src 'none'; script-src 'self'" + scripts + "; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
		"font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
	return q, nil
}

// ServeHTTP is Asynqmon's, under the policy made for its page.
func (q *queues) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", q.policy)
	q.HTTPHandler.ServeHTTP(w, r)
}

// body keeps an answer's body.
type body struct {
	bytes.Buffer
	header http.Header
}

// Header is http.ResponseWriter's.
func (b *body) Header() http.Header { return b.header }

// WriteHeader is http.ResponseWriter's; the status of a rendered page does not matter.
func (b *body) WriteHeader(int) {}
