package excerpt_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/provider/excerpt"
)

func TestCut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		limit int
		want  string
	}{
		{"", 0, ""}, {"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"abc", 1, "…"}, {"abc", 0, ""}, {"🎉🎉", 4, "🎉🎉"},
		{"🎉🎉🎉", 4, "🎉…"}, {"aé\xffb", 4, "aé\xffb"}, {"a\xffbc", 3, "a\xff…"},
	} {
		if got := excerpt.Cut(c.text, c.limit, excerpt.Units); got != c.want {
			t.Errorf("%q cut to %d is %q", c.text, c.limit, got)
		}
	}
}

func TestCutProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text, limit := rapid.String().Draw(t, "text"), rapid.IntRange(0, 40).Draw(t, "limit")
		got := excerpt.Cut(text, limit, excerpt.Units)
		start, cut := strings.CutSuffix(got, "…")
		switch {
		case excerpt.Cost(got, excerpt.Units) > limit || !utf8.ValidString(got):
			t.Fatalf("%q is too long or broken", got)
		case excerpt.Cost(text, excerpt.Units) <= limit && got != text:
			t.Fatalf("%q was cut for nothing", text)
		case got != text && limit > 0 && !(cut && strings.HasPrefix(text, start)):
			t.Fatalf("%q is not a start of %q", got, text)
		}
	})
}
