package rendition

import (
	"regexp"
	"strings"

	"golang.org/x/net/html"
)

// itemHTML is the tag that writes an item's content.
var itemHTML = regexp.MustCompile(`^\{\{[-+]?\s*\w+\.html\b`)

// voidElements have no end tag.
var voidElements = map[string]bool{
	"area": true, "base": true, "br": true, "col": true, "embed": true, "hr": true, "img": true, "input": true,
	"link": true, "meta": true, "source": true, "track": true, "wbr": true,
}

// contextOf are the start tags, outermost first, of the elements that a template's items stand in; empty
// if it does not write them.
func contextOf(source string) string {
	p, err := protect(source)
	if err != nil {
		return ""
	}
	var open []token
	for _, t := range tokenize(p.text) {
		switch {
		case t.kind == html.StartTagToken && !voidElements[t.name]:
			open = append(open, t)
		case t.kind == html.EndTagToken:
			open = closeElement(open, t.name)
		case t.kind == html.TextToken && p.writesItem(t.raw):
			var out strings.Builder
			for _, t := range open {
				out.WriteString(p.without(t.raw))
			}
			return out.String()
		}
	}
	return ""
}

func (p *protected) writesItem(text string) bool {
	found := false
	p.replace(text, func(n int) string {
		found = found || itemHTML.MatchString(p.tags[n])
		return ""
	})
	return found
}

// closeElement takes the innermost open element of a name away, with what is open in it.
func closeElement(open []token, name string) []token {
	for i := len(open) - 1; i >= 0; i-- {
		if open[i].name == name {
			return open[:i]
		}
	}
	return open
}
