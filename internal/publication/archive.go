package publication

import (
	"time"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

// pageKind is the name of the channel kind whose publications have a public page.
const pageKind = "newsletter"

// parseListed decides whether the public archive lists a publication: what the client says, or else only what was
// meant for anybody who cares to read it. Something for named people, an alert or a transaction is never listed
// unless the client asks.
func parseListed(f *fault.Fields, asked *bool, o Order, channels []Channel) bool {
	_, hasPage := channelNamed(channels, pageKind)
	if asked != nil {
		if *asked && !hasPage {
			f.Add("/listed", "not_allowed", "must be false without the channel %s: there is no public page", pageKind)
		}
		return *asked
	}
	return hasPage && forAnybody(o.Type) && (o.Audience.All || len(o.Audience.Topics) > 0)
}

// forAnybody reports a type that is written for whoever wants to read it.
func forAnybody(t Type) bool { return t == Newsletter || t == Digest || t == Announcement }

// OutStates are those in which a publication, once its sending has begun, goes out or went out. In any other it was
// stopped, and the archive shows it only if somebody got it before.
func OutStates() []State { return []State{Sending, Completed, CompletedWithFailures} }

// ArchiveFilter chooses from the public archive.
type ArchiveFilter struct {
	// Topic is the slug of a topic that the publication was for; empty: all.
	Topic string
	// Brand is the internal id of the brand that the publication is of; 0: of all and of none.
	Brand int32
	// Before is the one that the list goes on after, zero: from the newest on. Limit is how many to return at most.
	Before ident.UID
	Limit  int
}

// ArchiveList is a part of the public archive, newest first.
type ArchiveList struct {
	// Topic is the name of the topic that was asked for.
	Topic   string
	Entries []ArchiveEntry
}

// ArchiveEntry is a publication in the archive.
type ArchiveEntry struct {
	ID    int64
	UID   ident.UID
	Title string
	// Out is when it began to go out.
	Out time.Time
}
