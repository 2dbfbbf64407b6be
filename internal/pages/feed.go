package pages

import (
	"cmp"
	"context"
	"encoding/xml"
	"fmt"
	"html"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

const (
	// feedLength is how many newsletters the feed has.
	feedLength = 20
	// maxFeed is the feed's size in bytes. What is in it besides contents (titles, summaries, addresses) is far below
	// its share: 20 times 1,200 characters, of up to five bytes each.
	maxFeed     = 2 << 20
	maxContents = maxFeed - 256<<10
	// keptFeeds bounds the feeds that a process remembers, in bytes.
	keptFeeds = 8 * maxFeed
	// feedForm changes when a feed is written in another way, so that readers fetch it again.
	feedForm = "1"
	atomType = "application/atom+xml"
)

// feedLink is for the head of a newsletter's page: how feed readers find the feed, that of its brand if it is still called so.
func (p *Pages) feedLink(r *http.Request, slug string) string {
	var of shelf
	if slug != "" {
		b, err := p.brandNamed(r.Context(), slug)
		of.brand = p.orNone(r, b, err)
	}
	return `<link rel="alternate" type="` + atomType + `" href="../archive.atom` + html.EscapeString(of.query(ident.UID{})) + `">`
}

// feed is the newest of the archive as an Atom feed (RFC 4287). What it says follows from what is listed, since a
// newsletter that is out does not change: the list's tag is enough to know that nothing is new, and names the feed
// in memory.
func (p *Pages) feed(w http.ResponseWriter, r *http.Request) error {
	of, err := p.shelf(r, publication.ArchiveFilter{Limit: feedLength})
	if err != nil {
		return err
	}
	text := p.views.texts.accepted(r.Header.Get("Accept-Language"))
	v := version{etag: p.feedTag(text, of), modified: newest(of.Entries)}
	var body []byte
	if !v.has(r) {
		body, err = p.feeds.Get(r.Context(), v.etag, func(ctx context.Context) ([]byte, error) {
			return p.writeFeed(ctx, text, of)
		})
		if err != nil {
			return fmt.Errorf("write the feed: %w", err)
		}
	}
	w.Header().Set("Content-Language", text.Language)
	p.answer(w, r, v, atomType+"; charset=utf-8", body)
	return nil
}

func (p *Pages) feedTag(text catalogue, of shelf) string {
	parts := []string{feedForm, p.PublicURL, p.Organisation, text.Language, of.topic, of.Topic}
	if of.brand.Slug != "" {
		parts = append(parts, of.brand.Slug, of.brand.Name, of.brand.Logo)
	}
	for _, e := range of.Entries {
		parts = append(parts, e.UID.String(), e.Title, e.Out.UTC().Format(time.RFC3339Nano))
	}
	return etagOf(parts...)
}

// writeFeed writes the feed. A content that does not fit any more is left out: the entry has its summary and the
// page's address, as RFC 4287 wants of one without content.
func (p *Pages) writeFeed(ctx context.Context, text catalogue, of shelf) ([]byte, error) {
	page, self := p.PublicURL+"/p/archive"+of.query(ident.UID{}), p.PublicURL+"/p/archive.atom"+of.query(ident.UID{})
	title, name := text.Get("archive_title"), cmp.Or(of.brand.Name, p.Organisation)
	f := atomFeed{
		Language: text.Language, ID: self, Title: clean(headline(name, title, of.Topic)),
		Author:  atomPerson{clean(name)},
		Logo:    clean(of.brand.LogoURL(p.PublicURL + ImagePath)),
		Updated: atomTime(newest(of.Entries)),
		Links:   []atomLink{{Rel: "alternate", Type: "text/html", Href: page}, {Rel: "self", Type: atomType, Href: self}},
	}
	if f.Author.Name == "" {
		f.Author.Name = title // RFC 4287, 4.1.1: there has to be one
	}
	room := maxContents
	for _, e := range of.Entries {
		entry, err := p.feedEntry(ctx, text, e)
		if err != nil {
			return nil, err
		}
		if entry.Content != nil {
			if room -= escapedSize(entry.Content.Text); room < 0 {
				entry.Content = nil
			}
		}
		f.Entries = append(f.Entries, entry)
	}
	body, err := xml.Marshal(f)
	return append([]byte(xml.Header), body...), err
}

// feedEntry is a newsletter in the feed. One that cannot be read any more is there with its title.
func (p *Pages) feedEntry(ctx context.Context, text catalogue, e publication.ArchiveEntry) (atomEntry, error) {
	entry := atomEntry{
		ID: "urn:uuid:" + e.UID.String(), Title: clean(e.Title), Published: atomTime(e.Out), Updated: atomTime(e.Out),
		Links: []atomLink{{Rel: "alternate", Type: "text/html", Href: p.PublicURL + "/p/n/" + e.UID.String()}},
	}
	article, err := p.Archive.Article(ctx, e.ID, text.Language)
	switch {
	case fault.Is(err, fault.GiveUp), fault.Is(err, fault.NotFound):
		p.Log.Warn("a listed newsletter cannot be read", zap.Stringer("publication", e.UID), zap.Error(err))
	case err != nil:
		return entry, err
	default:
		entry.Language, entry.Summary = article.Language, clean(article.Summary)
		entry.Content = &atomContent{Type: "html", Text: clean(article.HTML)}
	}
	return entry, nil
}

// headline joins what is not empty: "The Slow Post – Newsletters – Go".
func headline(parts ...string) string {
	var given []string
	for _, part := range parts {
		if part != "" {
			given = append(given, part)
		}
	}
	return strings.Join(given, " – ")
}
