package pages

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/asset"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

// The files of the house: an image, and one that is none.
const (
	imageID    = "0190b5a0-0000-7000-8000-0000000000a1"
	documentID = "0190b5a0-0000-7000-8000-0000000000a2"
	imageBytes = "\x89PNG\r\n\x1a\nand more"
)

func (*house) AssetContent(_ context.Context, uid ident.UID) (asset.Asset, []byte, error) {
	a := asset.Asset{UID: uid, Name: "logo.png", MediaType: "image/png", SHA256: sha256.Sum256([]byte(imageBytes)), CreatedAt: time.Unix(1, 0)}
	switch uid.String() {
	case imageID:
		return a, []byte(imageBytes), nil
	case documentID:
		a.MediaType = "text/html"
		return a, []byte("<script>"), nil
	}
	return asset.Asset{}, nil, fault.New(fault.NotFound, "not_found", "")
}

func TestImage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask("GET", "/p/a/"+imageID, "")
	if p.status != http.StatusOK || p.body != imageBytes {
		t.Fatalf("%d %q", p.status, p.body)
	}
	for name, want := range map[string]string{
		"Content-Type": "image/png", "Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": "default-src 'none'; sandbox", "Cross-Origin-Resource-Policy": "cross-origin",
		"Content-Length": fmt.Sprint(len(imageBytes)),
	} {
		if got := p.header.Get(name); got != want {
			t.Errorf("%s is %q, not %q", name, got, want)
		}
	}
	if again := h.ask("GET", "/p/a/"+imageID, "", "If-None-Match: "+p.header.Get("ETag")); again.status != http.StatusNotModified || again.body != "" {
		t.Errorf("%d %q", again.status, again.body)
	}
	for _, path := range []string{"/p/a/" + documentID, "/p/a/0190b5a0-0000-7000-8000-0000000000a3", "/p/a/x", "/p/a/"} {
		if p := h.ask("GET", path, ""); p.status != http.StatusNotFound || strings.Contains(p.header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", path, p.status, p.header)
		}
	}
}
