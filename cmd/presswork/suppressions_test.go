package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// TestSuppressions asks for what it is told to; an address is looked up before its entry is removed, and is in no path.
func TestSuppressions(t *testing.T) {
	t.Parallel()
	const lookup, ann = "POST /suppressions/lookup ", `{"email":"ann@example.org"}`
	for line, want := range map[string]struct {
		asked   []string
		printed string
	}{
		"suppressions list":                         {[]string{"GET /suppressions?limit=50 "}, "e1  2030-01-02 03:04:05  manual  api"},
		"suppressions list --limit 3 --json":        {[]string{"GET /suppressions?limit=3 "}, `[{"id":"e1"`},
		"suppressions list --email ann@example.org": {[]string{lookup + ann}, "e1  2030"},
		"suppressions add ann@example.org":          {[]string{"POST /suppressions " + ann}, "e1  2030"},
		"suppressions add ann@example.org --json":   {[]string{"POST /suppressions " + ann}, `{"id":"e1"`},
		"suppressions remove e1":                    {[]string{"DELETE /suppressions/e1 "}, ""},
		"suppressions remove ann@example.org":       {[]string{lookup + ann, "DELETE /suppressions/e1 "}, ""},
		"suppressions remove nobody@example.org":    {[]string{lookup + `{"email":"nobody@example.org"}`}, "error: nobody@example.org is not on the list"},
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
