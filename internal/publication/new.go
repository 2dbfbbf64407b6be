package publication

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

// Limits of a request (REQUIREMENTS B7 and C1).
const (
	MaxTitle       = 200    // characters
	MaxChannels    = 10     // distinct
	MaxContents    = 100    // distinct
	MaxTopics      = 50     // of an audience
	MaxSubscribers = 10_000 // named in an audience, and as many excluded
	MaxData        = 64 << 10
	MaxAhead       = 30 * 24 * time.Hour
)

// Request is a publication as a client hands it in: JSON, not yet believed.
type Request struct {
	Title    string   `json:"title"`
	Type     string   `json:"publication_type"`
	Priority string   `json:"priority,omitempty"`
	Channels []string `json:"channels"`
	Contents []string `json:"content_ids"`
	// Audience may be absent when no channel is personal.
	Audience *AudienceRequest `json:"audience,omitempty"`
	// Templates is a template's id for some of the channels; the others use the built-in one.
	Templates  map[string]string `json:"template_ids,omitempty"`
	Sender     string            `json:"sender_id,omitempty"`
	ScheduleAt string            `json:"schedule_at,omitempty"`
	// Data is a free object for the templates.
	Data map[string]any `json:"data,omitempty"`
}

// Order is a request that was understood: its parts are well formed, what it names need not exist.
type Order struct {
	Title     string
	Type      Type
	Priority  Priority
	Channels  []Channel
	Contents  []ident.UID
	Audience  AudienceOrder
	Templates map[string]ident.UID // by channel
	Sender    ident.UID            // zero: the default one
	// ScheduledAt is nil for at once.
	ScheduledAt *time.Time
	// Data is what the templates get; Encoded is the same as JSON, an object.
	Data    map[string]any
	Encoded string
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
		Title:       parseTitle(&f, r.Title),
		Type:        oneOf(&f, "/publication_type", r.Type, Types()...),
		Priority:    Normal,
		Channels:    parseChannels(&f, r.Channels, v.Channels),
		Contents:    parseContents(&f, r.Contents),
		ScheduledAt: parseSchedule(&f, r.ScheduleAt, now),
	}
	if r.Priority != "" {
		o.Priority = oneOf(&f, "/priority", r.Priority, Critical, High, Normal, Bulk)
	}
	if r.Sender != "" {
		o.Sender = parseID(&f, "/sender_id", r.Sender)
	}
	o.Templates = parseTemplates(&f, r.Templates, o.Channels)
	o.Audience = parseAudience(&f, r.Audience, v.Topic, o.Personal())
	o.Data, o.Encoded = parseData(&f, r.Data)
	return o, f.Err()
}

func parseTitle(f *fault.Fields, title string) string {
	title = strings.TrimSpace(title)
	switch n := utf8.RuneCountInString(title); {
	case n == 0:
		f.Add("/title", "required", "must have 1 to %d characters", MaxTitle)
	case n > MaxTitle:
		f.Add("/title", "too_long", "must have at most %d characters", MaxTitle)
	case strings.ContainsFunc(title, unicode.IsControl):
		// It becomes the subject of a mail, where a line end would begin another header.
		f.Add("/title", "format", "must not contain control characters")
	}
	return title
}

func oneOf[T ~string](f *fault.Fields, pointer, value string, allowed ...T) T {
	names := make([]string, len(allowed))
	for i, a := range allowed {
		if value == string(a) {
			return a
		}
		names[i] = string(a)
	}
	code := "not_allowed"
	if value == "" {
		code = "required"
	}
	f.Add(pointer, code, "must be one of %s", strings.Join(names, ", "))
	return ""
}

func parseChannels(f *fault.Fields, names []string, known []Channel) []Channel {
	if len(names) == 0 || len(names) > MaxChannels {
		f.Add("/channels", countCode(len(names)), "must name 1 to %d channels", MaxChannels)
		return nil
	}
	channels := make([]Channel, 0, len(names))
	seen := make(map[string]bool, len(names))
	for i, name := range names {
		pointer := fmt.Sprintf("/channels/%d", i)
		c, ok := channelNamed(known, name)
		switch {
		case !ok:
			f.Add(pointer, "unknown_channel", "must be one of %s", namesOf(known))
		case seen[name]:
			f.Add(pointer, "duplicate", "is named twice")
		default:
			seen[name] = true
			channels = append(channels, c)
		}
	}
	return channels
}

func channelNamed(channels []Channel, name string) (Channel, bool) {
	for _, c := range channels {
		if c.Name == name {
			return c, true
		}
	}
	return Channel{}, false
}

func namesOf(channels []Channel) string {
	names := make([]string, len(channels))
	for i, c := range channels {
		names[i] = c.Name
	}
	return strings.Join(names, ", ")
}

func parseContents(f *fault.Fields, ids []string) []ident.UID {
	if len(ids) == 0 || len(ids) > MaxContents {
		f.Add("/content_ids", countCode(len(ids)), "must name 1 to %d content items", MaxContents)
		return nil
	}
	contents := make([]ident.UID, 0, len(ids))
	seen := make(map[ident.UID]bool, len(ids))
	for i, text := range ids {
		pointer := fmt.Sprintf("/content_ids/%d", i)
		uid := parseID(f, pointer, text)
		if seen[uid] && !uid.IsZero() {
			f.Add(pointer, "duplicate", "is named twice")
		}
		seen[uid] = true
		contents = append(contents, uid)
	}
	return contents
}

func parseTemplates(f *fault.Fields, ids map[string]string, channels []Channel) map[string]ident.UID {
	templates := make(map[string]ident.UID, len(ids))
	for _, name := range slices.Sorted(maps.Keys(ids)) {
		pointer := "/template_ids/" + escape(name)
		if _, ok := channelNamed(channels, name); !ok {
			f.Add(pointer, "unknown_channel", "must be one of the publication's channels")
			continue
		}
		templates[name] = parseID(f, pointer, ids[name])
	}
	return templates
}

func parseSchedule(f *fault.Fields, text string, now time.Time) *time.Time {
	if text == "" {
		return nil
	}
	at, err := time.Parse(time.RFC3339, text)
	switch {
	case err != nil:
		f.Add("/schedule_at", "format", "must be an RFC 3339 time such as 2030-01-31T09:00:00Z")
	case !at.After(now):
		f.Add("/schedule_at", "not_in_future", "must be in the future")
	case at.After(now.Add(MaxAhead)):
		f.Add("/schedule_at", "too_far", "must be within %d days", MaxAhead/(24*time.Hour))
	}
	at = at.UTC()
	return &at
}

func parseID(f *fault.Fields, pointer, text string) ident.UID {
	uid, err := ident.Parse(text)
	if err != nil || uid.IsZero() {
		f.Add(pointer, "format", "must be a UUID")
		return ident.UID{}
	}
	return uid
}

func countCode(n int) string {
	if n == 0 {
		return "required"
	}
	return "too_many"
}

// escape writes a part of a JSON pointer (RFC 6901, section 3).
func escape(part string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(part)
}
