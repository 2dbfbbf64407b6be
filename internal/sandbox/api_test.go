package sandbox

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// get reads a JSON document from the API.
func get[T any](t *testing.T, url string) T {
	t.Helper()
	status, _, body := call(t, http.MethodGet, url, nil, "")
	var document T
	if err := json.Unmarshal([]byte(body), &document); err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d, %s, %v", url, status, body, err)
	}
	return document
}

func TestAPI(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	for _, identity := range []string{"p1/email/1", "p1/email/2", "p1/email/2", "p1/newsletter/3"} {
		if err := sendSMTP(s, "ada@example.com", smtpMail(identity, "text")); err != nil {
			t.Fatal(err)
		}
	}
	if n := get[Counts](t, s.URL()+"/sandbox/counts")[ChannelEmail]; n.Received != 2 || n.Doubled != 1 {
		t.Errorf("counts %+v", n)
	}
	list := get[[]map[string]any](t, s.URL()+"/sandbox/messages?channel=email&limit=2")
	if len(list) != 2 || list[0]["identity"] != "p1/email/2" || list[0]["copy"] != 2.0 || list[0]["subject"] != "Hello" {
		t.Errorf("list %v", list)
	}
	if one := get[map[string]any](t, s.URL()+"/sandbox/messages/"+list[0]["id"].(string)); one["text"] != "text\r\n" || one["to"] != "ada@example.com" {
		t.Errorf("one %v", one)
	}
	_, _, lines := call(t, http.MethodGet, s.URL()+"/sandbox/identities?channel=email", nil, "")
	if lines != "p1/email/1\np1/email/2\n" {
		t.Errorf("identities %q", lines)
	}
	if _, _, lines = call(t, http.MethodGet, s.URL()+"/sandbox/identities?counts=1", nil, ""); !strings.Contains(lines, "p1/email/2\t2\np1/newsletter/3\t1\n") {
		t.Errorf("identities %q", lines)
	}
	first := get[map[string]Arrivals](t, s.URL()+"/sandbox/first")["p1"]
	if first.Received != 3 || first.Doubled != 1 || first.First.IsZero() {
		t.Errorf("first %+v", first)
	}
	if alone := get[Arrivals](t, s.URL()+"/sandbox/first?publication=p1"); !alone.First.Equal(first.First) {
		t.Errorf("alone %+v", alone)
	}
	if status, _, _ := call(t, http.MethodDelete, s.URL()+"/sandbox/messages", nil, ""); status != http.StatusNoContent || s.Counts().Total() != (ChannelCounts{}) {
		t.Errorf("reset: %d", status)
	}
}

func TestAPIFaults(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	put := func(body string) int {
		status, _, _ := call(t, http.MethodPut, s.URL()+"/sandbox/faults/slack", nil, body)
		return status
	}
	if status := put(`[{"match":"C1","outage":"unavailable"},{"latency":"5ms"}]`); status != http.StatusNoContent {
		t.Fatalf("status %d", status)
	}
	if list := get[map[string][]Fault](t, s.URL()+"/sandbox/faults")[ProviderSlack]; len(list) != 2 || list[1].Latency != 5*time.Millisecond {
		t.Errorf("faults %+v", list)
	}
	if status := put(`{"error_ratio":9}`); status != http.StatusBadRequest || len(s.Faults()[ProviderSlack]) != 2 {
		t.Errorf("a wrong fault: %d", status)
	}
	for _, path := range []string{"/sandbox/faults/slack", "/sandbox/faults"} {
		put(`{"latency":"1ms"}`)
		if status, _, _ := call(t, http.MethodDelete, s.URL()+path, nil, ""); status != http.StatusNoContent || len(s.Faults()) != 0 {
			t.Errorf("clear: %d", status)
		}
	}
}

func TestAPIRefuses(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	crossSite := http.Header{"Sec-Fetch-Site": {"cross-site"}}
	for name, test := range map[string]struct {
		method, path string
		header       http.Header
		status       int
	}{
		"no channel":          {http.MethodGet, "/sandbox/messages", nil, http.StatusBadRequest},
		"unknown message":     {http.MethodGet, "/sandbox/messages/99", nil, http.StatusNotFound},
		"unknown publication": {http.MethodGet, "/sandbox/first?publication=x", nil, http.StatusNotFound},
		"unknown provider":    {http.MethodDelete, "/sandbox/faults/pigeon", nil, http.StatusBadRequest},
		"another site":        {http.MethodDelete, "/sandbox/messages", crossSite, http.StatusForbidden},
		"unknown page":        {http.MethodGet, "/messages/99", nil, http.StatusNotFound},
		"unknown source":      {http.MethodGet, "/messages/99/source", nil, http.StatusNotFound},
		"unknown SES call":    {http.MethodGet, "/ses/v2/email/identities", nil, http.StatusNotFound},
		"unknown Discord":     {http.MethodGet, "/discord/api/v9/guilds", nil, http.StatusNotFound},
	} {
		if status, _, body := call(t, test.method, s.URL()+test.path, test.header, ""); status != test.status {
			t.Errorf("%s: %d, %s", name, status, body)
		}
	}
}
