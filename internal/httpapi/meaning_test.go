package httpapi

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
)

// TestMeaning: what fits is judged though other parts do not, and what does not fit is not judged.
func TestMeaning(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][]string{
		`{"yes":1}`:                                        {"/yes wrong_type", "/text required", "/whole small"},
		`{"text":1}`:                                       {"/text wrong_type", "/whole small"},
		`{"Text":"a","whole":1}`:                           {"/Text unknown_field", "/text required"},
		`{"text":"a","text":"b"}`:                          {"/text duplicate_field", "/whole small"},
		`{"at":"yesterday","id":"x"}`:                      {"/at format", "/id format", "/text required", "/whole small"},
		`{"list":[1,"","x",{}],"whole":1,"text":"a"}`:      {"/list/0 wrong_type", "/list/3 wrong_type", "/list/1 empty"},
		`{"nested":[{"b":1},{"a":7},{"a":"x"}],"whole":1}`: {"/nested/0/b unknown_field", "/nested/2/a wrong_type", "/text required", "/nested/0/a small"},
		`{"pointer":{"a":"1"},"text":"a"}`:                 {"/pointer/a wrong_type", "/whole small"},
		`{"list":[1],"text":"few"}`:                        {"/list/0 wrong_type", "/whole small"}, // and nothing of how many there are
		`{"list":"a","text":"few"}`:                        {"/list wrong_type", "/whole small"},
		`{"yes":1,"text":"few"}`:                           {"/yes wrong_type", "/whole small", "/list short"},
		`[]`:                                               {" wrong_type"},
		`{"text":"","whole":0,"real":"x"}`:                 {"/real wrong_type", "/text required", "/whole small"},
		`{"map":{"a/b":1},"text":"a"}`:                     {"/map/a~1b wrong_type", "/whole small"},
		`{"any":{"id":9007199254740993}}`:                  {"/any/id wrong_type", "/text required", "/whole small"},
		`{"any":1,"text":"\u0000","yes":""}`:               {"/any wrong_type", "/text format", "/yes wrong_type", "/whole small"},
	} {
		if got := faults(decodeJSON([]byte(body), new(sample), judge)); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", body, got, want)
		}
	}
	if err := decodeJSON([]byte(`{"yes":true}`), new(sample), judge); err != nil {
		t.Errorf("what fits was judged: %v", err)
	}
	many := `{"list":[` + strings.Repeat("1,", maxFieldErrors-2) + `1],"nope":1}`
	if got := faults(decodeJSON([]byte(many), new(sample), judge)); len(got) != maxFieldErrors || got[maxFieldErrors-1] != "/nope unknown_field" {
		t.Errorf("%d problems", len(got))
	}
}

// judge wants a text, a whole of at least one, no empty text in the list and no small number in what is nested.
func judge(v sample) error {
	var f fault.Fields
	if v.Text == "" {
		f.Add("/text", "required", "is required")
	}
	if v.Whole < 1 {
		f.Add("/whole", "small", "is small")
	}
	if v.Text == "few" && len(v.List) < 2 {
		f.Add("/list", "short", "is short")
	}
	for i, text := range v.List {
		if text == "" {
			f.Add("/list/"+string(rune('0'+i)), "empty", "is empty")
		}
	}
	for i, n := range v.Nested {
		if n.A < 5 {
			f.Add("/nested/"+string(rune('0'+i))+"/a", "small", "is small")
		}
	}
	return f.Err()
}

func faults(err error) []string {
	var e *fault.Error
	if !errors.As(err, &e) {
		return nil
	}
	var list []string
	for _, f := range e.Fields {
		list = append(list, f.Pointer+" "+f.Code)
	}
	return list
}

