package publication

import (
	"github.com/presswork/presswork/internal/ident"

	"time"

	"github.com/presswork/presswork/tasks"
)

// PageSize is how many subscribers one fan-out step expands.
const PageSize = 2000

// Fanout is how a publication's sending starts.
type Fanout struct {
	Publication int64
	Lane        tasks.Lane
	Renditions  []StoredRendition
	Links       []string // click targets, by number
	// Broadcasts are the channel kinds that get one message for each enabled channel of the kind.
	Broadcasts []int16
	// Ranges is into how many ranges a personal audience is split; 0: there is none.
	Ranges int
	// Inline leaves the ranges without a nudge: the caller expands them at once.
	Inline bool
}

// StoredRendition is what the render task prepared for one channel kind and language, as JSON.
type StoredRendition struct {
	Channel  int16
	Language string
	Body     []byte
}

// Page is the next part of a fan-out range.
type Page struct {
	Range       int64
	Gen         int
	Cursor, Hi  int64 // the readers come after Cursor, up to Hi
	Publication *Publication
	Readers     []Reader
}

// Last is where the page ends: at its last reader, or at the end of the range if it was not full.
func (p *Page) Last() int64 {
	if len(p.Readers) < PageSize {
		return p.Hi
	}
	return p.Readers[len(p.Readers)-1].ID
}

// Reader is a subscriber as fan-out sees them.
type Reader struct {
	ID       int64
	Language string
	Topics   []string
	// HeldFor is a reason of the ledger why they are not to be sent to before HeldUntil; 0: there is none.
	HeldFor   int16
	HeldUntil time.Time
	// Off are the kinds of channel that they do not want.
	Off []int16
	// Gathered is what they get of a digest, packed; of any other publication it is chosen.
	Gathered []byte
}

// DigestPart is what a digest has of one publication: its contents from First on, so many.
type DigestPart struct {
	First, Size int
	// Topic is the name of the first topic that the publication was for; empty if it was for everybody.
	Topic string
	// Page is the id of the publication, if it has a page of its own; zero: it has none.
	Page ident.UID
}

// Expanded is where a range is after a page.
type Expanded struct {
	Done bool
	Gen  int // of the next page
}
