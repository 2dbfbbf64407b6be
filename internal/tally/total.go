// Package tally is how many things there are, as far as that is worth finding out.
package tally

// Most is up to how many are counted one by one: beyond that nobody reads a list to its end, and an estimate does.
const Most = 10_000

// Total is how many there are.
type Total struct {
	// N is never negative.
	N int64
	// Estimate says that it was reckoned from what the database knows of its tables, not counted. It may be far off where the
	// tables have changed a lot just now, or a filter names what is rare.
	Estimate bool
}
