package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMistyped fails, and names what it does not know: a script must not take it for done.
func TestMistyped(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "publication.json")
	if err := os.WriteFile(file, []byte(`{"title": "News", "schedule": "2030-01-01T00:00:00Z"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"migrat up":               `unknown command "migrat"`,
		"migrate upp":             `unknown command "upp"`,
		"migrate to x":            `"x" is not a version`,
		"publish --file " + file:  `unknown field "schedule"`,
		"publish --at tomorrow":   "--at",
		"status one two":          "at most 1",
		"worker --nosuch":         "--nosuch",
		"bench --only nosuch":     "nosuch",
		"sandbox --listen nosuch": "nosuch",
	} {
		if err := interrupted(t, line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	root := rootCommand()
	root.SetArgs([]string{"--version"})
	root.SetOut(&out)
	if err := root.ExecuteContext(t.Context()); err != nil || !strings.HasPrefix(out.String(), "presswork version ") {
		t.Errorf("%q, %v", out.String(), err)
	}
}

// TestWatchTellsOfAFailure ends with an error, which says why, for a publication that fails as a whole.
func TestWatchTellsOfAFailure(t *testing.T) {
	t.Parallel()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		state := `{"id": "1", "state": "failed", "failure": "no template"}`
		if strings.HasSuffix(r.URL.Path, "/stream") {
			w.Header().Set("Content-Type", "text/event-stream")
			state = "event: final\ndata: " + state + "\n\n"
		}
		_, _ = io.WriteString(w, state)
	}))
	defer api.Close()
	root := rootCommand()
	root.SetArgs([]string{"status", "1", "--watch", "--api", api.URL, "--api-key", "key"})
	root.SetOut(io.Discard)
	root.SetErr(io.Discard)
	if err := root.ExecuteContext(t.Context()); err == nil || err.Error() != "publication 1 failed: no template" {
		t.Errorf("got %v", err)
	}
}
