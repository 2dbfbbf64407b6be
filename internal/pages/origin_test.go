package pages

import (
	"net/http"
	"testing"
)

// TestFormsOfOtherSites are refused, by what browsers say about where a form was sent from. Mail providers, whose one-click
// requests come from no browser, and all browsers with our own form pass.
func TestFormsOfOtherSites(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		headers []string
		passes  bool
	}{
		"a mail provider":                       {nil, true},
		"our page":                              {[]string{"Sec-Fetch-Site: same-origin", "Origin: HERE"}, true},
		"our page, in an old browser":           {[]string{"Origin: HERE"}, true},
		"our page behind a proxy, in an old":    {[]string{"Origin: https://desk.example"}, true},
		"an address that was typed":             {[]string{"Sec-Fetch-Site: none"}, true},
		"another site":                          {[]string{"Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, false},
		"another site that claims to be nobody": {[]string{"Sec-Fetch-Site: cross-site", "Origin: null"}, false},
		"a subdomain":                           {[]string{"Sec-Fetch-Site: same-site", "Origin: https://other.desk.example"}, false},
		"another site, in an old browser":       {[]string{"Origin: https://evil.example"}, false},
		"nobody, in an old browser":             {[]string{"Origin: null"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			for i, header := range tc.headers {
				if header == "Origin: HERE" {
					tc.headers[i] = "Origin: " + h.url
				}
			}
			for _, body := range []string{"scope=all", "List-Unsubscribe=One-Click"} {
				got := h.ask("POST", h.link(1), body, tc.headers...)
				if want := map[bool]int{true: http.StatusOK, false: http.StatusForbidden}[tc.passes]; got.status != want {
					t.Errorf("%s: %d", body, got.status)
				}
				if !tc.passes {
					h.checkPage(got, http.StatusForbidden, "Something went wrong")
				}
			}
			if got := len(h.left); (got == 2) != tc.passes {
				t.Errorf("%d left", got)
			}
			if got := h.ask("GET", h.link(1), "", tc.headers...); got.status != http.StatusOK {
				t.Errorf("looking at the page: %d", got.status)
			}
		})
	}
}
