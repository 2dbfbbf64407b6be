package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestKeys asks for what it is told to, and prints the text of a key where there is one.
func TestKeys(t *testing.T) {
	t.Parallel()
	const text = "pwk_0123456789_THETEXT"
	for line, want := range map[string]struct{ asked, printed string }{
		"keys list":                  {"GET /api-keys?limit=50 ", "k1  CMS   publisher  topics:read  0123456789  -"},
		"keys list --limit 3 --json": {"GET /api-keys?limit=3 ", `[{"id":"k1"`},
		"keys create --name CMS --role publisher --scope topics:read --scope topics:write --rate 5 --expires 2030-01-02T00:00:00Z": {
			`POST /api-keys {"name":"CMS","role":"publisher","scopes":["topics:read","topics:write"],"expires_at":"2030-01-02T00:00:00Z","rate_per_hour":5}`, text},
		"keys create --name CMS --role ops --json":  {`POST /api-keys {"name":"CMS","role":"ops"}`, `"key":"` + text},
		"keys create --name CMS":                    {"", `error: required flag(s) "role" not set`},
		"keys create --name= --role ops":            {"", "must not be empty"},
		"keys create --name a --role b --expires x": {"", "--expires"},
		"keys rotate k1":                            {`POST /api-keys/k1/rotate {"overlap_seconds":86400}`, text},
		"keys rotate k1 --overlap 0s":               {`POST /api-keys/k1/rotate {"overlap_seconds":0}`, text},
		"keys rotate k1 --overlap 1h --json":        {`POST /api-keys/k1/rotate {"overlap_seconds":3600}`, `"key":"` + text},
		"keys revoke k1":                            {"DELETE /api-keys/k1 ", ""},
		"keys revoke":                               {"", "error: accepts 1 arg(s)"},
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
				const entry = `{"id":"k1","name":"CMS","role":"publisher","scopes":["topics:read"],"secrets":[{"prefix":"0123456789"}]`
				switch r.Method {
				case http.MethodDelete:
					w.WriteHeader(http.StatusNoContent)
				case http.MethodPost:
					_, _ = io.WriteString(w, entry+`,"key":"`+text+`"}`)
				default:
					_, _ = io.WriteString(w, `{"items":[`+entry+`}]}`)
				}
			}))
			defer api.Close()
			out, err := said(t, api.URL, line)
			if err != nil {
				out = "error: " + err.Error()
			}
			if got := strings.Join(asked, ", "); got != want.asked || !strings.Contains(out, want.printed) || want.printed == "" && out != "" {
				t.Errorf("asked %q, printed %q", got, out)
			}
		})
	}
}

// TestTokens: what is issued is what is shown, and what cannot be issued is told.
func TestTokens(t *testing.T) {
	dir := t.TempDir()
	for name, value := range map[string]string{"PRESSWORK_DATA_DIR": dir, "SECRET_KEY": "", "DATABASE_URL": "", "ENVIRONMENT": "",
		"PRESSWORK_JWT_ISSUER": "https://i.example.org", "PRESSWORK_JWT_AUDIENCE": "presswork", "PRESSWORK_JWKS_URL": ""} {
		t.Setenv(name, value)
	}
	run := func(line ...string) (string, error) {
		var out strings.Builder
		root := rootCommand()
		root.SetArgs(append([]string{"tokens"}, line...))
		root.SetOut(&out)
		root.SetErr(io.Discard)
		err := root.ExecuteContext(t.Context())
		return out.String(), err
	}
	issue := []string{"issue", "--subject", "ann", "--role", "ops", "--scope", "queues:read", "--expires", "1h"}
	if _, err := run(issue...); err == nil || !strings.Contains(err.Error(), "SECRET_KEY is not set") {
		t.Errorf("without a key: %v", err)
	}
	t.Setenv("SECRET_KEY", strings.Repeat("k", 40))
	token, err := run(issue...)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := run("show", strings.TrimSpace(token))
	for _, part := range []string{`"alg":"HS256"`, `"iss":"https://i.example.org"`, `"aud":["presswork"]`, `"sub":"ann"`, `"roles":["ops"]`, `"scope":"queues:read"`, `"exp":`} {
		if err != nil || !strings.Contains(shown, part) {
			t.Errorf("%s lacks %s: %v", shown, part, err)
		}
	}
	for want, line := range map[string][]string{
		`"root" is no role`: {"issue", "--subject", "x", "--role", "root"},
		`"x:y" is no scope`: {"issue", "--subject", "x", "--role", "ops", "--scope", "x:y"},
		`required flag(s)`:  {"issue"},
		"three parts":       {"show", "x.y"},
		"part 1 of":         {"show", "x.y.z"},
		"part 2 of":         {"show", "e30.!.e30"},
		"needs a secret, a subject and a lifetime": {"issue", "--subject", "x", "--role", "ops", "--expires", "-1s"},
	} {
		if _, err := run(line...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", line, err)
		}
	}
	t.Setenv("PRESSWORK_JWKS_URL", "https://i.example.org/jwks")
	if _, err := run(issue...); err == nil || !strings.Contains(err.Error(), "PRESSWORK_JWKS_URL") {
		t.Errorf("with an issuer of its own: %v", err)
	}
	t.Setenv("PRESSWORK_JWKS_URL", "")
	t.Setenv("PRESSWORK_JWT_ISSUER", "")
	t.Setenv("PRESSWORK_JWT_AUDIENCE", "")
	if _, err := run(issue...); err == nil || !strings.Contains(err.Error(), "PRESSWORK_JWT_ISSUER") {
		t.Errorf("without an issuer: %v", err)
	}
	if len(strings.Fields(token)) != 1 {
		t.Errorf("more than a token is printed: %q", token)
	}
}
