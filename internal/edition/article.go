package edition

import (
	"context"
	"html"
	"strings"
	"unicode/utf8"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/rendition"
)

// Article is what a newsletter says, without the frame that a mail needs: for feed readers, which have a frame of
// their own and take styles and tables out.
type Article struct {
	// Language is a BCP 47 tag.
	Language string
	// Summary is a text of a few lines.
	Summary string
	// HTML is the items, sanitised, without tracking.
	HTML string
}

// Article is a newsletter for a reader nobody knows, by its internal id, with everything that is in it, in the
// language that fits best. Errors are those of Shelf.Get.
func (a *Archive) Article(ctx context.Context, publicationID int64, languages string) (Article, error) {
	e, err := a.Shelf.Get(ctx, publicationID, channel.Newsletter.ID())
	if err != nil {
		return Article{}, err
	}
	v := e.In(languages)
	links := a.links(v)
	var out strings.Builder
	for _, item := range v.Items {
		title := html.EscapeString(item.Title)
		if item.URL != "" {
			title = `<a href="` + html.EscapeString(item.URL) + `">` + title + `</a>`
		}
		out.WriteString("<h2>" + title + "</h2>\n" + v.Fragment(item.HTML, links) + "\n")
	}
	return Article{Language: v.Language, Summary: summaryOf(v.Items), HTML: out.String()}, nil
}

// maxSummary bounds a summary, in characters: what an item's own may have.
const maxSummary = 1000

// summaryOf is the summary of the only item, or the titles of several.
func summaryOf(items []rendition.ItemPart) string {
	if len(items) == 1 && items[0].Summary != "" {
		return items[0].Summary
	}
	text := ""
	for i, item := range items {
		next := item.Title
		if i > 0 {
			next = text + " · " + item.Title
		}
		if utf8.RuneCountInString(next) > maxSummary {
			return text + " …"
		}
		text = next
	}
	return text
}
