package content

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"sync"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
)

// Elements are those that survive in content without being asked for (REQUIREMENTS B8).
func Elements() []string {
	return []string{
		"p", "br", "strong", "em", "b", "i", "del", "ul", "ol", "li", "a", "h1", "h2", "h3", "blockquote", "img",
		"table", "thead", "tbody", "tfoot", "tr", "th", "td", "caption", "hr", "code", "pre", "span",
	}
}

// Writer turns items into sanitised HTML and text. It is safe for concurrent use.
type Writer struct {
	policy   *bluemonday.Policy
	markdown goldmark.Markdown
}

// NewWriter makes a writer that lets through Elements and the extra ones. Attributes are a list of
// their own and cannot be widened: addresses of links are http, https or mailto, of images http, https or
// asset, for uploaded ones; nothing that runs, frames, submits or styles a page survives, whatever extra says, since
// scripts, styles and event attributes are never on the list.
func NewWriter(extra ...string) *Writer {
	p := bluemonday.NewPolicy()
	p.AllowElements(Elements()...)
	for _, name := range extra {
		if slices.Contains(ExtraElements(), name) {
			p.AllowElements(name)
		}
	}
	p.AllowStandardURLs()
	p.AllowURLSchemes("http", "https", "mailto", "asset")
	p.AllowRelativeURLs(false)
	p.RequireNoFollowOnLinks(false)
	p.AllowAttrs("href").Matching(regexp.MustCompile(`(?i)^[\s\pZ\x{85}]*(https?|mailto):`)).OnElements("a")
	p.AllowAttrs("title", "lang").Globally()
	p.AllowAttrs("dir").Matching(regexp.MustCompile(`^(ltr|rtl|auto)$`)).Globally()
	p.AllowAttrs("src").Matching(regexp.MustCompile(`(?i)^(https?://|asset:)`)).OnElements("img")
	p.AllowAttrs("alt").OnElements("img")
	p.AllowAttrs("width", "height").Matching(bluemonday.NumberOrPercent).OnElements("img", "table", "td", "th")
	p.AllowAttrs("colspan", "rowspan").Matching(bluemonday.Integer).OnElements("td", "th")
	p.AllowAttrs("align").Matching(regexp.MustCompile(`^(left|right|center)$`)).OnElements("td", "th")
	p.AllowAttrs("start").Matching(bluemonday.Integer).OnElements("ol")
	p.AllowAttrs("data-notrack").Matching(regexp.MustCompile(`^$`)).OnElements("a")
	markdown := goldmark.New(
		goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.Linkify),
		// HTML in Markdown is let through here and sanitised with everything else.
		goldmark.WithRendererOptions(html.WithUnsafe()),
	)
	return &Writer{policy: p, markdown: markdown}
}

// ExtraElements are those that an operator may add: they hold text and nothing else.
func ExtraElements() []string {
	return []string{
		"h4", "h5", "h6", "u", "s", "small", "sub", "sup", "q", "cite", "abbr", "dl", "dt", "dd", "div", "section", "article",
		"figure", "figcaption", "mark", "kbd", "center",
	}
}

// HTML is the item's body as a sanitised fragment.
func (w *Writer) HTML(item Item) (string, error) {
	body := []byte(item.Body)
	if item.Format == Markdown {
		var out bytes.Buffer
		if err := w.markdown.Convert(body, &out); err != nil {
			return "", fmt.Errorf("convert markdown: %w", err)
		}
		body = out.Bytes()
	}
	return string(bytes.TrimSpace(w.policy.SanitizeBytes(body))), nil
}

// Text is the item's body as plain text.
func (w *Writer) Text(item Item) (string, error) {
	fragment, err := w.HTML(item)
	if err != nil {
		return "", err
	}
	return PlainText(fragment), nil
}

var standard = sync.OnceValue(func() *Writer { return NewWriter() })

// HTMLOf is the item's body as a sanitised fragment by the standard list of elements. It is empty if the
// Markdown cannot be converted, which goldmark never reports for text in memory.
func HTMLOf(item Item) string {
	out, err := standard().HTML(item)
	if err != nil {
		return ""
	}
	return out
}

// TextOf is the item's body as plain text.
func TextOf(item Item) string { return PlainText(HTMLOf(item)) }
