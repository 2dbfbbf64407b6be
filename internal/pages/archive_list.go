package pages

import (
	"net/http"
	"net/url"
	"time"

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

// archiveList shows the past newsletters, newest first: of ?topic=, those older than ?before=.
func (p *Pages) archiveList(w http.ResponseWriter, r *http.Request) error {
	filter := publication.ArchiveFilter{Limit: listLength + 1} // the one too many says that there are more
	if before := r.URL.Query().Get("before"); before != "" {
		var err error
		if filter.Before, err = ident.Parse(before); err != nil {
			return fault.Wrap(err, fault.NotFound, "no_such_page")
		}
	}
	filter, list, err := p.listed(r, filter)
	if err != nil {
		return err
	}
	shown := archiveView{Topic: list.Topic, Entries: list.Entries, Feed: "archive.atom" + query(filter.Topic, ident.UID{})}
	if len(shown.Entries) > listLength {
		shown.Entries = shown.Entries[:listLength]
		shown.Older = "archive" + query(filter.Topic, shown.Entries[listLength-1].UID)
	}
	if !filter.Before.IsZero() {
		shown.Newest = "archive" + query(filter.Topic, ident.UID{})
	}
	text := p.views.texts.accepted(r.Header.Get("Accept-Language"))
	body, err := p.render(w, r, view{Page: "archive", Title: "archive_title", Text: text, Archive: &shown, Index: p.Index})
	if err != nil {
		return err
	}
	v := version{etag: etagOf(string(body)), modified: newest(shown.Entries)}
	w.Header().Set("Content-Language", text.Language)
	p.answer(w, r, v, "text/html; charset=utf-8", body)
	return nil
}

// listed is what the archive has for ?topic= and the filter. A topic that nothing is listed for is not found: that
// there is such a topic is not told.
func (p *Pages) listed(r *http.Request, f publication.ArchiveFilter) (publication.ArchiveFilter, publication.ArchiveList, error) {
	var list publication.ArchiveList
	var err error
	if topic := r.URL.Query().Get("topic"); topic != "" {
		if f.Topic, err = canonical.Topic(topic); err != nil {
			return f, list, fault.Wrap(err, fault.NotFound, "no_such_page")
		}
	}
	if list, err = p.Listing.ArchiveList(r.Context(), f); err != nil {
		return f, list, err
	}
	if len(list.Entries) == 0 && (f.Topic != "" || !f.Before.IsZero()) {
		return f, list, fault.New(fault.NotFound, "no_such_page", "")
	}
	return f, list, nil
}

// query is the part of an address that says what the archive shows.
func query(topic string, before ident.UID) string {
	values := url.Values{}
	if topic != "" {
		values.Set("topic", topic)
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
