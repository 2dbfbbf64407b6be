package subscriber_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/subscriber"
)

func TestFilterOrder(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for want, filters := range map[subscriber.Order][]subscriber.Filter{
		subscriber.ByID:      {{}, {Search: "ann"}, {Topic: "go", Status: subscriber.Active, Country: "PT"}},
		subscriber.ByAddress: {{EmailPrefix: "a"}, {EmailPrefix: "a", From: &now}},
		subscriber.ByTime:    {{From: &now}, {Until: &now}},
	} {
		for _, f := range filters {
			if got := f.Order(); got != want {
				t.Errorf("%+v: %d, want %d", f, got, want)
			}
		}
	}
}

func TestPosition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := subscriber.PositionOf(subscriber.Subscriber{ID: rapid.Int64().Draw(t, "id"), Email: rapid.String().Draw(t, "email"),
			CreatedAt: time.UnixMicro(rapid.Int64Range(-1<<50, 1<<55).Draw(t, "at")).UTC()})
		if got, err := subscriber.ReadPosition(want.Bytes()); err != nil || got != want {
			t.Fatalf("%+v became %+v, %v", want, got, err)
		}
	})
	if _, err := subscriber.ReadPosition(make([]byte, 15)); err == nil {
		t.Error("15 bytes are a position")
	}
}

func TestSearchWords(t *testing.T) {
	t.Parallel()
	for given, want := range map[string][]string{
		"":                      {},
		"  Ann ":                {"Ann"},
		"O'Neil, Ana-María":     {"O", "Neil", "Ana", "María"},
		"a & !b | c:* <-> 'd'":  {"a", "b", "c", "d"},
		"ann@x.org":             {"ann", "x", "org"},
		"@.-":                   {},
		strings.Repeat("a ", 9): slices.Repeat([]string{"a"}, 8),
		"王 e\u0301":             {"王", "é"}, // as one letter
		"\u0301 \u037a a":       {"a"},      // marks, and what is a mark behind a space
		"ﬁ ﷻ":                   {"fi", "جل", "جلاله"},
	} {
		if got := (subscriber.Filter{Search: given}).SearchWords(); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
	}
}

func TestSearchAttributes(t *testing.T) {
	t.Parallel()
	got, err := subscriber.SearchAttributes(`{"plan":"pro","seats":4,"trial":false}`)
	if want := map[string]any{"plan": "pro", "seats": 4.0, "trial": false}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	for given, want := range map[string]string{
		``: "/attributes format", `{}`: "/attributes format", `[]`: "/attributes format", `null`: "/attributes format", `{"a":1}x`: "/attributes format",
		`{"a":{}}`: "/attributes/a format", `{"a":null}`: "/attributes/a format", `{"a b":1}`: "/attributes format", `{"a":1e999}`: "/attributes format",
		`{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1}`: "/attributes format",
	} {
		if _, err := subscriber.SearchAttributes(given); !slices.Equal(pointers(t, err), []string{want}) {
			t.Errorf("%s: %v", given, err)
		}
	}
}

func FuzzSearchAttributes(f *testing.F) {
	f.Add(`{"plan":"pro","seats":4,"trial":false}`)
	f.Add(`{"a":"\u0000"}`)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := subscriber.SearchAttributes(text)
		if err != nil {
			return
		}
		if len(got) == 0 || len(got) > subscriber.MaxSearchWords {
			t.Fatalf("%q became %v", text, got)
		}
		for name, value := range got {
			if s, is := value.(string); is && strings.ContainsRune(s, 0) || strings.ContainsAny(name, " \x00") {
				t.Fatalf("%q became %v", text, got)
			}
		}
	})
}
