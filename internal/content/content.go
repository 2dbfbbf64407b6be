// Package content holds content items: what a publication is made of. It validates and sanitises them,
// writes them as HTML and as plain text, and chooses for each reader which of them to show.
package content

import (
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/presswork/presswork/internal/canonical"
	"github.com/presswork/presswork/internal/fault"
)

// Bounds of an item (REQUIREMENTS B7).
const (
	// MaxTitle and MaxSummary are in characters.
	MaxTitle   = 200
	MaxSummary = 1000
	// MaxBody is in characters.
	MaxBody = 50_000
	// MaxURL is in bytes: what browsers and mail clients are known to follow.
	MaxURL = 2048
)

// Format is the markup of an item's body.
type Format string

const (
	// Markdown is CommonMark with tables and strike-through; HTML in it is sanitised.
	Markdown Format = "markdown"
	// HTML is a fragment, which is sanitised.
	HTML Format = "html"
)

// Item is one version of a content item. Values are made by New or read from the store.
type Item struct {
	// ID is the store's key, 0 if not stored yet; UID is what the API shows.
	ID  int64
	UID string
	// Title has 1 to MaxTitle characters; Summary and URL may be empty.
	Title, Summary string
	Format         Format
	Body           string
	// URL is where the whole text stands, absolute http or https.
	URL string
	// Topics are slugs, each once.
	Topics []string
	// Language is a BCP 47 tag, empty if unknown.
	Language string
	// Quality is from 0 to 1.
	Quality float64
	// Created is when the first version was stored.
	Created time.Time
	// Version counts from 1.
	Version int
}

// New makes the first version of an item from untrusted input. The error is of kind fault.Invalid and
// holds every field that is wrong.
func New(input Item) (Item, error) {
	item := input
	var fields fault.Fields
	item.Title = strings.TrimSpace(item.Title)
	item.Summary = strings.TrimSpace(item.Summary)
	length(&fields, "/title", item.Title, 1, MaxTitle)
	if strings.ContainsFunc(item.Title, unicode.IsControl) {
		// It may become the subject of a mail and a line of a list.
		fields.Add("/title", "format", "A title is one line without control characters.")
	}
	length(&fields, "/summary", item.Summary, 0, MaxSummary)
	length(&fields, "/body", item.Body, 1, MaxBody)
	if item.Format == "" {
		item.Format = Markdown
	}
	if item.Format != Markdown && item.Format != HTML {
		fields.Add("/format", "unknown", "A format is markdown or html.")
	}
	item.Topics = topics(&fields, item.Topics)
	item.Language = languageTag(&fields, item.Language)
	checkURL(&fields, item.URL)
	if !(item.Quality >= 0 && item.Quality <= 1) {
		fields.Add("/quality", "range", "A quality is from 0 to 1.")
	}
	if err := fields.Err(); err != nil {
		return Item{}, err
	}
	item.Version = 1
	return item, nil
}

// Change makes the next version of an item. Identity and time of creation stay.
func (i Item) Change(input Item) (Item, error) {
	next, err := New(input)
	if err != nil {
		return Item{}, err
	}
	next.ID, next.UID, next.Created, next.Version = i.ID, i.UID, i.Created, i.Version+1
	return next, nil
}

func length(fields *fault.Fields, pointer, text string, least, most int) {
	n := utf8.RuneCountInString(text)
	switch {
	case !utf8.ValidString(text):
		fields.Add(pointer, "encoding", "A text is valid UTF-8.")
	case n < least:
		fields.Add(pointer, "required", "This must not be empty.")
	case n > most:
		fields.Add(pointer, "too_long", "This has at most %d characters.", most)
	}
}

func languageTag(fields *fault.Fields, tag string) string {
	if tag == "" {
		return ""
	}
	parsed, err := canonical.Language(tag)
	if err != nil {
		fields.Add("/language", "language", "%s", err)
	}
	return parsed
}

func checkURL(fields *fault.Fields, address string) {
	if address == "" {
		return
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || len(address) > MaxURL {
		fields.Add("/url", "url", "An address is absolute, http or https, and has at most %d bytes.", MaxURL)
	}
}
