package pages

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

// archivePolicy lets a mail be shown as it was designed, and nothing else: images from anywhere, styles in
// the document, no scripts, forms or frames. The sandbox gives the document an origin of its own.
const archivePolicy = "default-src 'none'; img-src https: http: data:; style-src 'unsafe-inline'; font-src https:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"

// archive shows a publication to anybody who has its address.
func (p *Pages) archive(w http.ResponseWriter, r *http.Request) error {
	uid, err := ident.Parse(r.PathValue("uid"))
	if err != nil {
		return fault.Wrap(err, fault.NotFound, "no_such_page")
	}
	html, slug, err := p.Archive.Archive(r.Context(), uid, r.Header.Get("Accept-Language"))
	if err != nil {
		return fmt.Errorf("show the archive: %w", err)
	}
	h := w.Header()
	h.Set("Content-Security-Policy", archivePolicy)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "public, max-age=60")
	h.Set("Vary", "Accept-Language")
	if p.Index {
		h.Del("X-Robots-Tag")
	}
	// The document is an operator's own, from sanitised parts, and the policy runs nothing in it.
	_, _ = w.Write([]byte(strings.Replace(html, "</head>", p.feedLink(r, slug)+"</head>", 1))) //nolint:gosec // as said; and the reader may have left
	return nil
}
