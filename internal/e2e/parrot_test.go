package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// parrot is a provider that turns everything down and repeats what it was told, in each provider's form at once: the address
// that was called, the recipients, and the beginning of the message. It returns where it is.
func parrot(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		if err != nil {
			return
		}
		var mail struct {
			Destination struct{ ToAddresses []string }
		}
		_ = json.Unmarshal(body, &mail)
		told, err := json.Marshal(append([]string{"http://" + r.Host + r.URL.String()}, mail.Destination.ToAddresses...))
		if err != nil {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Amzn-ErrorType", "MessageRejected")
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]any{"__type": "MessageRejected", "ok": false, "code": 50035,
			"error": "refused for " + string(told), "message": "Email address is not verified: " + string(told)})
	}))
	t.Cleanup(server.Close)
	return server.URL
}
