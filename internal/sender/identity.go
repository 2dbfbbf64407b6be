// Package sender is who mail is from.
package sender

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/mailbox"
)

// Limits of an identity's fields, in characters.
const (
	MaxName          = 100
	MaxFromName      = 200
	MaxPostalAddress = 500
)

// Identity is a name and address that mail is sent from, with the postal address that the law wants in
// the footer. One of them is the default.
type Identity struct {
	ID   int32
	UID  ident.UID
	Name string // for operators; unique
	// FromName and FromEmail are the From header; ReplyTo is empty for none.
	FromName, FromEmail, ReplyTo string
	// PostalAddress may have several lines. It is empty only of a sender of a brand, whose own stands in for it.
	PostalAddress string
	// Brand is the one that it belongs to, BrandID its internal id; zero and nil for none.
	Brand     ident.UID
	BrandID   *int32
	Default   bool
	Version   int
	CreatedAt time.Time
}

// Check normalises what a client wrote, or returns Invalid with every problem: /name, /from_name,
// /from_email, /reply_to, /postal_address.
func (i Identity) Check() (Identity, error) {
	var f fault.Fields
	i.Name = text(&f, "/name", i.Name, MaxName, false)
	i.FromName = text(&f, "/from_name", i.FromName, MaxFromName, false)
	i.FromEmail = address(&f, "/from_email", i.FromEmail)
	if i.ReplyTo = strings.TrimSpace(i.ReplyTo); i.ReplyTo != "" {
		i.ReplyTo = address(&f, "/reply_to", i.ReplyTo)
	}
	if i.Brand.IsZero() || strings.TrimSpace(i.PostalAddress) != "" {
		i.PostalAddress = text(&f, "/postal_address", i.PostalAddress, MaxPostalAddress, true)
	} else {
		i.PostalAddress = ""
	}
	return i, f.Err()
}

// text is required, and one line unless lines is set: names stand in headers of mails.
func text(f *fault.Fields, pointer, value string, limit int, lines bool) string {
	value = strings.TrimSpace(strings.ReplaceAll(value, "\r\n", "\n"))
	control := func(r rune) bool { return unicode.IsControl(r) && (r != '\n' || !lines) }
	switch {
	case value == "":
		f.Add(pointer, "required", "is required")
	case !utf8.ValidString(value) || strings.ContainsFunc(value, control):
		f.Add(pointer, "format", "must be text without control characters")
	case utf8.RuneCountInString(value) > limit:
		f.Add(pointer, "too_long", "must be at most %d characters", limit)
	}
	return value
}

func address(f *fault.Fields, pointer, value string) string {
	if strings.TrimSpace(value) == "" {
		f.Add(pointer, "required", "is required")
		return ""
	}
	parsed, err := mailbox.Parse(value)
	if err != nil {
		f.Add(pointer, "format", "%s", err)
	}
	return parsed
}
