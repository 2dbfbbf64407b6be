package pages

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"github.com/presswork/presswork/internal/asset"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

// ImagePath is where uploaded images are public, in front of their ids.
const ImagePath = "/p/a/"

// imagePolicy keeps a browser from running anything in what it opens by itself.
const imagePolicy = "default-src 'none'; sandbox"

// Images knows uploaded files.
type Images interface {
	// AssetContent is a file with its bytes, or NotFound.
	AssetContent(ctx context.Context, uid ident.UID) (asset.Asset, []byte, error)
}

// image gives an uploaded image to anybody who has its address, which cannot be guessed: public pages show it, and
// so do places that messages are posted to. Other files are not found. It never changes, so it may be kept.
func (p *Pages) image(w http.ResponseWriter, r *http.Request) error {
	uid, err := ident.Parse(r.PathValue("uid"))
	if err != nil {
		return fault.Wrap(err, fault.NotFound, "no_such_page")
	}
	a, content, err := p.Images.AssetContent(r.Context(), uid)
	if err != nil {
		return fmt.Errorf("show an image: %w", err)
	}
	if !a.Image() {
		return fault.New(fault.NotFound, "no_such_page", "")
	}
	h := w.Header()
	h.Set("Content-Security-Policy", imagePolicy)
	h.Set("Content-Type", a.MediaType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin") // pages of other origins show it: the archive's has one of its own
	h.Set("ETag", fmt.Sprintf(`"%x"`, a.SHA256))
	http.ServeContent(w, r, "", a.CreatedAt, bytes.NewReader(content))
	return nil
}
