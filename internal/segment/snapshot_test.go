package segment_test

import (
	"testing"

	"github.com/presswork/presswork/internal/idset"
	"github.com/presswork/presswork/internal/segment"
)

// A change sums up what came and what went, block by block.
func TestChange(t *testing.T) {
	t.Parallel()
	of := func(places ...int) (b idset.Block) {
		for _, place := range places {
			b.Set(place)
		}
		return b
	}
	var c segment.Change
	c.Add(of(1, 2, 3, 8191), of(3, 4))
	if want := (segment.Change{Before: 4, After: 2, Added: 1, Removed: 3}); c != want {
		t.Errorf("%+v, not %+v", c, want)
	}
	c.Add(of(), of(7))
	c.Add(of(5), of())
	if want := (segment.Change{Before: 5, After: 3, Added: 2, Removed: 4}); c != want {
		t.Errorf("%+v, not %+v", c, want)
	}
}