// TestEverythingIsToldAtOnce: a field that is unknown hides nothing of what else is wrong, wherever a body is read.
func TestEverythingIsToldAtOnce(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t, func(d *Deps) {
		d.Reputation = stored[ReputationStore](t, d)
		d.Suppressions, d.DeadLetters, d.Uncertain = stored[SuppressionStore](t, d), stored[DeadLetterStore](t, d), stored[UncertainStore](t, d)
	})
	draft, other := n.draft(nil), n.draft(nil)
	topic := n.do("POST", "/api/v1/topics", `{"name":"News"}`).location()
	sender := n.do("POST", "/api/v1/senders", `{"name":"one","from_name":"One","from_email":"one@example.org","postal_address":"Street 1"}`).location()
	webhook := n.do("POST", "/api/v1/webhook-endpoints", `{"url":"https://crm.example.org"}`).location()
	key := n.do("POST", "/api/v1/api-keys", `{"name":"one","role":"analyst"}`).location()
	channel := n.do("POST", "/api/v1/channels", `{"kind":"slack","provider":"slack","name":"s","enabled":false,"settings":{"channel":"C1"},"secrets":{"token":"xoxb-123456789"}}`).location()
	for at, body := range map[string]string{
		"POST /api/v1/topics":                 `{"slug":"a/b"}`,
		"PUT " + topic:                        `{}`,
		"POST /api/v1/contents":               `{"format":"pdf","quality":3}`,
		"PUT /api/v1/contents/" + n.content:   `{"format":"pdf","quality":3}`,
		"POST /api/v1/templates":              `{"channel":"fax","languages":{"en":{"subject":"{{"}}}`,
		"PUT /api/v1/templates/" + n.template: `{"channel":"slack"}`,
		"POST /api/v1/channels":               `{"kind":"slack","provider":"slack","name":"A B"}`,
		"PUT " + channel:                      `{"kind":"slack","provider":"slack","name":"A B"}`,
		"POST /api/v1/senders":                `{"from_email":"x"}`,
		"PUT " + sender:                       `{"from_email":"x"}`,
		"POST /api/v1/subscribers":            `{"email":"x","language":"?","timezone":"?","status":"gone"}`,
		"PUT /api/v1/subscribers/" + n.reader: `{"email":"x","language":"?"}`,
		"POST /api/v1/subscribers/bulk":       `{"mode":"some","items":[{"action":"make"},{"action":"create","subscriber":{"email":"x"}}]}`,
		"POST /api/v1/publications":           `{"schedule_at":"now","channels":["fax"]}`,
		"PUT " + draft:                        `{"schedule_at":"now","channels":["fax"]}`,
		"POST " + draft + "/publish":          `{"schedule_at":"now"}`,
		"POST " + draft + "/clone":            `{"schedule_at":"now","title":""}`,
		"POST " + draft + "/reject":           `{"version":1}`,
		"POST " + other + "/rollback":         `{"version":9}`,
		"POST /api/v1/publications/bulk":      `{"items":[{"action":"create","publication":{"title":""}},{"action":"delete"}]}`,
		"POST /api/v1/api-keys":               `{"role":"king","rate_per_hour":-1}`,
		"POST " + key + "/rotate":             `{"overlap_seconds":-1}`,
		"POST /api/v1/webhook-endpoints":      `{"url":"x","events":["nothing"],"secret":"short"}`,
		"PUT " + webhook:                      `{"url":"x","events":["nothing"]}`,
		"POST " + webhook + "/rotate-secret":  `{"overlap_seconds":-1,"secret":"short"}`,
		"POST " + webhook + "/recover":        `{}`,
		"POST /api/v1/suppressions":           `{"email":"x"}`,
		"POST /api/v1/dead-letters/replays":   `{"all":true,"canary":-1,"max_failing":2}`,
		"POST /api/v1/uncertain/decide":       `{"decision":"perhaps","reason":"none"}`,
	} {
		method, path, _ := strings.Cut(at, " ")
		alone := problems(n.do(method, path, body, "If-Match: *"))
		with := problems(n.do(method, path, strings.Replace(strings.Replace(body, "{", `{"nonsense":1,`, 1), ",}", "}", 1), "If-Match: *"))
		if want := append([]string{"/nonsense unknown_field"}, alone...); len(alone) == 0 || !slices.Equal(with, want) {
			t.Errorf("%s: %q, without what is unknown %q", at, with, alone)
		}
	}
}

// TestNothingFalseIsTold: what cannot be read is not taken for absent where something else hangs on it.
func TestNothingFalseIsTold(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t, func(d *Deps) {
		d.DeadLetters, d.Uncertain = stored[DeadLetterStore](t, d), stored[UncertainStore](t, d)
	})
	for _, c := range []struct {
		path, body string
		want       []string
	}{
		{"publications", `{"title":"A","publication_type":"alert","channels":["email"],"content_ids":["` + n.content + `"],"audience":{"topics":"news"}}`,
			[]string{"/audience/topics wrong_type"}},
		{"publications", `{"title":"A","publication_type":"alert","channels":"email","content_ids":["` + n.content + `"],"audience":{"all":true},"listed":true,
			"template_ids":{"email":"` + n.template + `"},"attachments":["` + n.template + `"]}`, []string{"/channels wrong_type"}},
		{"templates", `{"name":"A","channel":"email","languages":{"en":"text"}}`, []string{"/languages/en wrong_type"}},
		{"templates", `{"name":"A","channel":5,"languages":{"en":{"subject":"a","html":"<p>a</p>"}}}`, []string{"/channel wrong_type"}},
		{"dead-letters/replays", `{"filter":{"channel":5},"canary":-1}`, []string{"/filter/channel wrong_type", "/canary range"}},
		{"dead-letters/replays", `{"filter":{"queues":"email"}}`, []string{"/filter/queues unknown_field"}},
		{"dead-letters/replays", `{"filter":{"queue":"email"},"all":"yes"}`, []string{"/all wrong_type"}},
		{"uncertain/decide", `{"decision":"perhaps","ids":5}`, []string{"/ids wrong_type", "/decision unknown_decision"}},
		{"uncertain/decide", `{"decision":"resend","id":[5]}`, []string{"/id unknown_field"}},
	} {
		n.do("POST", "/api/v1/"+c.path, c.body).problem(http.StatusUnprocessableEntity, "invalid_input", c.want...)
	}
	n.do("POST", "/api/v1/dead-letters/replays", `{}`).problem(http.StatusUnprocessableEntity, "invalid_input", "/all filter_required")
}

// stored is the database of an API as another of its stores.
func stored[S any](t *testing.T, d *Deps) S {
	t.Helper()
	store, ok := d.Topics.(S)
	if !ok {
		t.Fatalf("%T is not that store", d.Topics)
	}
	return store
}

func problems(r answer) []string {
	r.t.Helper()
	r.want(http.StatusUnprocessableEntity)
	var list []string
	for _, f := range read[wire.Problem](r).Errors {
		list = append(list, f.Pointer+" "+f.Code)
	}
	return list
}
