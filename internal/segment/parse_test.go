package segment_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/segment"
	"github.com/presswork/presswork/internal/testkit/rules"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]segment.Rule{
		`{"topic":{"any":["Go"," go ","db"]}}`: segment.Topic{Slugs: []string{"db", "go"}},
		`{"topic":{"all":["b","a"]}}`:          segment.Topic{Slugs: []string{"a", "b"}, Every: true},
		`{"all":[{"country":["de","AT"]},{"not":{"language":["pt-br"]}}]}`: segment.All{
			segment.Country{Codes: []string{"AT", "DE"}}, segment.Not{Rule: segment.Language{Tags: []string{"pt-BR"}}},
		},
		`{"any":[{"segment":"VIP"}]}`:                                          segment.Any{segment.Member{Slug: "vip"}},
		`{"attribute":{"name":"plan","op":"eq","value":"pro"}}`:                segment.Attribute{Name: "plan", Op: segment.Eq, Value: "pro"},
		`{"attribute":{"name":"n","op":"gte","value":-0.0}}`:                   segment.Attribute{Name: "n", Op: segment.Gte, Value: 0.0},
		`{"attribute":{"name":"n","op":"in","value":[2,"x",1,2.0,true]}}`:      segment.Attribute{Name: "n", Op: segment.In, Values: []any{"x", 1.0, 2.0, true}},
		`{"attribute":{"name":"n","op":"exists"}}`:                             segment.Attribute{Name: "n", Op: segment.Exists, Value: true},
		`{"attribute":{"name":"n","op":"exists","value":false}}`:               segment.Attribute{Name: "n", Op: segment.Exists, Value: false},
		`{"inactive":{"days":30}}`:                                             segment.Inactive{Days: 30},
		`{"channel":{"takes":"email"}}`:                                        segment.Channel{Kind: "email"},
		`{"channel":{"engaged":"newsletter","days":7}}`:                        segment.Channel{Kind: "newsletter", Days: 7},
		`{"engagement":{"metric":"sent","weeks":52,"op":"lt","value":3}}`:      segment.Engagement{Metric: segment.Sent, Weeks: 52, Op: segment.Lt, Value: 3},
		`{"engagement":{"metric":"open_rate","weeks":1,"op":"gt","value":.7}}`: nil,
		`{"engagement":{"metric":"open_rate","weeks":1,"op":"gt","value":0.7}}`: segment.Engagement{
			Metric: segment.OpenRate, Weeks: 1, Op: segment.Gt, Value: 0.7, MinSent: 1,
		},
		`{"created":{"after":"2026-01-31","before":"2026-02-01T01:00:00+01:00"}}`: nil,
		`{"created":{"after":"2026-01-31T01:00:00+01:00"}}`:                       segment.Created{After: time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)},
	} {
		got, err := segment.Parse([]byte(text), "/rule")
		if want == nil {
			if strings.Contains(text, "created") && err != nil {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %#v, %v", text, got, err)
		}
	}
}

