package publication

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

// Limits of a request (REQUIREMENTS B7 and C1).
const (
	MaxTitle       = 200    // characters
	MaxChannels    = 10     // distinct
	MaxContents    = 100    // distinct
	MaxAttachments = 10     // distinct
	MaxTopics      = 50     // of an audience
	MaxSubscribers = 10_000 // named in an audience, and as many excluded
	MaxData        = 64 << 10
	MaxAhead       = 30 * 24 * time.Hour
	MaxRate        = 1_000_000 // messages a minute
)

// Request is a publication as a client hands it in: JSON, not yet believed.
type Request struct {
	Title    string   `json:"title"`
	Type     string   `json:"publication_type"`
	Priority string   `json:"priority,omitempty"`
	Channels []string `json:"channels"`
	Contents []string `json:"content_ids"`
	// Attachments are ids of uploaded files that go with every mail.
	Attachments []string `json:"attachments,omitempty"`
	// Audience may be absent when no channel is personal.
	Audience *AudienceRequest `json:"audience,omitempty"`
	// Templates is a template's id for some of the channels; the others use the built-in one.
	Templates map[string]string `json:"template_ids,omitempty"`
	Sender    string            `json:"sender_id,omitempty"`
	// Brand is another way to say who it is from. A request as it was kept has the sender that was found.
	Brand      string `json:"brand_id,omitempty"`
	ScheduleAt string `json:"schedule_at,omitempty"`
	// Listed is whether the public archive shows it; absent: see parseListed.
	Listed *bool `json:"listed,omitempty"`
	// RatePerMinute is the most messages a minute on each of its channels; absent: as fast as those take them.
	RatePerMinute *int `json:"rate_per_minute,omitempty"`
	// Data is a free object for the templates.
	Data map[string]any `json:"data,omitempty"`
	// Draft keeps it from being sent until it is published.
	Draft bool `json:"draft,omitempty"`
	// Approval asks that somebody else approves it before it is sent, even if the settings do not.
	Approval bool `json:"approval,omitempty"`
}

// Order is a request that was understood: its parts are well formed, what it names need not exist.
type Order struct {
	Title    string
	Type     Type
	Priority Priority
	Channels []Channel
	Contents []ident.UID
	// Attachments go with every mail, in this order; there are none without a personal channel.
	Attachments []ident.UID
	Audience    AudienceOrder
	Templates   map[string]ident.UID // by channel
	Sender      ident.UID            // zero: the brand's default, or the organisation's
	Brand       ident.UID            // zero: the sender's
	// ScheduledAt is nil for at once.
	ScheduledAt *time.Time
	// ByLocalTime says that each reader gets it at LocalTime of ScheduledAt, by their own clock.
	ByLocalTime bool
	// Listed is whether the public archive shows it.
	Listed bool
	// RatePerMinute is the most messages a minute on each of its channels; 0: as fast as those take them.
	RatePerMinute int
	// Data is what the templates get; Encoded is the same as JSON, an object.
	Data    map[string]any
	Encoded string
	// Draft and Approval are as requested.
	Draft, Approval bool
}

// Types is every type.
func Types() []Type { return []Type{Announcement, Newsletter, Digest, Alert, Transactional} }

// Channel is a channel kind of a publication.
type Channel struct {
	Name string
	// ID is the kind's number in the ledger.
	ID int16
	// Personal kinds have a message for each subscriber, the others one for each target.
	Personal bool
}

// Personal reports whether any channel of the order is personal.
func (o Order) Personal() bool {
	for _, c := range o.Channels {
		if c.Personal {
			return true
		}
	}
	return false
}

// Digest is the same for requests that ask for the same, whatever their white space and order of members.
func (r Request) Digest() ([sha256.Size]byte, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return [sha256.Size]byte{}, fmt.Errorf("encode a request: %w", err)
	}
	return sha256.Sum256(text), nil
}

// Vocabulary is what a request may name that other parts of the domain define.
type Vocabulary struct {
	// Channels is every channel kind, in the order to tell them.
	Channels []Channel
	// Topic makes a slug of a topic's name; its error says what a topic must be.
	Topic func(name string) (slug string, err error)
}

// Parse understands a request, or returns an Invalid error that holds every problem.
func (r Request) Parse(now time.Time, v Vocabulary) (Order, error) {
	var f fault.Fields
	o := Order{
		Title:    parseTitle(&f, r.Title),
		Type:     oneOf(&f, "/publication_type", r.Type, Types()...),
		Priority: Normal,
		Contents: parseContents(&f, r.Contents),
		Draft:    r.Draft, Approval: r.Approval,
	}
	o.ScheduledAt, o.ByLocalTime = parseSchedule(&f, r.ScheduleAt, now)
	o.Channels = parseChannels(&f, r.Channels, v.Channels)
	// Of channels that cannot be read nobody knows what they would allow.
	known := len(o.Channels) == len(r.Channels) && len(r.Channels) > 0
	allowing := o.Channels
	if !known {
		allowing = v.Channels
	}
	if r.Priority != "" {
		o.Priority = oneOf(&f, "/priority", r.Priority, Critical, High, Normal, Bulk)
	}
	if r.Sender != "" {
		o.Sender = parseID(&f, "/sender_id", r.Sender)
	}
	if r.Brand != "" {
		o.Brand = parseID(&f, "/brand_id", r.Brand)
	}
	o.Attachments = parseAttachments(&f, r.Attachments, o.Personal() || !known)
	o.Templates = parseTemplates(&f, r.Templates, allowing)
	o.Audience = parseAudience(&f, r.Audience, v.Topic, o.Personal())
	o.Listed = parseListed(&f, r.Listed, o, allowing)
	o.RatePerMinute = parseRate(&f, r.RatePerMinute)
	o.Data, o.Encoded = parseData(&f, r.Data)
	checkLocal(&f, o)
	return o, f.Err()
}
