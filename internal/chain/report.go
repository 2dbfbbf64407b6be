package chain

// Problem is one of the things that can be wrong with a log.
type Problem string

// The problems.
const (
	// BlockAltered: the block is not as it was sealed, or stands in another's place.
	BlockAltered Problem = "block_altered"
	// BlockMissing: its number is not there, though a later one is.
	BlockMissing Problem = "block_missing"
	// BlockUnlinked: it is as it was sealed, and follows another block than the one before it.
	BlockUnlinked Problem = "block_unlinked"
	// BlockKeyUnknown: it cannot be verified, for want of its key.
	BlockKeyUnknown Problem = "block_key_unknown"
	// BlockKeyReturned: it is sealed with a key that had been given up for another, as by somebody who found it.
	BlockKeyReturned Problem = "block_key_returned"
	// BeginningAltered: what was removed at the beginning was not removed by Presswork.
	BeginningAltered Problem = "beginning_altered"
	// EventAltered, EventMissing and EventAdded: a row is not as it was sealed, is gone, or was not there.
	EventAltered Problem = "event_altered"
	EventMissing Problem = "event_missing"
	EventAdded   Problem = "event_added"
	// AnchorLost: the chain does not contain the block that was noted elsewhere: its end was cut off, or it was made anew.
	AnchorLost Problem = "anchor_lost"
)

// Finding is a problem and where it is.
type Finding struct {
	Problem Problem `json:"problem"`
	Block   int64   `json:"block,omitempty"`
	Event   int64   `json:"event,omitempty"`
}

// maxFindings bounds how many are listed. All are counted.
const maxFindings = 100

// maxUnsealed bounds how many unsealed events are counted.
const maxUnsealed = 1_000_000

// Report is what a verification found.
type Report struct {
	// Intact: nothing is wrong.
	Intact bool `json:"intact"`
	// Blocks and Events that were looked at.
	Blocks int64 `json:"blocks"`
	Events int64 `json:"events"`
	// First and Newest are the numbers of the first and the last block that were looked at, 0 if there is none.
	First  int64 `json:"first"`
	Newest int64 `json:"newest"`
	// Anchor is the newest block as Mark writes it, to be kept elsewhere; "" if there is none.
	Anchor string `json:"anchor,omitempty"`
	// Purged is the number of the last block that was removed because its time was over.
	Purged int64 `json:"purged_through"`
	// Unsealed is how many events are in no block yet, a million at most.
	Unsealed int64 `json:"unsealed"`
	// Found is how many problems there are; the first hundred are in Findings, in the order of blocks.
	Found    int64     `json:"found"`
	Findings []Finding `json:"findings"`
	// AnchorPurged: the block that was to be found was removed because its time was over, and cannot be compared.
	AnchorPurged bool `json:"anchor_purged,omitempty"`
}

// FirstBroken is the number of the first block with a problem, 0 if there is none.
func (r Report) FirstBroken() int64 {
	for _, f := range r.Findings {
		if f.Block > 0 {
			return f.Block
		}
	}
	return 0
}
