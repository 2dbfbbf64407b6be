package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// TestSuppressions asks for what it is told to; an address is looked up before its entry is removed, and is in no path.
func TestSuppressions(t *testing.T) {
	t.Parallel()
	const lookup, ann = "POST /suppressions/lookup ", `{"email":"ann@example.org"}`
	for line, want := range map[string]struct {
		asked   []string
		printed string
	}{
		"suppressions list":                             {[]string{"GET /suppressions?limit=50 "}, "e1  2030-01-02 03:04:05  manual  api"},
		"suppressions list --limit 3 --json":            {[]string{"GET /suppressions?limit=3 "}, `[{"id":"e1"`},
		"suppressions list --email ann@example.org":     {[]string{lookup + ann}, "e1  2030"},
		"suppressions add ann@example.org":              {[]string{"POST /suppressions " + ann}, "e1  2030"},
		"suppressions add ann@example.org --note moved": {[]string{"POST /suppressions " + `{"email":"ann@example.org","note":"moved"}`}, "e1  2030"},
		"suppressions add ann@example.org --json":       {[]string{"POST /suppressions " + ann}, `{"id":"e1"`},
		"suppressions remove e1":                        {[]string{"DELETE /suppressions/e1 "}, ""},
		"suppressions remove ann@example.org":           {[]string{lookup + ann, "DELETE /suppressions/e1 "}, ""},
		"suppressions remove nobody@example.org":        {[]string{lookup + `{"email":"nobody@example.org"}`}, "error: nobody@example.org is not on the list"},
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			var asked []string
			api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				asked = append(asked, r.Method+" "+strings.TrimPrefix(r.URL.RequestURI(), "/api/v1")+" "+string(body))
				const entry = `{"id":"e1","reason":"manual","source":"api","created_at":"2030-01-02T03:04:05Z"}`
				switch {
				case strings.Contains(string(body), "nobody"):
					_, _ = io.WriteString(w, `{"items":[]}`)
				case r.Method == http.MethodDelete:
					w.WriteHeader(http.StatusNoContent)
				case r.URL.Path == "/api/v1/suppressions" && r.Method == http.MethodPost:
					_, _ = io.WriteString(w, entry)
				default:
					_, _ = io.WriteString(w, `{"items":[`+entry+`]}`)
				}
			}))
			defer api.Close()
			out, err := said(t, api.URL, line)
			if err != nil {
				out = "error: " + err.Error()
			}
			if !slices.Equal(asked, want.asked) || !strings.Contains(out, want.printed) || want.printed == "" && out != "" {
				t.Errorf("asked %q, printed %q", asked, out)
			}
		})
	}
}

// TestSuppressionsFiles reads and writes files.
func TestSuppressionsFiles(t *testing.T) {
	t.Parallel()
	const list = "hash,email,reason,source,note,created_at\n"
	var asked []string
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		asked = append(asked, r.Method+" "+strings.TrimPrefix(r.URL.RequestURI(), "/api/v1")+" "+r.Header.Get("Content-Type")+" "+string(body))
		switch {
		case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/export"):
			w.Header().Set("Content-Type", "text/csv")
			_, _ = io.WriteString(w, list)
		case strings.Contains(string(body), "bad"):
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = io.WriteString(w, `{"type":"/problems/invalid_lines","status":422,"lines":1,"error_count":1,"errors":[{"line":2,"column":"email","detail":"is odd"}]}`)
		default:
			_, _ = io.WriteString(w, `{"dry_run":true,"lines":3,"created":2,"skipped":1}`)
		}
	}))
	defer api.Close()
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, bad, kept := write("good.csv", "email\na@x.org\n"), write("bad.csv", "email\nbad\n"), filepath.Join(dir, "kept.csv")
	for _, step := range []struct{ line, asked, said string }{
		{"import " + good + " --dry-run", "POST /suppressions/import?dry_run=true text/csv email\na@x.org\n", "3 lines: 2 new on the list, 1 on it already\n"},
		{"import " + good + " --json", "POST /suppressions/import text/csv email\na@x.org\n", `{"dry_run":true`},
		{"import " + bad, "POST /suppressions/import text/csv email\nbad\n", "error: 1 errors in 1 lines: nothing was stored"},
		{"import " + filepath.Join(dir, "none.csv"), "", "error: open"},
		{"export", "GET /suppressions/export  ", list},
		{"export --output " + kept, "GET /suppressions/export  ", ""},
		{"export --output " + kept, "GET /suppressions/export  ", "error: open " + kept + ": file exists"},
	} {
		asked = nil
		out, err := said(t, api.URL, "suppressions "+step.line)
		if err != nil {
			out = "error: " + err.Error()
		}
		if strings.Join(asked, "|") != step.asked || !strings.HasPrefix(out, step.said) || step.said == "" && out != "" {
			t.Errorf("%s: asked %q, said %q", step.line, asked, out)
		}
	}
	if text, err := os.ReadFile(kept); err != nil || string(text) != list { //nolint:gosec // it was written just now
		t.Errorf("%q, %v", text, err)
	}
}

// TestNoPartOfAFileIsKept if the connection is cut.
func TestNoPartOfAFileIsKept(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "list.csv")
	if err := keepWhole(name, io.MultiReader(strings.NewReader("hash,"), iotest.ErrReader(io.ErrUnexpectedEOF))); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	if _, err := os.Stat(name); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a part is there: %v", err)
	}
}
