// Package cell knows the cells of CSV files. It keeps them from being formulas: a spreadsheet calculates what begins with certain signs,
// whoever wrote it (OWASP, CSV Injection).
package cell

import (
	"strings"
	"unicode/utf8"
)

// formulaSigns begin what a spreadsheet would calculate, full-width forms included.
const formulaSigns = "=+-@\t\r\n＝＋－＠"

// Guard puts a ' before a cell that a spreadsheet would take for a formula, and before one that looks guarded already, so
// that Unguard gives back exactly what was there.
func Guard(text string) string {
	if guardable(text) {
		return "'" + text
	}
	return text
}

// Unguard takes away what Guard put there.
func Unguard(text string) string {
	if rest, is := strings.CutPrefix(text, "'"); is && guardable(rest) {
		return rest
	}
	return text
}

func guardable(text string) bool {
	return strings.IndexAny(strings.TrimLeft(text, "'"), formulaSigns) == 0
}

// UnknownName says what is wrong with a header that has a name which is not known, alone or beside others: as a code, and for people.
// Programs that are not told otherwise write their own form of CSV.
func UnknownName(name string, alone bool) (code, detail string) {
	switch {
	case !utf8.ValidString(name):
		return "encoding", "is not UTF-8"
	case alone && strings.ContainsAny(name, ";\t"):
		return "csv_syntax", "must have commas between the names, not semicolons or tabs"
	default:
		return "unknown_column", "has a name that is not known"
	}
}
