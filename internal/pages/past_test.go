package pages

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/presswork/presswork/internal/edition"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

// past is the newsletters that were sent, newest first; those of the topic go have even numbers, those of the brand 3 have
// numbers that 3 divides.
type past struct {
	entries  []publication.ArchiveEntry
	articles map[int64]edition.Article
	read     atomic.Int64 // articles
	broken   map[int64]error
	away     error
}

var begin = time.Date(2030, 1, 31, 9, 0, 0, 123456000, time.UTC)

// publish adds a newsletter.
func (p *past) publish(title, html string) publication.ArchiveEntry {
	id := int64(len(p.entries) + 1)
	e := publication.ArchiveEntry{ID: id, UID: ident.New(), Title: title, Out: begin.Add(time.Duration(id) * time.Hour)}
	p.entries = slices.Insert(p.entries, 0, e)
	if p.articles == nil {
		p.articles = make(map[int64]edition.Article)
	}
	p.articles[id] = edition.Article{Language: "en", Summary: "About " + title, HTML: html}
	return e
}

func (p *past) issues(n int) {
	for i := range n {
		p.publish(fmt.Sprintf("Issue %d", i+1), fmt.Sprintf("<p>Number %d</p>", i+1))
	}
}

func (p *past) ArchiveList(_ context.Context, f publication.ArchiveFilter) (publication.ArchiveList, error) {
	var list publication.ArchiveList
	if p.away != nil {
		return list, p.away
	}
	from := 0
	if !f.Before.IsZero() {
		if from = slices.IndexFunc(p.entries, func(e publication.ArchiveEntry) bool { return e.UID == f.Before }) + 1; from == 0 {
			return list, fault.New(fault.NotFound, "not_found", "")
		}
	}
	if f.Topic == "go" {
		list.Topic = "Go & <b>"
	}
	for _, e := range p.entries[from:] {
		if len(list.Entries) < f.Limit && (f.Topic == "" || f.Topic == "go" && e.ID%2 == 0) && (f.Brand == 0 || e.ID%int64(f.Brand) == 0) {
			list.Entries = append(list.Entries, e)
		}
	}
	return list, nil
}

func (p *past) Article(_ context.Context, id int64, language string) (edition.Article, error) {
	p.read.Add(1)
	a := p.articles[id]
	if language == "de" {
		a.Language, a.Summary = "de", "Über "+a.Summary
	}
	return a, p.broken[id]
}
