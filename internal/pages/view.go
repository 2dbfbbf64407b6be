package pages

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"

	"github.com/presswork/presswork/internal/publication"
)

//go:embed page
var pageFiles embed.FS

// view is what a page shows. Title and Message are keys of the catalogue.
type view struct {
	Page, Title, Message string
	Text                 catalogue
	Organisation         string
	Address              string // masked
	Topics               []publication.Topic
	Archive              *archiveView
	Subscribe            *subscribeView
	Confirm              *confirmView
	Preferences          *preferencesView
	Link                 *linkView
	// Subscribed is where a page offers to begin again, Instead where to get less; "" if it does not.
	Subscribed, Instead string
	// Index lets search engines list the page.
	Index bool
}

type views struct {
	pages *template.Template
	texts *catalogues
	// policy lets the pages' own style sheet in, by its hash, and forms to ourselves.
	policy string
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
	sum := sha256.Sum256(style)
	return &views{
		pages: pages, texts: texts,
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
			"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	}, nil
}
