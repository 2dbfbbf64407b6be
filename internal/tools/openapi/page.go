package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"strings"
)

//go:embed page.tmpl
var pageSource string

// renderPage writes a joined document as a page that stands on its own: no script, no font, no image, nothing to load.
func renderPage(document *object) ([]byte, error) {
	funcs := template.FuncMap{"prose": prose, "json": pretty, "anchor": anchor}
	t, err := template.New("page").Funcs(funcs).Parse(pageSource)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, newView(document)); err != nil {
		return nil, fmt.Errorf("render the page: %w", err)
	}
	return b.Bytes(), nil
}

// prose writes the little Markdown of descriptions: paragraphs, code and bold.
func prose(text string) template.HTML {
	var b strings.Builder
	for paragraph := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		b.WriteString("<p>")
		for i, part := range strings.Split(template.HTMLEscapeString(paragraph), "`") {
			if i%2 == 1 {
				b.WriteString("<code>" + part + "</code>")
				continue
			}
			for j, inner := range strings.Split(part, "**") {
				if j%2 == 1 {
					inner = "<strong>" + inner + "</strong>"
				}
				b.WriteString(inner)
			}
		}
		b.WriteString("</p>\n")
	}
	return template.HTML(b.String()) //nolint:gosec // everything that is not ours was escaped above
}

// pretty is a value as indented JSON, or a text as it is but for its line ends: those of the page are the same everywhere.
func pretty(value any) (string, error) {
	if text, ok := value.(string); ok {
		return strings.ReplaceAll(text, "\r\n", "\n"), nil
	}
	return indented(value)
}

// anchor is a name that an address of the page can end with.
func anchor(name string) string {
	return strings.ToLower(strings.ReplaceAll(name, " ", "-"))
}
