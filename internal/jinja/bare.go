package jinja

import (
	"regexp"
	"strings"

	"github.com/mitsuhiko/minijinja/minijinja-go/v2/filters"
	"github.com/mitsuhiko/minijinja/minijinja-go/v2/value"
)

// bare matches the end of a text in which an attribute's value begins that has no quotation marks. It also matches the end of
// "a = " in a paragraph, where what __bare does shows nothing.
var bare = regexp.MustCompile(`[\s"'/][A-Za-z_:][-\w:.]*\s*=\s*[^\s"'<>=]*$`)

// bareAfter reports whether what follows a text belongs to a value without quotation marks; within, whether what stands before
// the text does.
func bareAfter(within bool, text string) bool {
	return bare.MatchString(text) || within && !strings.ContainsAny(text, " \t\n\r\f<>\"'")
}

// bareEscapes are what ends such a value, or did in old browsers, besides what is escaped anyway.
var bareEscapes = strings.NewReplacer(" ", "&#32;", "\t", "&#9;", "\n", "&#10;", "\r", "&#13;", "\f", "&#12;", "`", "&#96;")

// bareValue is put behind what an HTML template writes into an attribute's value without quotation marks: a reader's name must
// not begin another attribute. What the template calls safe HTML is left alone.
func bareValue(_ filters.State, v value.Value, _ filterArgs, _ keywords) (value.Value, error) {
	if v.IsSafe() {
		return v, nil
	}
	return value.FromSafeString(bareEscapes.Replace(escaped(v))), nil
}
