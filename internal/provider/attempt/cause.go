package attempt

import (
	"errors"
	"net/url"
	"strings"
	"unicode/utf8"
)

// maxText bounds what is kept of a provider's words, in bytes.
const maxText = 300

// cause is an error whose text may be shown. What it wraps answers errors.Is and errors.As, but its own
// text may hold a secret URL or an address.
type cause struct {
	text string
	err  error
}

// Error is the cause in words that name no address and no secret.
func (c *cause) Error() string { return c.text }

// Unwrap returns the error as it came.
func (c *cause) Unwrap() error { return c.err }

// Cause makes err fit for logs and dead letters: the URL of the request, which may be a secret (hooks),
// is left out, and so are mail addresses. It is nil for nil.
func Cause(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	var request *url.Error
	if errors.As(err, &request) && request.Err != nil {
		text = request.Err.Error()
	}
	return &cause{text: Scrub(text), err: err}
}

// Scrub makes one line of text that others wrote, at most some 300 bytes long, without its mail
// addresses and URLs.
func Scrub(text string) string {
	words := strings.Fields(strings.ToValidUTF8(text, "?"))
	for i, word := range words {
		switch {
		case strings.Contains(word, "://"):
			words[i] = "[link]"
		case strings.Contains(word, "@"):
			words[i] = "[address]"
		}
	}
	return Truncate(strings.Join(words, " "), maxText)
}

// Truncate cuts s to at most limit bytes, ending in "…" if anything was cut, between two characters.
func Truncate(s string, limit int) string {
	const ellipsis = "…"
	if len(s) <= limit {
		return s
	}
	end := max(limit-len(ellipsis), 0)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + ellipsis
}
