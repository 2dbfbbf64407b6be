package tasks

import (
	"fmt"
	"time"
)

// Personalize expands the next page of one range of a publication's audience into ledger rows and
// batches. It may be repeated: a page that was already expanded changes nothing.
type Personalize struct {
	Version int `json:"v"`
	// Range is the id of the fan-out range.
	Range int64 `json:"range"`
	// Gen is the generation of the nudge.
	Gen int `json:"gen"`
}

// NewPersonalize makes the payload.
func NewPersonalize(fanoutRange int64, gen int) Personalize {
	return Personalize{Version: Version, Range: fanoutRange, Gen: gen}
}

// Kind is "personalize".
func (Personalize) Kind() Kind { return KindPersonalize }

// ID is "p:<range>:<gen>".
func (t Personalize) ID() string { return fmt.Sprintf("p:%d:%d", t.Range, t.Gen) }

// Queue is critical, personalize or personalize-bulk.
func (Personalize) Queue(lane Lane) string {
	return byLane(lane, QueuePersonalize, QueuePersonalizeBulk)
}

// PersonalizeTimeout bounds the expansion of one page.
const PersonalizeTimeout = time.Minute
