package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// verified answers whoever only wants to know whether it works, as each provider does when it does, and reports whether
// that was what was asked.
func verified(w http.ResponseWriter, r *http.Request, body []byte) bool {
	switch {
	case strings.HasSuffix(r.URL.Path, "/auth.test"):
		_, _ = io.WriteString(w, `{"ok":true}`)
	case r.Method == http.MethodGet:
		_, _ = io.WriteString(w, `{"id":"1","SendingEnabled":true,"VerifiedForSendingStatus":true}`)
	case string(body) == "{}":
		http.Error(w, "no_text", http.StatusBadRequest)
	case strings.Contains(string(body), `"presswork.test"`):
		w.WriteHeader(http.StatusNoContent)
	default:
		return false
	}
	return true
}

// leaving is a provider that works until it leaves.
func leaving(t *testing.T) (url string, leave func()) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		verified(w, r, body)
	}))
	t.Cleanup(server.Close)
	return server.URL, server.Close
}

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
		if verified(w, r, body) {
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
