package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// TestMessages asks for what it is told to, and prints what it is answered.
func TestMessages(t *testing.T) {
	t.Parallel()
	const (
		message = `{"id":"m1","state":"sent","reason":null,"attempts_used":1,"template":"receipt","created_by":"admin","created_at":"2030-01-02T03:04:05Z"}`
		seen    = `{"message":` + message + `,"delivery":{"channel":"email","state":"sent","attempts":[{"number":1,"at":"2030-01-02T03:04:06Z","outcome":"sent"}],"events":[]}}`
	)
	for line, want := range map[string]struct{ asked, printed string }{
		"messages list": {"GET /messages?limit=50 ", "m1  admin    2030-01-02 03:04:05  receipt   sent   -       1"},
		"messages list --limit 3 --state completed --template t1 --subscriber s1 --json": {
			"GET /messages?limit=3&publication_state=completed&subscriber_id=s1&template_id=t1 ", `[{"id":"m1"`},
		"messages get m1":           {"GET /messages/m1 ", "email: sent -\n  2030-01-02 03:04:06.000  attempt 1  sent"},
		"messages get m1 --json":    {"GET /messages/m1 ", `{"message":{"id":"m1"`},
		"messages cancel m1":        {"POST /messages/m1/cancel ", "email: sent"},
		"messages cancel m1 --json": {"POST /messages/m1/cancel ", `{"message":{"id":"m1"`},
		"messages send s1 receipt":  {`POST /messages {"to":{"subscriber_id":"s1"},"template":"receipt"}`, `{"id":"m1"`},
		"messages send a@x.org receipt --data {\"order\":7} --name Ann --language de --sender d1 --track --expires 2040-01-02T03:04:05Z --key k": {
			`POST /messages {"to":{"email":"a@x.org","name":"Ann","language":"de"},"template":"receipt","data":{"order":7},"sender_id":"d1","expires_at":"2040-01-02T03:04:05Z","track":true}`,
			`{"id":"m1"`},
		"messages send a@x.org receipt --data [7]":    {"", "error: the data is not a JSON object"},
		"messages send a@x.org":                       {"", "error: accepts 2 arg(s)"},
		"messages send a@x.org receipt --expires now": {"", "error: invalid argument"},
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
				if strings.Contains(line, "--key k") && r.Header.Get("Idempotency-Key") != "k" {
					t.Errorf("key %q", r.Header.Get("Idempotency-Key"))
				}
				switch {
				case r.URL.Path == "/api/v1/messages" && r.Method == http.MethodPost:
					w.WriteHeader(http.StatusAccepted)
					_, _ = io.WriteString(w, `{"id":"m1","created_at":"2030-01-02T03:04:05Z"}`)
				case r.URL.Path == "/api/v1/messages":
					_, _ = io.WriteString(w, `{"items":[`+message+`]}`)
				default:
					_, _ = io.WriteString(w, seen)
				}
			}))
			defer api.Close()
			out, err := said(t, api.URL, line)
			if err != nil {
				out = "error: " + err.Error()
			}
			if want := slices.DeleteFunc([]string{want.asked}, func(s string) bool { return s == "" }); !slices.Equal(asked, want) {
				t.Errorf("asked %q, not %q", asked, want)
			}
			if !strings.Contains(out, want.printed) {
				t.Errorf("printed %q, without %q", out, want.printed)
			}
		})
	}
}
