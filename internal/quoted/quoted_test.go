package quoted_test

import (
	"bytes"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/quoted"
)

// normal is text as it arrives: every kind of line break becomes CRLF.
func normal(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	return strings.ReplaceAll(s, "\n", "\r\n")
}

// check holds what encoded text promises: it decodes to the text, in lines that any relay carries unchanged.
func check(t interface{ Fatalf(string, ...any) }, encoded []byte, text string) {
	for _, line := range strings.Split(string(encoded), "\r\n") {
		switch {
		case len(line) > 76:
			t.Fatalf("a line of %d characters: %q", len(line), line)
		case strings.HasPrefix(line, "."), strings.HasPrefix(line, "From "), strings.HasSuffix(line, " "), strings.HasSuffix(line, "\t"):
			t.Fatalf("a relay may change the line %q", line)
		case strings.ContainsFunc(line, func(r rune) bool { return r > '~' || r < ' ' && r != '\t' }):
			t.Fatalf("not printable ASCII: %q", line)
		}
	}
	if strings.HasSuffix(string(encoded), "=\r\n") {
		t.Fatalf("ends in a soft line break: %q", encoded)
	}
	decoded, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(string(encoded))))
	if err != nil || string(decoded) != normal(text) {
		t.Fatalf("%q became %q, %v\n%s", normal(text), decoded, err, encoded)
	}
}

// anyText is of what matters: blanks, dots, line breaks, equals signs, long words, what is not ASCII.
func anyText() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"", "F", "Fro", "From ", "m x", ".", "\r", "\n", "\r\n", " ", "=", "\x00", strings.Repeat("x", 75), strings.Repeat("y", 200)}),
		rapid.StringOfN(rapid.RuneFrom([]rune("ab .=\t\n\rFromü🎉\x00")), 0, 200, -1),
		rapid.StringMatching(`https://example\.org/t/c/[A-Za-z0-9_-]{40,90}/`),
	)
}

func TestAppend(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := anyText().Draw(t, "text")
		check(t, quoted.Append(nil, text), text)
	})
}

// A form that is filled says what its pieces and values say one after the other, however they meet.
func TestForm(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(anyText(), 0, 20).Draw(t, "values")
		var pieces []quoted.Piece
		var want strings.Builder
		for range rapid.IntRange(0, 12).Draw(t, "pieces") {
			p := quoted.Piece{Text: anyText().Draw(t, "piece"), Blank: rapid.IntRange(quoted.None, 21).Draw(t, "blank")}
			pieces = append(pieces, p)
			want.WriteString(p.Text)
			if p.Blank != quoted.None && p.Blank < len(values) {
				want.WriteString(values[p.Blank])
			}
		}
		form := quoted.NewForm(pieces)
		for range 2 { // a form is not used up
			text := form.Fill(values)
			if text.String() != want.String() || text.Len() != want.Len() {
				t.Fatalf("%q with length %d, not %q", text, text.Len(), want.String())
			}
			prefix := "before\r\n"
			encoded := text.Append([]byte(prefix))
			if !strings.HasPrefix(string(encoded), prefix) {
				t.Fatalf("what was in the buffer is lost: %q", encoded)
			}
			check(t, encoded[len(prefix):], want.String())
		}
	})
}

func TestPlain(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "a", "a = b\n"} {
		text := quoted.Plain(s)
		if text.String() != s || text.Len() != len(s) || !bytes.Equal(text.Append(nil), quoted.Append(nil, s)) {
			t.Errorf("%q became %q", s, text)
		}
	}
}

func BenchmarkFormAppend(b *testing.B) {
	var pieces []quoted.Piece
	for i := range 20 {
		pieces = append(pieces, quoted.Piece{Text: strings.Repeat(`<p style="margin:0 0 1em">Ten things.</p>`, 12), Blank: i % 3})
	}
	text := quoted.NewForm(pieces).Fill([]string{"https://example.org/t/c/" + strings.Repeat("x", 48) + "/", "Ada", "ada@example.org"})
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	var buf []byte
	for b.Loop() {
		buf = text.Append(buf[:0])
	}
}
