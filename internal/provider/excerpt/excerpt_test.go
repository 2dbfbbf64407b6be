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

func TestSplit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text       string
		limit      int
		head, rest string
	}{
		{"", 3, "", ""}, {"abc", 3, "abc", ""}, {"abcd", 3, "abc", "d"}, {"ab cd", 3, "ab", "cd"}, {"abc cd", 3, "abc", "cd"},
		{"one two three", 9, "one two", "three"}, {"one two\nthree four", 14, "one two", "three four"},
		{"one\n\ntwo\n three", 8, "one\n\ntwo", " three"}, {"one\n two three", 6, "one", " two three"},
		{"a\n\nbcdefgh ijk", 9, "a\n\nbcdefg", "h ijk"}, {" abcdefg", 4, " abc", "defg"}, {"🎉🎉🎉", 4, "🎉🎉", "🎉"},
	} {
		if head, rest := excerpt.Split(c.text, c.limit, excerpt.Units); head != c.head || rest != c.rest {
			t.Errorf("%q split at %d is %q and %q, want %q and %q", c.text, c.limit, head, rest, c.head, c.rest)
		}
	}
}

// TestSplitProperties: the parts have everything but white space, the first fits, and it is never nothing.
func TestSplitProperties(t *testing.T) {
	t.Parallel()
	word := rapid.SampledFrom([]string{"a", "word", "🎉", "é", " ", "  ", "\n", "\n\n", "\r\n", "longer than the limit"})
	dense := func(s string) string { return strings.Join(strings.Fields(s), "") }
	rapid.Check(t, func(t *rapid.T) {
		text, limit := strings.Join(rapid.SliceOf(word).Draw(t, "text"), ""), rapid.IntRange(2, 40).Draw(t, "limit")
		head, rest := excerpt.Split(text, limit, excerpt.Units)
		switch {
		case excerpt.Cost(head, excerpt.Units) > limit:
			t.Fatalf("%q is too long", head)
		case dense(head)+dense(rest) != dense(text):
			t.Fatalf("%q became %q and %q", text, head, rest)
		case len(rest) >= len(text) && text != "":
			t.Fatalf("nothing was taken from %q", text)
		case excerpt.Cost(text, excerpt.Units) <= limit && head != text:
			t.Fatalf("%q was split for nothing", text)
		}
	})
}
