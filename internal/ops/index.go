package ops

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"golang.org/x/net/html"
)

//go:embed index.html
var indexHTML []byte

// indexPage says what there is.
func indexPage() (http.HandlerFunc, error) {
	styles, err := inlineHashes(indexHTML, "style")
	if err != nil {
		return nil, err
	}
	policy := "default-src 'none'; style-src" + styles + "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(indexHTML) // who asked has gone
	}, nil
}

// inlineHashes names the contents of a page's elements called tag, as a Content-Security-Policy lets them
// through one by one: " 'sha256-…'" for each (CSP 3, 2.3.1). Empty elements, which load from elsewhere, are
// left out.
func inlineHashes(page []byte, tag string) (string, error) {
	var out strings.Builder
	for z := html.NewTokenizer(bytes.NewReader(page)); ; {
		switch z.Next() {
		case html.ErrorToken:
			if err := z.Err(); !errors.Is(err, io.EOF) {
				return "", fmt.Errorf("read HTML: %w", err)
			}
			return out.String(), nil
		case html.StartTagToken:
			name, _ := z.TagName()
			if string(name) != tag || z.Next() != html.TextToken {
				continue
			}
			sum := sha256.Sum256(z.Raw())
			out.WriteString(" 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'")
		default:
		}
	}
}
