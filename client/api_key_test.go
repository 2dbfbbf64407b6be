package client

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestUpdateAPIKey is for one version, or for any.
func TestUpdateAPIKey(t *testing.T) {
	t.Parallel()
	for version, want := range map[int]string{0: "", 7: `"7"`} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil || r.Method != http.MethodPut || r.URL.Path != "/api/v1/api-keys/k1" || string(body) != `{"name":"n","role":"ops","scopes":null}` {
				t.Errorf("%s %s %s, %v", r.Method, r.URL.Path, body, err)
			}
			if got := r.Header.Get("If-Match"); got != want {
				t.Errorf("If-Match %q, want %q", got, want)
			}
			_, _ = io.WriteString(w, `{"id":"k1","version":8}`)
		}))
		c := New(server.URL, "key")
		k, err := c.UpdateAPIKey(t.Context(), "k1", version, NewAPIKey{Name: "n", Role: "ops"})
		if err != nil || k.ID != "k1" || k.Version != 8 {
			t.Errorf("%+v, %v", k, err)
		}
		c.Close()
		server.Close()
	}
}
