// Package brand is what an organisation appears as: a name, a logo, colours, and who is answerable. An organisation may have
// several, each with senders of its own.
package brand

import (
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/presswork/presswork/internal/canonical"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/mailbox"
)

// Limits of a brand's fields: characters, and of addresses bytes.
const (
	MaxName          = 100
	MaxPostalAddress = 500
	MaxURL           = 2048
)

// assetScheme names an uploaded image, as it does in contents and templates.
const assetScheme = "asset:"

// Brand is one of the faces of an organisation.
type Brand struct {
	ID  int32
	UID ident.UID
	// Slug is what addresses of public pages name it by; Name is how readers see it.
	Slug, Name string
	// Logo is asset: and the id of an uploaded image, or an https address; empty for none.
	Logo string
	// Color is behind the text of buttons and headings, LinkColor that of links on white: #rrggbb, or empty for Presswork's own.
	Color, LinkColor string
	// PostalAddress is what the footer has if the sender has none of its own. It may have several lines.
	PostalAddress string
	// WebsiteURL, PrivacyURL, ImprintURL and SupportEmail are empty for none.
	WebsiteURL, PrivacyURL, ImprintURL, SupportEmail string
	// Language is a BCP 47 tag, in which readers are spoken to of whom no other is known; empty for none.
	Language string
	// Sender is who its mail is from unless told; zero for none. It belongs to the brand.
	Sender    ident.UID
	Version   int
	CreatedAt time.Time
}

// Check normalises what a client wrote, or returns Invalid with every problem, each with a pointer to its field. An empty slug
// stays empty.
func (b Brand) Check() (Brand, error) {
	var f fault.Fields
	b.Name = text(&f, "/name", b.Name, MaxName, false)
	if b.Slug != "" {
		slug, err := canonical.Topic(b.Slug)
		if err != nil {
			f.Add("/slug", "format", "%s", err)
		}
		b.Slug = slug
	}
	b.Logo = logo(&f, b.Logo)
	b.Color, b.LinkColor = color(&f, "/color", b.Color), color(&f, "/link_color", b.LinkColor)
	if ratio := Contrast(b.LinkColor, white); b.LinkColor != "" && ratio < Readable {
		f.Add("/link_color", "contrast", "must stand out from white by %.1f to 1, and does by %.1f to 1", Readable, ratio)
	}
	b.PostalAddress = text(&f, "/postal_address", b.PostalAddress, MaxPostalAddress, true)
	b.WebsiteURL = address(&f, "/website_url", b.WebsiteURL)
	b.PrivacyURL = address(&f, "/privacy_url", b.PrivacyURL)
	b.ImprintURL = address(&f, "/imprint_url", b.ImprintURL)
	if b.SupportEmail = strings.TrimSpace(b.SupportEmail); b.SupportEmail != "" {
		parsed, err := mailbox.Parse(b.SupportEmail)
		if err != nil {
			f.Add("/support_email", "format", "%s", err)
		}
		b.SupportEmail = parsed
	}
	if b.Language != "" {
		tag, err := canonical.Language(b.Language)
		if err != nil {
			f.Add("/language", "language", "%s", err)
		}
		b.Language = tag
	}
	return b, f.Err()
}

// CheckNew is Check of one that is new: without a slug, it is made of the name.
func (b Brand) CheckNew() (Brand, error) {
	b, err := b.Check()
	if err != nil || b.Slug != "" {
		return b, err
	}
	var f fault.Fields
	if b.Slug, err = canonical.Topic(b.Name); err != nil {
		f.Add("/slug", "required", "is required, since of this name none can be made: it %s", err)
	}
	return b, f.Err()
}

// LogoAsset is the uploaded image that is the logo; false if it is none.
func (b Brand) LogoAsset() (ident.UID, bool) {
	name, uploaded := strings.CutPrefix(b.Logo, assetScheme)
	if !uploaded {
		return ident.UID{}, false
	}
	uid, err := ident.Parse(name)
	return uid, err == nil && !uid.IsZero()
}

// LogoOf is an uploaded image as a Logo.
func LogoOf(uid ident.UID) string { return assetScheme + uid.String() }

// LogoURL is where the logo is shown from, empty for none. images stands in front of the ids of uploaded images: https://host/p/a/.
func (b Brand) LogoURL(images string) string {
	if uid, uploaded := b.LogoAsset(); uploaded {
		return images + uid.String()
	}
	return b.Logo
}

// TextColor is black or white, whichever is read better on Color; empty without one.
func (b Brand) TextColor() string {
	if b.Color == "" {
		return ""
	}
	return TextOn(b.Color)
}

func logo(f *fault.Fields, value string) string {
	value = strings.TrimSpace(value)
	if len(value) >= len(assetScheme) && strings.EqualFold(value[:len(assetScheme)], assetScheme) {
		uid, err := ident.Parse(value[len(assetScheme):])
		if err != nil || uid.IsZero() {
			f.Add("/logo", "format", "must be asset: and the id of an uploaded image, or an https address")
			return ""
		}
		return LogoOf(uid)
	}
	if value != "" && !strings.HasPrefix(strings.ToLower(value), "https://") {
		f.Add("/logo", "format", "must be asset: and the id of an uploaded image, or an https address")
		return ""
	}
	return address(f, "/logo", value)
}

// address is absolute, http or https, without a user and a password in it.
func address(f *fault.Fields, pointer, value string) string {
	value = strings.TrimSpace(value)
	if value == "" {
		return ""
	}
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || len(value) > MaxURL || !utf8.ValidString(value) {
		f.Add(pointer, "url", "must be an absolute address, http or https, of at most %d bytes", MaxURL)
	}
	return value
}

// text is required, and one line unless lines is set.
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
