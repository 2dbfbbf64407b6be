package publication

import (
	"slices"
	"time"

	"github.com/presswork/presswork/internal/ident"
)

// Summary is a publication as clients see it: what it refers to by public ids, a large audience by its size.
type Summary struct {
	// ID is the internal id; lists are ordered by it.
	ID          int64
	UID         ident.UID
	Title       string
	Type        Type
	Priority    Priority
	State       State
	Failure     string
	Channels    []int16 // ids of channel kinds
	Audience    AudienceSummary
	Contents    []Ref
	Attachments []Attachment
	Templates   map[string]Ref // by channel kind
	Sender      *ident.UID
	Brand       *ident.UID // the sender's; nil for none
	ScheduledAt *time.Time
	ByLocalTime bool // at LocalTime of ScheduledAt, by each reader's own clock
	Listed      bool // in the public archive, once it is out
	// RatePerMinute is the most messages a minute on each channel; 0: no limit of its own.
	RatePerMinute int
	// Approval is nil if nobody asked for one; ClonedFrom what it is a clone of, nil for nothing.
	Approval    *Approval
	ClonedFrom  *ident.UID
	CreatedBy   string
	CreatedAt   time.Time
	StartedAt   *time.Time
	CompletedAt *time.Time
	UpdatedAt   time.Time
	Version     int
}

// AudienceSummary says who a publication is for.
type AudienceSummary struct {
	All bool `json:"all"`
	// Topics are slugs.
	Topics []string `json:"topics"`
	// Subscribers is how many are named, Excluded how many are left out.
	Subscribers int `json:"subscribers"`
	Excluded    int `json:"excluded"`
	// Segments and ExcludeSegments are slugs.
	Segments        []string `json:"segments"`
	ExcludeSegments []string `json:"exclude_segments"`
	// Digest: it is for those for whom something was held back.
	Digest bool `json:"digest"`
	// Snapshot is the id of a snapshot of a segment; zero: it is for none.
	Snapshot ident.UID `json:"snapshot"`
}

// Ref is a content item or a template at its pinned version. UID is zero once it was deleted.
type Ref struct {
	UID     ident.UID `json:"id"`
	Version int       `json:"version"`
}

// Attachment is a file that goes with every mail. Name is empty once it was deleted.
type Attachment struct {
	UID       ident.UID `json:"id"`
	Name      string    `json:"name"`
	MediaType string    `json:"media_type"`
	Size      int64     `json:"size"`
}

// Filter chooses publications for a list, newest first. The zero value of a part lets all through.
type Filter struct {
	States []State
	Types  []Type
	// Approval chooses by the state of the review; empty: any, or none.
	Approval ApprovalState
	// Since is the earliest creation.
	Since time.Time
	// Before is the internal id that the list goes on after; Limit is how many to return at most.
	Before int64
	Limit  int
}

// Messages reports whether messages are listed as well: only where transactional ones are asked for.
func (f Filter) Messages() bool { return slices.Contains(f.Types, Transactional) }
