package contract_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/testkit/contract"
)

const topic = `{"id":"01985a1e-7c00-7000-8000-000000000001","slug":"go","name":"Go","description":"","public":true,"version":1,"created_at":"2030-01-31T09:00:00Z"}`

// made is an exchange that is as described.
func made() contract.Exchange {
	return contract.Exchange{
		Method: http.MethodPost, URI: "/api/v1/topics", Status: http.StatusCreated, Sent: []byte(`{"name":"Go"}`), Body: []byte(topic),
		Request: http.Header{"Content-Type": {"application/json"}},
		Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}, "X-Correlation-Id": {"c-1"}, "Etag": {`"1"`},
			"Location": {"/api/v1/topics/01985a1e-7c00-7000-8000-000000000001"}},
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*contract.Exchange)
		want   string // a part of what is wrong; "": nothing
	}{
		"as described":       {func(*contract.Exchange) {}, ""},
		"unknown path":       {func(e *contract.Exchange) { e.URI, e.Status = "/elsewhere", 200 }, ""},
		"preflight":          {func(e *contract.Exchange) { e.Method, e.Status = http.MethodOptions, 204 }, ""},
		"refused method":     {func(e *contract.Exchange) { e.Method, e.Status = http.MethodPatch, 405 }, ""},
		"undescribed method": {func(e *contract.Exchange) { e.Method = http.MethodPatch }, "a method that is not described"},
		"undescribed status": {func(e *contract.Exchange) { e.Status = 418 }, "the status 418"},
		"undescribed field":  {func(e *contract.Exchange) { e.Body = []byte(strings.Replace(topic, "{", `{"more":1,`, 1)) }, "more"},
		"missing field":      {func(e *contract.Exchange) { e.Body = []byte(strings.Replace(topic, `"slug":"go",`, "", 1)) }, "slug"},
		"bad format":         {func(e *contract.Exchange) { e.Body = []byte(strings.Replace(topic, "2030-01-31T", "", 1)) }, "date-time"},
		"no JSON":            {func(e *contract.Exchange) { e.Body = []byte("{") }, "not JSON"},
		"other media":        {func(e *contract.Exchange) { e.Header.Set("Content-Type", "text/html") }, `"text/html"`},
		"missing header":     {func(e *contract.Exchange) { e.Header.Del("Location") }, "no header Location"},
		"bad header":         {func(e *contract.Exchange) { e.Header.Set("Location", "/x") }, "the header Location"},
		"undescribed header": {func(e *contract.Exchange) { e.Header.Set("Retry-After", "1") }, "Retry-After"},
		"accepted body":      {func(e *contract.Exchange) { e.Sent = []byte(`{"name":"Go","more":1}`) }, "the request"},
		"accepted parameter": {func(e *contract.Exchange) { e.URI += "?x=1" }, "the parameter x"},
		"body that is not there": {func(e *contract.Exchange) {
			e.Method, e.URI, e.Status = http.MethodDelete, "/api/v1/topics/01985a1e-7c00-7000-8000-000000000001", 204
			e.Header.Del("Location")
		}, "a body that is not described"},
		"bad parameter": {func(e *contract.Exchange) {
			e.Method, e.URI, e.Status, e.Body = http.MethodGet, "/api/v1/topics?limit=900", 200, []byte(`{"items":[]}`)
			e.Header.Del("Location")
		}, "the parameter limit"},
	} {
		e := made()
		c.change(&e)
		err := contract.Check(e)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckEvent(t *testing.T) {
	t.Parallel()
	good := `{"specversion":"1.0","id":"01985a1e-7c00-7000-8000-00000000000d","source":"https://news.example.com","type":"presswork.test",
		"subject":"x","time":"2030-01-31T09:00:00Z","datacontenttype":"application/json","data":{"endpoint":"01985a1e-7c00-7000-8000-00000000000c"}}`
	for name, c := range map[string]struct {
		eventType, old, new, want string
	}{
		"as described":     {"presswork.test", "", "", ""},
		"no such event":    {"presswork.other", "", "", "no webhook"},
		"a channel's":      {"publication.published", good, `{"type":"publication.published","timestamp":"2030-01-31T09:00:00Z","data":{"id":"x","title":"News","items":[]}}`, ""},
		"a channel's, odd": {"publication.published", good, `{"type":"publication.published","data":{"id":"x","title":"News","items":[]}}`, "timestamp"},
		"another's type":   {"presswork.test", "presswork.test", "channel.enabled", "/type"},
		"a field too many": {"presswork.test", `"endpoint"`, `"more":1,"endpoint"`, "more"},
		"a field too few":  {"presswork.test", `"subject":"x",`, "", "subject"},
		"something else":   {"presswork.test", "{", "", "not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := good
			if c.old != "" {
				body = strings.Replace(good, c.old, c.new, 1)
			}
			err := contract.CheckEvent(c.eventType, []byte(body))
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// BenchmarkCheck: it has to cost less than a request does.
func BenchmarkCheck(b *testing.B) {
	e := made()
	for b.Loop() {
		if err := contract.Check(e); err != nil {
			b.Fatal(err)
		}
	}
}
