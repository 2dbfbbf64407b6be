package template_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/template"
)

// plainEngine takes every source for text without variables, except "bad".
type plainEngine struct{}

func (plainEngine) Parse(name, source string, _ template.Kind) (template.Program, error) {
	if source == "bad" {
		return nil, template.ErrorAt(name, source, 0, "is bad")
	}
	return plainProgram{}, nil
}

func (plainEngine) Freeze(v any) any { return v }

type plainProgram struct{}

func (plainProgram) Uses(...string) ([]template.Use, bool) { return nil, false }

func (plainProgram) Escape(s string) string { return s }

func (plainProgram) Variables() []template.Variable { return nil }

func (plainProgram) Render(map[string]any) (string, error) { return "", nil }

func TestNewSet(t *testing.T) {
	t.Parallel()
	source := template.Source{Subject: "s", HTML: "<p>h</p>"}
	set, err := template.NewSet(plainEngine{}, " plain ", "email", map[string]template.Source{"EN": source, "pt-br": source})
	if err != nil {
		t.Fatal(err)
	}
	if set.Name != "plain" || set.Channel != "email" || len(set.Languages) != 2 || set.Languages["pt-BR"] != source || set.Languages["en"] != source {
		t.Errorf("got %+v", set)
	}
}

func TestNewSetPlacesProblems(t *testing.T) {
	t.Parallel()
	good := template.Source{Subject: "s", HTML: "<p>h</p>"}
	many := map[string]template.Source{}
	for i := range template.MaxLanguages + 1 {
		many[fmt.Sprint(i)] = good
	}
	for name, c := range map[string]struct {
		name, channel string
		languages     map[string]template.Source
		want          []string
	}{
		"none":     {"n", "email", nil, []string{"/languages required"}},
		"too many": {"n", "email", many, []string{"/languages too_many"}},
		"twice":    {"n", "email", map[string]template.Source{"en": good, "EN": good}, []string{"/languages/en duplicate"}},
		"told once": {"", "fax", map[string]template.Source{"de": {Text: "t"}, "en": {Text: "t"}},
			[]string{"/name length", "/channel unknown"}},
		"each its own": {"n", "email", map[string]template.Source{"de": {Subject: "bad", HTML: "h"}, "en": {HTML: "bad"}, "a/b": good},
			[]string{"/languages/a~1b language", "/languages/de/subject syntax", "/languages/en/subject required", "/languages/en/html syntax"}},
	} {
		_, err := template.NewSet(plainEngine{}, c.name, c.channel, c.languages)
		var e *fault.Error
		if !errors.As(err, &e) || e.Kind != fault.Invalid {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, f := range e.Fields {
			got = append(got, f.Pointer+" "+f.Code)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}
