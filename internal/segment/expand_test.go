package segment_test

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/segment"
)

func TestExpand(t *testing.T) {
	t.Parallel()
	de, at := segment.Country{Codes: []string{"DE"}}, segment.Country{Codes: []string{"AT"}}
	member := func(slug string) segment.Rule { return segment.Member{Slug: slug} }
	many := segment.All(slices.Repeat([]segment.Rule{de}, segment.MaxConditions))
	known := map[string]segment.Rule{
		"de": de, "dach": segment.Any{member("de"), at}, "self": segment.Not{Rule: member("self")},
		"ping": member("pong"), "pong": member("ping"), "many": many,
	}
	for i := range 6 {
		known[fmt.Sprint("d", i)] = member(fmt.Sprint("d", i+1))
	}
	known["d6"] = de
	for name, c := range map[string]struct {
		rule segment.Rule
		own  string
		want segment.Rule
		code string
		at   string // "/rule/segment" unless said
	}{
		"nothing to do": {rule: de, want: de},
		"nested":        {rule: segment.All{member("dach"), segment.Not{Rule: member("de")}}, want: segment.All{segment.Any{de, at}, segment.Not{Rule: de}}},
		"twice":         {rule: segment.Any{member("de"), member("de")}, want: segment.Any{de, de}},
		"unknown":       {rule: member("who"), code: "unknown_segment"},
		"far in":        {rule: segment.All{de, segment.Any{at, segment.Not{Rule: member("who")}}}, code: "unknown_segment", at: "/rule/all/1/any/1/not/segment"},
		"which leads":   {rule: segment.Any{member("de"), member("ping")}, code: "cycle", at: "/rule/any/1/segment"},
		"itself":        {rule: member("self"), code: "cycle"},
		"a ring":        {rule: member("ping"), code: "cycle"},
		"into a ring":   {rule: member("de"), own: "de", code: "cycle"},
		"far down":      {rule: member("dach"), own: "de", code: "cycle"},
		"five deep":     {rule: member("d2"), want: de},
		"seven deep":    {rule: member("d0"), code: "too_deep"},
		"500":           {rule: segment.Any(slices.Repeat([]segment.Rule{member("many")}, 5)), want: segment.Any{many, many, many, many, many}},
		"600":           {rule: segment.Any(slices.Repeat([]segment.Rule{member("many")}, 6)), code: "too_many", at: "/rule"},
		"millions":      {rule: segment.Any(slices.Repeat([]segment.Rule{segment.Any(slices.Repeat([]segment.Rule{member("many")}, 90))}, 90)), code: "too_many", at: "/rule"},
	} {
		got, err := segment.Expand(c.rule, c.own, known, "/rule")
		if c.code == "" {
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("%s: %#v, %v", name, got, err)
			}
			continue
		}
		var e *fault.Error
		if !errors.As(err, &e) || len(e.Fields) != 1 || e.Fields[0].Code != c.code || e.Fields[0].Pointer != cmp.Or(c.at, "/rule/segment") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	s, err := segment.New(" Readers in Germany ", "", "", []byte(`{"country":["DE"]}`))
	if err != nil || s.Slug != "readers in germany" || s.Name != "Readers in Germany" {
		t.Errorf("%+v, %v", s, err)
	}
	_, err = segment.New("", "%", strings.Repeat("x", 501), nil)
	var e *fault.Error
	if !errors.As(err, &e) || len(e.Fields) != 4 {
		t.Errorf("%v", err)
	}
	if _, err := segment.New("x", "", "", []byte(`{`)); !fault.Is(err, fault.Malformed) {
		t.Error(err)
	}
}

// Each ready-made segment is one that a client could have written.
func TestReadyMades(t *testing.T) {
	t.Parallel()
	for _, r := range segment.ReadyMades() {
		value := map[string]string{"": "", "topic": "go", "country": "DE"}[r.Needs]
		text := segment.Encode(r.With(value))
		rule, err := segment.Parse(text, "")
		if err != nil || !reflect.DeepEqual(rule, r.With(value)) {
			t.Errorf("%s: %s, %v", r.Key, text, err)
		}
		if again, ok := segment.FindReadyMade(r.Key); !ok || again.Name != r.Name {
			t.Errorf("%s is %+v", r.Key, again)
		}
	}
	if _, ok := segment.FindReadyMade("other"); ok {
		t.Error("there is another")
	}
}
