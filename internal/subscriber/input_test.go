package subscriber_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	_ "time/tzdata" // as the program does

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/subscriber"
)

func TestNewNormalises(t *testing.T) {
	t.Parallel()
	got, err := subscriber.New(subscriber.Input{
		Email: " Anna@BÜCHER.example ", Name: "  Anna Ólafs ", Language: "PT-br", Timezone: "Europe/Lisbon",
		Topics: []string{"Go \t x ", "art", "go X", "İstanbul"}, Attributes: map[string]any{"city": "Faro", "age": 30.0, "vip": true},
		ConsentSource: "form",
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Email != "anna@xn--bcher-kva.example" || got.Name != "Anna Ólafs" || got.Language != "pt-BR" ||
		got.Timezone != "Europe/Lisbon" || got.Status != subscriber.Active || len(got.Attributes) != 3 {
		t.Errorf("got %+v", got)
	}
	if want := []string{"art", "go x", "istanbul"}; !slices.Equal(got.Topics, want) {
		t.Errorf("topics %q, want %q", got.Topics, want)
	}
}

func TestNewDefaults(t *testing.T) {
	t.Parallel()
	got, err := subscriber.New(subscriber.Input{Email: "a@x.org"})
	if err != nil {
		t.Fatal(err)
	}
	if got.Language != "en" || got.Timezone != "UTC" || got.Status != subscriber.Active || got.Attributes == nil || got.Topics == nil {
		t.Errorf("got %+v", got)
	}
}

// pointers are the pointers and codes of an Invalid error, in order.
func pointers(t *testing.T, err error) []string {
	t.Helper()
	var e *fault.Error
	if !errors.As(err, &e) || e.Kind != fault.Invalid {
		t.Fatalf("not an Invalid error: %v", err)
	}
	var out []string
	for _, f := range e.Fields {
		out = append(out, f.Pointer+" "+f.Code)
	}
	return out
}

func TestNewCollectsEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := subscriber.New(subscriber.Input{
		Email: "secret@", Name: "a\nb", Language: "klingonish", Timezone: "Mars/Base", Status: "gone",
		Topics: []string{"ok", "a/b", ""}, Attributes: map[string]any{"ok": 1.0, "list": []any{}, "no name": 1.0},
		ConsentSource: strings.Repeat("x", 201),
	})
	want := []string{
		"/email format", "/name format", "/language format", "/timezone format", "/status unknown_status",
		"/topics/1 format", "/topics/2 format", "/attributes/list format", "/attributes format",
		"/consent_source too_long",
	}
	if got := pointers(t, err); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the error shows the address: %v", err)
	}
}

func TestNewLimits(t *testing.T) {
	t.Parallel()
	many := map[string]any{}
	for i := range 51 {
		many[fmt.Sprintf("a%d", i)] = true
	}
	for name, c := range map[string]struct {
		in   subscriber.Input
		want string // empty: fine
	}{
		"name 200":          {subscriber.Input{Name: strings.Repeat("ä", 200)}, ""},
		"name 201":          {subscriber.Input{Name: strings.Repeat("ä", 201)}, "/name too_long"},
		"name bad UTF-8":    {subscriber.Input{Name: "\xff"}, "/name format"},
		"topic 100":         {subscriber.Input{Topics: []string{strings.Repeat("ä", 100)}}, ""},
		"topic 101":         {subscriber.Input{Topics: []string{strings.Repeat("a", 101)}}, "/topics/0 format"},
		"topic sign":        {subscriber.Input{Topics: []string{"c++"}}, "/topics/0 format"},
		"topic all signs":   {subscriber.Input{Topics: []string{"World News_2-b"}}, ""},
		"topic NUL":         {subscriber.Input{Topics: []string{"a\x00b"}}, "/topics/0 format"},
		"51 topics":         {subscriber.Input{Topics: make([]string, 51)}, "/topics too_many"},
		"51 attributes":     {subscriber.Input{Attributes: many}, "/attributes too_many"},
		"11 KB":             {subscriber.Input{Attributes: map[string]any{"a": strings.Repeat("x", 11<<10)}}, "/attributes too_long"},
		"null attribute":    {subscriber.Input{Attributes: map[string]any{"a": nil}}, "/attributes/a format"},
		"nested attribute":  {subscriber.Input{Attributes: map[string]any{"a": map[string]any{}}}, "/attributes/a format"},
		"NaN attribute":     {subscriber.Input{Attributes: map[string]any{"a": math.NaN()}}, "/attributes/a format"},
		"NUL attribute":     {subscriber.Input{Attributes: map[string]any{"a": "\x00"}}, "/attributes/a format"},
		"zone Local":        {subscriber.Input{Timezone: "Local"}, "/timezone format"},
		"zone of the host":  {subscriber.Input{Timezone: "localtime"}, "/timezone format"},
		"zone by a copy":    {subscriber.Input{Timezone: "posix/Europe/Lisbon"}, "/timezone format"},
		"zone path":         {subscriber.Input{Timezone: "../../etc/passwd"}, "/timezone format"},
		"zone":              {subscriber.Input{Timezone: "America/Argentina/Ushuaia"}, ""},
		"language und":      {subscriber.Input{Language: "und"}, "/language format"},
		"language too long": {subscriber.Input{Language: "en-" + strings.Repeat("x-a", 20)}, "/language format"},
		"language old":      {subscriber.Input{Language: "iw"}, ""},
	} {
		c.in.Email = "a@x.org"
		_, err := subscriber.New(c.in)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if got := pointers(t, err); !slices.Equal(got, []string{c.want}) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// What New accepts it accepts again, unchanged.
func TestNewIsStable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := subscriber.Input{
			Email:    rapid.StringMatching(`[a-zA-Z.]{1,5}@[a-zäöA-Z]{1,5}\.(org|EXAMPLE)`).Draw(t, "email"),
			Name:     rapid.String().Draw(t, "name"),
			Language: rapid.StringMatching(`([a-zA-Z]{2,3}([-_][a-zA-Z]{2,4})?)?`).Draw(t, "language"),
			Topics:   rapid.SliceOfN(rapid.StringMatching(`[\pL\d _-]{1,10}`), 0, 5).Draw(t, "topics"),
		}
		first, err := subscriber.New(in)
		if err != nil {
			return
		}
		second, err := subscriber.New(subscriber.Input{
			Email: first.Email, Name: first.Name, Language: first.Language, Timezone: first.Timezone,
			Status: string(first.Status), Topics: first.Topics,
		})
		if err != nil || second.Email != first.Email || second.Name != first.Name || second.Language != first.Language ||
			!slices.Equal(first.Topics, second.Topics) {
			t.Fatalf("%+v became %+v, %v", first, second, err)
		}
	})
}

func FuzzNew(f *testing.F) {
	f.Add("a@x.org", "Anna", "en", "UTC", "topic")
	f.Add("a@x.org", "Anna", "x-private", "Etc/GMT+1", "topic")
	f.Fuzz(func(_ *testing.T, email, name, language, timezone, topic string) {
		_, _ = subscriber.New(subscriber.Input{Email: email, Name: name, Language: language, Timezone: timezone, Topics: []string{topic}})
	})
}
