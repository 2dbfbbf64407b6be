package sandbox

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

const (
	sesMaxBody  = 56 << 20 // a mail of 40 MB in base64, and what is around it
	chatMaxBody = 10 << 20 // Discord's limit for a request with files
)

// routes is everything the HTTP listener serves. Browsers may not change anything from other sites.
func (s *Sandbox) routes() http.Handler {
	mux := http.NewServeMux()
	s.routeSES(mux)
	s.routeSNS(mux)
	s.routeSQS(mux)
	s.routeSlack(mux)
	s.routeDiscord(mux)
	s.routeWebhooks(mux)
	s.routeAPI(mux)
	s.routePages(mux)
	return http.NewCrossOriginProtection().Handler(mux)
}

// hangUp closes the connection without an answer. net/http gives this panic that meaning, and logs
// nothing.
func hangUp() { panic(http.ErrAbortHandler) }

// accept asks the faults about a message and records it. It answers a refusal with refuse, and hangs up
// where the faults want that; true means that the caller answers with success.
func (s *Sandbox) accept(w http.ResponseWriter, m *Message, refuse func(http.ResponseWriter, verdict)) bool {
	v := s.judge(m.Provider, m.Channel, m.To)
	switch v.outcome {
	case accepted:
	case hungUp:
		s.book.journal.note(m, Dropped)
		hangUp()
	case throttled, failed, rejected, down:
		refuse(w, v)
		return false
	}
	s.book.receive(m, v.drop)
	if m.Provider == ProviderSES {
		s.reports.took(m)
	}
	if v.drop {
		hangUp()
	}
	return true
}

// readBody reads a request's body; it answers itself if that is too large or breaks off.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		http.Error(w, "request too large", http.StatusRequestEntityTooLarge)
	case err != nil:
		http.Error(w, "request broke off", http.StatusBadRequest)
	}
	return body, err == nil
}

// writeJSON answers with a JSON document. A client that is gone has nothing to be told.
func writeJSON(w http.ResponseWriter, status int, document any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(document)
}
