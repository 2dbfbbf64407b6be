package publication

import (
	"github.com/presswork/presswork/internal/bulk"
	"github.com/presswork/presswork/internal/ident"
)

// Item is one of many changes that are asked for in one call.
type Item struct {
	// Err is what is wrong with it as it stands; then nothing else is looked at.
	Err    error
	Action bulk.Action
	// UID is what an update or a deletion is about; Check is asked about its version, and may refuse.
	UID   ident.UID
	Check func(version int) error
	// New is what to make, without a key; Change what it shall be.
	New    Submission
	Change Change
}
