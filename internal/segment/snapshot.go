package segment

import (
	"time"

	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/idset"
)

// Snapshot is who belonged to a segment at a moment. Whoever is erased is taken out of it; else it does not change.
type Snapshot struct {
	ID  int64
	UID ident.UID
	// Segment is the slug of the segment, Version the one that it had, and Rule its rule then, which refers to no other segment.
	Segment string
	Version int
	Rule    Rule
	// Count is how many belong to it.
	Count     int64
	CreatedAt time.Time
}

// Change is how a segment went from one moment to another.
type Change struct {
	// Before and After are how many belonged to it then, Added those of the latter who are not among the former, and Removed
	// those of the former who are not among the latter.
	Before, After, Added, Removed int64
}

// Add counts the members of a block of ids before and after.
func (c *Change) Add(before, after idset.Block) {
	both := before.Common(after)
	c.Before += int64(before.Len())
	c.After += int64(after.Len())
	c.Added += int64(after.Len() - both)
	c.Removed += int64(before.Len() - both)
}

// MaxSnapshots is how many snapshots a segment may have.
const MaxSnapshots = 100
