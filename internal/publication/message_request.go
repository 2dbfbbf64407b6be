package publication

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/presswork/presswork/internal/canonical"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/mailbox"
	"github.com/presswork/presswork/internal/zone"
)

// Limits of a message beside MaxData.
const (
	MaxAddresseeName = 200 // characters
	MaxTemplateName  = 200 // characters
)

// MessageRequest is a message as a client hands it in: JSON, not yet believed.
type MessageRequest struct {
	To MessageTo `json:"to"`
	// Template is an e-mail template's id, or its name.
	Template string         `json:"template"`
	Data     map[string]any `json:"data,omitempty"`
	Sender   string         `json:"sender_id,omitempty"`
	Brand    string         `json:"brand_id,omitempty"`
	// ExpiresAt is when it is not sent any more.
	ExpiresAt string `json:"expires_at,omitempty"`
	Track     bool   `json:"track,omitempty"`
}

// MessageTo is who a message is for: a subscriber, or whoever has an address.
type MessageTo struct {
	Subscriber string `json:"subscriber_id,omitempty"`
	Email      string `json:"email,omitempty"`
	Name       string `json:"name,omitempty"`
	Language   string `json:"language,omitempty"`
	Timezone   string `json:"timezone,omitempty"`
}

// MessageOrder is a request for a message that was understood: what it names need not exist.
type MessageOrder struct {
	// Subscriber is zero if To has an address.
	Subscriber ident.UID
	To         Addressee
	Language   string
	// Template is zero if TemplateName is given.
	Template     ident.UID
	TemplateName string
	Sender       ident.UID // zero: the brand's default, or the organisation's
	Brand        ident.UID // zero: the sender's
	Data         map[string]any
	Encoded      string
	ExpiresAt    *time.Time
	Tracked      bool
}

// Digest is the same for requests that ask for the same, whatever their white space and order of members.
func (r MessageRequest) Digest() ([sha256.Size]byte, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return [sha256.Size]byte{}, fmt.Errorf("encode a request: %w", err)
	}
	return sha256.Sum256(text), nil
}

// Parse understands a request, or returns an Invalid error that holds every problem. Time zones need the IANA database, which
// the program embeds.
func (r MessageRequest) Parse(now time.Time) (MessageOrder, error) {
	var f fault.Fields
	o := MessageOrder{Tracked: r.Track, ExpiresAt: parseExpiry(&f, r.ExpiresAt, now)}
	o.parseTo(&f, r.To)
	o.parseTemplate(&f, r.Template)
	if r.Sender != "" {
		o.Sender = parseID(&f, "/sender_id", r.Sender)
	}
	if r.Brand != "" {
		o.Brand = parseID(&f, "/brand_id", r.Brand)
	}
	o.Data, o.Encoded = parseData(&f, r.Data)
	return o, f.Err()
}

func (o *MessageOrder) parseTo(f *fault.Fields, to MessageTo) {
	if (to.Subscriber == "") == (strings.TrimSpace(to.Email) == "") {
		f.Add("/to", "one_of", "must have either subscriber_id or email")
	}
	if to.Subscriber != "" {
		o.Subscriber = parseID(f, "/to/subscriber_id", to.Subscriber)
		for pointer, text := range map[string]string{"/to/name": to.Name, "/to/timezone": to.Timezone} {
			if text != "" {
				f.Add(pointer, "not_allowed", "is the subscriber's own")
			}
		}
	} else if strings.TrimSpace(to.Email) != "" {
		o.To = parseAddressee(f, to)
	}
	if to.Language != "" {
		tag, err := canonical.Language(to.Language)
		if err != nil {
			f.Add("/to/language", "language", "%s", err)
		}
		o.Language = tag
	}
}

func parseAddressee(f *fault.Fields, to MessageTo) Addressee {
	a := Addressee{Name: strings.TrimSpace(to.Name), Timezone: strings.TrimSpace(to.Timezone)}
	var err error
	if a.Email, err = mailbox.Parse(to.Email); err != nil {
		f.Add("/to/email", "invalid_email", "%s", err)
	}
	switch {
	case utf8.RuneCountInString(a.Name) > MaxAddresseeName:
		f.Add("/to/name", "too_long", "must have at most %d characters", MaxAddresseeName)
	case strings.ContainsFunc(a.Name, unicode.IsControl):
		f.Add("/to/name", "format", "must not contain control characters")
	}
	if err := zone.Check(a.Timezone); err != nil {
		f.Add("/to/timezone", "format", "must be an IANA time zone such as Europe/Berlin")
	}
	return a
}

func (o *MessageOrder) parseTemplate(f *fault.Fields, text string) {
	text = strings.TrimSpace(text)
	if uid, err := ident.Parse(text); err == nil && !uid.IsZero() {
		o.Template = uid
		return
	}
	switch n := utf8.RuneCountInString(text); {
	case n == 0:
		f.Add("/template", "required", "must be the id or the name of an e-mail template")
	case n > MaxTemplateName:
		f.Add("/template", "too_long", "must have at most %d characters", MaxTemplateName)
	case strings.ContainsFunc(text, unicode.IsControl):
		f.Add("/template", "format", "must not contain control characters")
	}
	o.TemplateName = text
}

func parseExpiry(f *fault.Fields, text string, now time.Time) *time.Time {
	if text == "" {
		return nil
	}
	at, err := time.Parse(time.RFC3339, text)
	switch {
	case err != nil:
		f.Add("/expires_at", "format", "must be an RFC 3339 time such as 2030-01-31T09:00:00Z")
	case !at.After(now):
		f.Add("/expires_at", "not_in_future", "must be in the future")
	case at.After(now.Add(MaxAhead)):
		f.Add("/expires_at", "too_far", "must be within %d days", MaxAhead/(24*time.Hour))
	}
	at = at.UTC()
	return &at
}
