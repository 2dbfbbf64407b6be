package publication

import (
	"encoding/json"
	"time"

	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/tasks"
)

// Type is what sort of message it is.
type Type string

// The types.
const (
	Announcement  Type = "announcement"
	Newsletter    Type = "newsletter"
	Digest        Type = "digest"
	Alert         Type = "alert"
	Transactional Type = "transactional"
)

// Priority is how urgent it is.
type Priority string

// The priorities.
const (
	Critical Priority = "critical"
	High     Priority = "high"
	Normal   Priority = "normal"
	Bulk     Priority = "bulk"
)

// SmallAudience is the largest audience that is expanded inline and sent in the critical lane.
const SmallAudience = 500

// LargeAudience is the smallest audience that goes to the bulk lane whatever its priority, unless urgent.
const LargeAudience = 10_000

// LaneOf is where the work of a publication belongs once the size of its audience is known; size < 0
// means not known yet.
func LaneOf(p Priority, size int) tasks.Lane {
	switch {
	case p == Critical || p == High:
		return tasks.LaneCritical
	case p == Bulk || size >= LargeAudience:
		return tasks.LaneBulk
	case size >= 0 && size <= SmallAudience:
		return tasks.LaneCritical
	default:
		return tasks.LaneNormal
	}
}

// Audience says who a publication is for: everybody, or those who chose one of the topics, or belong to one of the segments, or
// did when a snapshot was taken, or the named subscribers; minus the excluded. Exactly one of All, Topics, Segments, Snapshot and
// Subscribers is set.
// It is stored as JSON in the column audience.
type Audience struct {
	All bool `json:"all,omitempty"`
	// Topics are ids of the table topic.
	Topics []int32 `json:"topics,omitempty"`
	// Subscribers and Exclude are ids of the table subscriber.
	Subscribers []int64 `json:"subscribers,omitempty"`
	Exclude     []int64 `json:"exclude,omitempty"`
	// Segments and ExcludeSegments are as they were when the publication was accepted.
	Segments        []SegmentPin `json:"segments,omitempty"`
	ExcludeSegments []SegmentPin `json:"exclude_segments,omitempty"`
	// Digest, instead of all of these, is the digest of what was held back for its readers.
	Digest int64 `json:"digest,omitempty"`
	// Snapshot is of a segment: those who belonged to it then. Who is no active reader any more is left out.
	Snapshot *SnapshotPin `json:"snapshot,omitempty"`
}

// Gathered reports that it is a digest of what was held back, so that each of its readers gets something else.
func (p *Publication) Gathered() bool { return p.Audience.Digest != 0 }

// SnapshotPin is a snapshot of a segment.
type SnapshotPin struct {
	ID  int64     `json:"id"`
	UID ident.UID `json:"uid"`
}

// ByRule reports whether it is asked of each reader whether they belong to it.
func (a Audience) ByRule() bool { return len(a.Segments)+len(a.ExcludeSegments) > 0 }

// SegmentPin is a segment with its rule at one version, which refers to no other segment.
type SegmentPin struct {
	ID      int32           `json:"id"`
	Slug    string          `json:"slug"`
	Version int             `json:"version"`
	Rule    json.RawMessage `json:"rule"`
}

// Pin is a content item at the version that was newest when the publication was accepted.
type Pin struct {
	ID      int64 `json:"id"`
	Version int   `json:"version"`
}

// Publication as it is stored.
type Publication struct {
	ID       int64
	UID      ident.UID
	Title    string
	Type     Type
	Priority Priority
	Lane     tasks.Lane
	State    State
	Failure  string
	// Channels are ids of channel kinds.
	Channels    []int16
	Audience    Audience
	Contents    []Pin
	Attachments []ident.UID    // files that go with every mail
	Templates   map[string]Pin // by channel kind; absent: the built-in one
	Data        map[string]any
	// RatePerMinute is the most messages a minute on each of its channels; 0: as fast as the channels take them.
	RatePerMinute int
	SenderID      *int32
	ScheduledAt   *time.Time
	CreatedBy     string
	CorrelationID string
	CreatedAt     time.Time
	StartedAt     *time.Time
	CompletedAt   *time.Time
	UpdatedAt     time.Time
	Version       int
}
