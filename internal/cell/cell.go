// Package cell keeps the cells of a CSV file from being formulas: a spreadsheet calculates what begins with certain signs,
// whoever wrote it (OWASP, CSV Injection).
package cell

import "strings"

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
