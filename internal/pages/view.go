package pages

import (
	"embed"
	"fmt"
	"html/template"
	"net/url"

	"github.com/presswork/presswork/internal/publication"
)

//go:embed page
var pageFiles embed.FS

// view is what a page shows. Title and Message are keys of the catalogue.
type view struct {
	Page, Title, Message string
	Text                 catalogue
	Organisation         string
	Brand                *face  // nil: that of the request, if it has one
	Address              string // masked
	Topics               []publication.Topic
	Archive              *archiveView
	Subscribe            *subscribeView
	Confirm              *confirmView
	Preferences          *preferencesView
	Link                 *linkView
	// Subscribed is where a page offers to begin again, Instead where to choose what one gets; "" if it does not.
	Subscribed, Instead string
	// Index lets search engines list the page.
	Index bool
}

// To is the address of another of our pages that is of the same brand.
func (v view) To(path string) string {
	if v.Brand == nil {
		return path
	}
	return path + "?" + url.Values{"brand": {v.Brand.Slug}}.Encode()
}

type views struct {
	pages *template.Template
	texts *catalogues
	// style is the hash of the pages' own style sheet.
	style string
}

// policy lets the pages' own style sheet in, by its hash, another style and images if they are given, and forms to ourselves.
func (v *views) policy(style, images string) string {
	return "default-src 'none'; style-src " + v.style + style + images + "; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

func loadViews() (*views, error) {
	texts, err := loadCatalogues()
	if err != nil {
		return nil, err
	}
	style, err := pageFiles.ReadFile("page/style.css")
	if err != nil {
		return nil, fmt.Errorf("read the style sheet: %w", err)
	}
	functions := template.FuncMap{"style": func() template.CSS { return template.CSS(style) }} //nolint:gosec // our own file
	pages, err := template.New("").Funcs(functions).ParseFS(pageFiles, "page/*.html")
	if err != nil {
		return nil, fmt.Errorf("read the pages: %w", err)
	}
	return &views{pages: pages, texts: texts, style: hashOf(style)}, nil
}
