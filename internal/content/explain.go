package content

// Basis says how far an explanation can be trusted.
type Basis string

// The bases.
const (
	// Exact: the reader is as they were, and the choice was made anew to see why.
	Exact Basis = "exact"
	// Alike: the reader was changed since. As they are now they would get the same, for these reasons.
	Alike Basis = "alike"
	// Changed: the reader was changed since and would get something else now. What spoke for an item whoever the reader is
	// remains; what their topics and language added is not known any more.
	Changed Basis = "changed"
)

// Explain says why a reader got the chosen items, by making the choice again: it depends on nothing but the items, which a
// publication pins, and on the reader. kept says that the reader is as they were then. chosen are indexes of items, best first,
// out of at most n.
func (c *Chooser) Explain(reader Profile, kept bool, chosen []int, n int) ([]Choice, Basis, error) {
	for _, index := range chosen {
		if index < 0 || index >= len(c.base) {
			return nil, "", ErrChoice
		}
	}
	again := c.Choose(reader, n)
	same := len(again) == len(chosen)
	for i := range chosen {
		same = same && again[i].Index == chosen[i]
	}
	switch {
	case same && kept:
		return again, Exact, nil
	case same:
		return again, Alike, nil
	}
	known := make([]Choice, len(chosen))
	for i, index := range chosen {
		known[i] = Choice{Index: index, Score: c.base[index], Reasons: c.reasons[index]}
	}
	return known, Changed, nil
}
