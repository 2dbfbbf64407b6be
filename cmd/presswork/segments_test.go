package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestSegmentsCommand asks for what it is told to: a segment is found by its slug.
func TestSegmentsCommand(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "rule.json")
	if err := os.WriteFile(file, []byte(`{"country":["DE"]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	const find = "GET /segments?limit=200 "
	made := `POST /segments {"name":"Germans","rule":{"country":["DE"]}}`
	for line, want := range map[string]struct {
		asked   []string
		printed string
	}{
		"segments list":                                     {[]string{"GET /segments?limit=50 "}, "s1  germans  2        Germans  Readers who live in DE."},
		"segments show germans":                             {[]string{find, "POST /segments/s1/explain "}, "7        -      live in DE"},
		"segments show s1 --subscriber u1":                  {[]string{find, "POST /segments/s1/explain?subscriber_id=u1 "}, "live in DE"},
		"segments preview Germans --sample 1":               {[]string{find, "POST /segments/s1/preview?sample=1 "}, "about 7 readers\nu1 a…@reader.example\n"},
		"segments preview none":                             {[]string{find}, `error: there is no segment "none"`},
		`segments create Germans --rule {"country":["DE"]}`: {[]string{made}, "s1\tgermans\nReaders who live in DE."},
		"segments create Germans --rule @" + file:           {[]string{made}, "s1\tgermans"},
		"segments create Germans --rule nothing":            {nil, "error: read the rule:"},
		"segments snapshot germans":                         {[]string{find, "POST /segments/s1/snapshots "}, "p1\t7 readers\n"},
		"segments snapshots germans --limit 3": {[]string{find, "GET /segments/s1/snapshots?limit=3 ", "GET /segment-snapshots/p1/changes "},
			"p1  2030-01-31 09:00:00  2        7        3           1"},
		"segments snapshots germans --json": {[]string{find, "GET /segments/s1/snapshots?limit=10 "}, `"id":"p1"`},
		"segments delete germans":           {[]string{find, "DELETE /segments/s1 "}, ""},
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
				const segment = `{"id":"s1","slug":"germans","name":"Germans","version":2,"words":"Readers who live in DE."}`
				const taken = `{"id":"p1","segment":"germans","version":2,"count":7,"created_at":"2030-01-31T09:00:00Z"}`
				switch {
				case r.Method == http.MethodDelete:
					w.WriteHeader(http.StatusNoContent)
				case strings.HasSuffix(r.URL.Path, "/explain"):
					_, _ = io.WriteString(w, `{"words":"Readers who live in DE.","conditions":[{"pointer":"/rule","words":"live in DE","count":7}]}`)
				case strings.HasSuffix(r.URL.Path, "/preview"):
					_, _ = io.WriteString(w, `{"count":7,"count_is_estimate":true,"sample":[{"id":"u1","email":"a…@reader.example"}]}`)
				case strings.HasSuffix(r.URL.Path, "/changes"):
					_, _ = io.WriteString(w, `{"before":7,"after":9,"added":3,"removed":1}`)
				case strings.HasSuffix(r.URL.Path, "/snapshots") && r.Method == http.MethodPost:
					_, _ = io.WriteString(w, taken)
				case strings.HasSuffix(r.URL.Path, "/snapshots"):
					_, _ = io.WriteString(w, `{"items":[`+taken+`]}`)
				case r.Method == http.MethodPost:
					_, _ = io.WriteString(w, segment)
				default:
					_, _ = io.WriteString(w, `{"items":[`+segment+`]}`)
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
