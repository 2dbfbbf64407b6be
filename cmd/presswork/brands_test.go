package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// TestBrandsCommand asks for what it is told to: a brand is found by its slug, and a change keeps what it does not name.
func TestBrandsCommand(t *testing.T) {
	t.Parallel()
	const find = "GET /brands?limit=200 "
	for line, want := range map[string]struct {
		asked   []string
		printed string
	}{
		"brands list":       {[]string{"GET /brands?limit=50 "}, "b1  daily  2        The Daily  s1"},
		"brands show daily": {[]string{find}, `"id":"b1"`},
		"brands show none":  {[]string{find}, `error: there is no brand "none"`},
		"brands create Weekly --postal-address Street --color #000000": {
			[]string{`POST /brands {"name":"Weekly","color":"#000000","postal_address":"Street"}`}, `"slug":"daily"`},
		"brands create Weekly":                {nil, `error: required flag(s) "postal-address" not set`},
		"brands create Weekly --logo=":        {nil, `must not be empty`},
		"brands update Daily --language de":   {[]string{find, `PUT /brands/b1 {"name":"The Daily","slug":"daily","postal_address":"Street","language":"de","sender_id":"s1"}`}, `"id":"b1"`},
		"brands delete b1":                    {[]string{find, "DELETE /brands/b1 "}, ""},
		"messages send u1 receipt --brand b1": {[]string{`POST /messages {"to":{"subscriber_id":"u1"},"template":"receipt","brand_id":"b1"}`}, ""},
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
				const brand = `{"id":"b1","slug":"daily","name":"The Daily","postal_address":"Street","sender_id":"s1","version":2}`
				switch {
				case r.Method == http.MethodDelete:
					w.WriteHeader(http.StatusNoContent)
				case r.Method == http.MethodGet:
					_, _ = io.WriteString(w, `{"items":[`+brand+`]}`)
				case r.Method == http.MethodPut && r.Header.Get("If-Match") != `"2"`:
					t.Errorf("changes the version %s", r.Header.Get("If-Match"))
				default:
					_, _ = io.WriteString(w, brand)
				}
			}))
			defer api.Close()
			out, err := said(t, api.URL, line)
			if err != nil {
				out = "error: " + err.Error()
			}
			if !slices.Equal(asked, want.asked) || !strings.Contains(out, want.printed) {
				t.Errorf("asked %q, printed %q", asked, out)
			}
		})
	}
}
