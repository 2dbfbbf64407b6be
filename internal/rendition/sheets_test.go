package rendition

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/template"
)

// TestPiecesMeanTheWhole: whatever a style sheet is, cut into pieces it gives every element what it did, and leaves the same over.
func TestPiecesMeanTheWhole(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("b { margin: 0 } ", pieceSize/16)
	part := rapid.SampledFrom([]string{
		"p { color: red }", ".a p { margin: 0; padding: 1px !important }", "#i { color: blue }", long, "@media (max-width: 9px) { p { color: blue } .a { margin: 0 } }",
		"@media print {", "@media{", "@mediax p {", "@import 'x';", "@font-face { a: b }", "@page { @top-left { a: b } }", "@supports (a: b) { p { color: red } }",
		"a:hover { b: c }", "p", "{", "}", ";", ":", "color: red", "\"", "'", "\"a}b{\"", "'\t'", "\"é\"", "/* { */", "/* } **/", "/*", "*/", "/", "\\", "url(}", "(", ")",
		" ", "\n", "<!--", "-->", "@", "!important", "é", "\ufeff", "* { c: d }", "[x=y] { c: d }",
	})
	cut := 0
	rapid.Check(t, func(t *rapid.T) {
		css := strings.Join(rapid.SliceOfN(part, 0, 12).Draw(t, "css"), "")
		list := pieces(css)
		if strings.Join(list, "") != css {
			t.Fatalf("%q became %q", css, list)
		}
		cut += len(list) - 1
		const body = `<p data-pw-n="0"><b data-pw-n="1" style="color: green"></b></p><div class=a><p id=i data-pw-n="2"></p></div>`
		if want, got := made("<style>"+css+"</style>"+body), made(styleElements("<style>", css)+body); want != got {
			t.Fatalf("%q\nmakes %s\nin pieces %s", css, want, got)
		}
	})
	if cut == 0 {
		t.Error("nothing was cut: this proves nothing")
	}
}

// made is what the inliner makes of a document, as a text.
func made(numbered string) string {
	elements, leftover, err := inlined(numbered)
	return fmt.Sprint(elements, leftover, err)
}

// TestPieces has sheets that are cut, and others that must not be.
func TestPieces(t *testing.T) {
	t.Parallel()
	rule := "p { font-family: \"a}b\" }" + strings.Repeat(" ", pieceSize) + "/* { */ a { b: c }\n"
	if got, want := pieces(rule+rule), 3; len(got) != want {
		t.Errorf("%d pieces, want %d: %q", len(got), want, got)
	}
	for _, odd := range []string{"}", "{{", "@supports (a: b) {}", "p @media (x) {}", "@media{}", "'", "'\n'", "/* **/", "/*", "url(", "\\", "a { @media (x) {} }"} {
		if got := pieces(rule + rule + odd); !reflect.DeepEqual(got, []string{rule + rule + odd}) {
			t.Errorf("with %q it is cut: %q", odd, got)
		}
	}
	library, err := template.NewLibrary()
	if err != nil {
		t.Fatal(err)
	}
	for _, channel := range []string{"email", "newsletter"} {
		builtin, _ := library.Find(channel, "en")
		if css := Styles(builtin.HTML); len(pieces(css)) < len(css)/pieceSize/3 {
			t.Errorf("the sheet of %s, of %d bytes, is in %d pieces", channel, len(css), len(pieces(css)))
		}
	}
}
