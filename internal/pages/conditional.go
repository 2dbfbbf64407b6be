package pages

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"time"
)

// version tells one state of a page from another. modified is zero if it is not known.
type version struct {
	etag     string
	modified time.Time
}

// etagOf is a weak entity tag (RFC 9110, 8.8.3) that is the same for the same parts.
func etagOf(parts ...string) string {
	sum := sha256.New()
	for _, part := range parts {
		inner := sha256.Sum256([]byte(part))
		sum.Write(inner[:])
	}
	return `W/"` + base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:18]) + `"`
}

// has reports whether the visitor has this version already. If-None-Match decides where it is given, and
// If-Modified-Since, which knows only seconds, where it is not (RFC 9110, 13.2.2).
func (v version) has(r *http.Request) bool {
	if given := r.Header.Values("If-None-Match"); len(given) > 0 {
		for tag := range strings.SplitSeq(strings.Join(given, ","), ",") {
			tag = strings.TrimSpace(tag)
			if tag == "*" || strings.TrimPrefix(tag, "W/") == strings.TrimPrefix(v.etag, "W/") {
				return true
			}
		}
		return false
	}
	since, err := http.ParseTime(r.Header.Get("If-Modified-Since"))
	return err == nil && !v.modified.IsZero() && !v.modified.Truncate(time.Second).After(since)
}

// answer sends a page that anybody may see and keep for a minute, or that it has not changed.
func (p *Pages) answer(w http.ResponseWriter, r *http.Request, v version, mediaType string, body []byte) {
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=60")
	h.Set("Vary", "Accept-Language")
	h.Set("ETag", v.etag)
	if !v.modified.IsZero() {
		h.Set("Last-Modified", v.modified.UTC().Format(http.TimeFormat))
	}
	if p.Index {
		h.Del("X-Robots-Tag")
	}
	if v.has(r) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", mediaType)
	_, _ = w.Write(body) // the reader may have left
}
