package template

import "strings"

// Nearest is the one of names that wrong was probably meant to be: one letter differs, and one more for
// every five, or one is the beginning of the other. It is empty if there is none.
func Nearest(wrong string, names []string) string {
	best, least := "", len(wrong)/5+2
	for _, name := range names {
		if d := distance(wrong, name, least); d < least {
			best, least = name, d
		}
	}
	if best != "" {
		return best
	}
	for _, name := range names {
		if len(wrong) >= 3 && (strings.HasPrefix(name, wrong) || strings.HasPrefix(wrong, name)) {
			return name
		}
	}
	return ""
}

// distance is the Levenshtein distance with swapped neighbours counted once; beyond limit it is only
// known to be greater.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit || len(a) > 64 || len(b) > 64 {
		return limit + 1
	}
	var rows [3][65]int
	for j := range len(b) + 1 {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		row, above, before := &rows[(i+1)%3], &rows[i%3], &rows[(i+2)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return rows[(len(a)+1)%3][len(b)]
}
