package pages

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/presswork/presswork/internal/brand"
	"github.com/presswork/presswork/internal/canonical"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

// listLength is how many newsletters one page of the archive lists.
const listLength = 20

// archiveView is a part of the archive as its page shows it. Addresses are relative, so that the pages may stand
// below any path.
type archiveView struct {
	Topic   string
	Entries []publication.ArchiveEntry
	// Newest and Older are empty where there is nothing newer or older; Feed is the same as an Atom feed.
	Newest, Older, Feed string
}

// archiveList shows the past newsletters, newest first: of ?brand= and ?topic=, those older than ?before=.
func (p *Pages) archiveList(w http.ResponseWriter, r *http.Request) error {
	filter := publication.ArchiveFilter{Limit: listLength + 1} // the one too many says that there are more
	if before := r.URL.Query().Get("before"); before != "" {
		var err error
		if filter.Before, err = ident.Parse(before); err != nil {
			return fault.Wrap(err, fault.NotFound, "no_such_page")
		}
	}
	of, err := p.shelf(r, filter)
	if err != nil {
		return err
	}
	shown := archiveView{Topic: of.Topic, Entries: of.Entries, Feed: "archive.atom" + of.query(ident.UID{})}
	if len(shown.Entries) > listLength {
		shown.Entries = shown.Entries[:listLength]
		shown.Older = "archive" + of.query(shown.Entries[listLength-1].UID)
	}
	if !filter.Before.IsZero() {
		shown.Newest = "archive" + of.query(ident.UID{})
	}
	text := p.views.texts.accepted(r.Header.Get("Accept-Language"))
	body, err := p.render(w, r, view{Page: "archive", Title: "archive_title", Text: text, Archive: &shown, Brand: faceOf(of.brand), Index: p.Index})
	if err != nil {
		return err
	}
	v := version{etag: etagOf(string(body)), modified: newest(shown.Entries)}
	w.Header().Set("Content-Language", text.Language)
	p.answer(w, r, v, "text/html; charset=utf-8", body)
	return nil
}

// shelf is a part of the archive: that of a brand, of a topic, of both, or of neither.
type shelf struct {
	publication.ArchiveList
	// brand is the zero one for what is of all brands and of none; topic is a slug, or empty for all.
	brand brand.Brand
	topic string
}

// shelf is what the archive has for ?brand=, ?topic= and the filter. A topic that nothing is listed for is not found: that there is
// such a topic is not told. Neither is a brand that there is not: what is of others would be taken for its own.
func (p *Pages) shelf(r *http.Request, f publication.ArchiveFilter) (s shelf, err error) {
	if topic := r.URL.Query().Get("topic"); topic != "" {
		if s.topic, err = canonical.Topic(topic); err != nil {
			return s, fault.Wrap(err, fault.NotFound, "no_such_page")
		}
	}
	if name := r.URL.Query().Get("brand"); name != "" {
		if s.brand, err = p.brandNamed(r.Context(), name); err != nil {
			return s, fmt.Errorf("find the brand of the archive: %w", err)
		}
	}
	f.Topic, f.Brand = s.topic, s.brand.ID
	if s.ArchiveList, err = p.Listing.ArchiveList(r.Context(), f); err != nil {
		return s, fmt.Errorf("list the archive: %w", err)
	}
	if len(s.Entries) == 0 && (s.topic != "" || !f.Before.IsZero()) {
		return s, fault.New(fault.NotFound, "no_such_page", "")
	}
	return s, nil
}

// query is the part of an address that says what the archive shows.
func (s shelf) query(before ident.UID) string {
	values := url.Values{}
	if s.brand.Slug != "" {
		values.Set("brand", s.brand.Slug)
	}
	if s.topic != "" {
		values.Set("topic", s.topic)
	}
	if !before.IsZero() {
		values.Set("before", before.String())
	}
	if len(values) == 0 {
		return ""
	}
	return "?" + values.Encode()
}

// newest is when the newest of a part of the archive began to go out, zero if it is empty.
func newest(entries []publication.ArchiveEntry) time.Time {
	if len(entries) == 0 {
		return time.Time{}
	}
	return entries[0].Out.UTC()
}