func TestParseTellsAllThatIsWrong(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{}`:                                     "/rule one_of",
		`[]`:                                     "/rule one_of",
		`{"topic":{"any":["a"]},"country":[]}`:   "/rule one_of",
		`{"status":["active"]}`:                  "/rule/status unknown",
		`{"all":[]}`:                             "/rule/all count",
		`{"not":[]}`:                             "/rule/not one_of",
		`{"topic":{"any":[]}}`:                   "/rule/topic/any count",
		`{"topic":{"any":["a"],"all":["b"]}}`:    "/rule/topic one_of",
		`{"topic":["a"]}`:                        "/rule/topic type",
		`{"topic":{"some":["a"]}}`:               "/rule/topic/some unknown,/rule/topic one_of",
		`{"country":["DE","EU","D",1,"xx"]}`:     "/rule/country/1 format,/rule/country/2 format,/rule/country/3 type,/rule/country/4 format",
		`{"language":["und"]}`:                   "/rule/language/0 format",
		`{"segment":7}`:                          "/rule/segment type",
		`{"inactive":{}}`:                        "/rule/inactive/days range",
		`{"inactive":{"days":1.5,"x":1}}`:        "/rule/inactive/x unknown,/rule/inactive/days range",
		`{"channel":{"takes":"slack"}}`:          "/rule/channel/takes one_of",
		`{"channel":{"takes":"email","days":1}}`: "/rule/channel/days not_allowed",
		`{"channel":{"engaged":"email"}}`:        "/rule/channel/days range",
		`{"channel":{}}`:                         "/rule/channel one_of",
		`{"created":{}}`:                         "/rule/created one_of",
		`{"created":{"after":"2026-02-30"}}`:     "/rule/created/after format",
		`{"created":{"after":"2026-02-01","before":"2026-02-01"}}`: "/rule/created/before range",
		`{"attribute":{"name":"a b","op":"is"}}`:                   "/rule/attribute/name format,/rule/attribute/op one_of",
		`{"attribute":{"name":"a","op":"eq"}}`:                     "/rule/attribute/value required",
		`{"attribute":{"name":"a","op":"eq","value":null}}`:        "/rule/attribute/value type",
		`{"attribute":{"name":"a","op":"gt","value":true}}`:        "/rule/attribute/value type",
		`{"attribute":{"name":"a","op":"contains","value":1}}`:     "/rule/attribute/value type",
		`{"attribute":{"name":"a","op":"in","value":["x",[]]}}`:    "/rule/attribute/value/1 type",
		`{"attribute":{"name":"a","op":"eq","value":1e999}}`:       "/rule/attribute/value range",
		`{"engagement":{"metric":"open_rate","weeks":53,"op":"ne","value":1.1,"min_sent":0}}`: "/rule/engagement/weeks range," +
			"/rule/engagement/op one_of,/rule/engagement/value range,/rule/engagement/min_sent range",
		`{"engagement":{"metric":"sent","weeks":1,"op":"gt","value":1.5,"min_sent":1}}`:     "/rule/engagement/value range,/rule/engagement/min_sent not_allowed",
		`{"any":[{"country":[]},{"all":[{"topic":3}]}]}`:                                    "/rule/any/0/country count,/rule/any/1/all/0/topic type",
		strings.Repeat(`{"not":`, 10) + `{"inactive":{"days":1}}` + strings.Repeat(`}`, 10): "/rule" + strings.Repeat("/not", 10) + " too_deep",
		`{"all":[` + strings.Repeat(`{"all":[`+strings.Repeat(`{"inactive":{"days":1}},`, 50)+`{"inactive":{"days":1}}]},`, 1) +
			`{"all":[` + strings.Repeat(`{"inactive":{"days":1}},`, 49) + `{"inactive":{"days":1}}]}]}`: "/rule too_many",
	} {
		_, err := segment.Parse([]byte(text), "/rule")
		var e *fault.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got []string
		for _, f := range e.Fields {
			got = append(got, f.Pointer+" "+f.Code)
		}
		if strings.Join(got, ",") != want {
			t.Errorf("%s: %s, not %s", text, got, want)
		}
	}
	for _, text := range []string{``, `{`, `{"all":[]} {}`, `{"not":{}}]`} {
		if _, err := segment.Parse([]byte(text), "/rule"); !fault.Is(err, fault.Malformed) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// What is parsed is in the one form in which it is written.
func TestCanonicalForm(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := segment.Encode(rules.Rule(5, time.Now(), "one", "two").Draw(t, "rule"))
		rule, err := segment.Parse(text, "")
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		again, err := segment.Parse(segment.Encode(rule), "")
		if err != nil || !reflect.DeepEqual(rule, again) {
			t.Fatalf("%s: %#v is read as %#v, %v", text, rule, again, err)
		}
		if segment.Describe(rule) == "" || strings.Contains(segment.Describe(rule), "nobody") {
			t.Fatalf("%s: %q", text, segment.Describe(rule))
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"all":[{"topic":{"any":["go"]}},{"attribute":{"name":"plan","op":"in","value":["pro",1]}},{"not":{"created":{"after":"2026-01-31"}}}]}`))
	f.Add([]byte(`{"engagement":{"metric":"open_rate","weeks":12,"op":"gt","value":0.7,"min_sent":3}}`))
	f.Add([]byte(`{"any":[{"inactive":{"days":30}},{"country":["DE"]},{"language":["de"]},{"channel":{"takes":"email"}},{"segment":"vip"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		rule, err := segment.Parse(text, "/rule")
		if err != nil {
			if rule != nil {
				t.Errorf("%v with %v", rule, err)
			}
			return
		}
		again, err := segment.Parse(segment.Encode(rule), "/rule")
		if err != nil || !reflect.DeepEqual(rule, again) {
			t.Errorf("%#v is read as %#v, %v", rule, again, err)
		}
		if n := segment.Conditions(rule); n < 1 || n > segment.MaxConditions {
			t.Errorf("%d conditions", n)
		}
		if segment.Describe(rule) == "" {
			t.Error("no words")
		}
	})
}
