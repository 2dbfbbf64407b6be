package httpapi

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

// hsts has browsers use HTTPS for a year (RFC 6797). Not for subdomains, which are not ours to decide about.
const hsts = "max-age=31536000"

// noFeatures switches off what a page could ask a browser for (W3C Permissions Policy). Nothing here asks.
const noFeatures = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"

// secure sets the headers that every answer has. They are for browsers: an answer shown as a page loads nothing, runs
// nothing, is in no frame and tells no other site where it was. Pages set a Content-Security-Policy of their own.
//
// Pictures are there for other origins: webmail shows the pixel, and places show what is uploaded.
func secure(publicURL string) gin.HandlerFunc {
	// net/http only reads the values, so that all answers may share them.
	fixed := http.Header{
		"Content-Security-Policy": {"default-src 'none'; frame-ancestors 'none'"},
		"Permissions-Policy":      {noFeatures},
		// Not no-referrer: browsers would send "Origin: null" with our own forms.
		"Referrer-Policy":        {"same-origin"},
		"X-Content-Type-Options": {"nosniff"},
		"X-Frame-Options":        {"DENY"},
	}
	if strings.HasPrefix(publicURL, "https://") {
		fixed["Strict-Transport-Security"] = []string{hsts}
	}
	own, all := []string{"same-origin"}, []string{"cross-origin"}
	return func(c *gin.Context) {
		h := c.Writer.Header()
		for name, value := range fixed {
			h[name] = value
		}
		h["Cross-Origin-Resource-Policy"] = own
		if strings.HasPrefix(c.Request.URL.Path, "/t/") {
			h["Cross-Origin-Resource-Policy"] = all
		}
		c.Next()
	}
}
