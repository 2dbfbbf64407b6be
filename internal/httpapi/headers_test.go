package httpapi

import (
	"net/http"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/auth"
)

func TestEveryAnswerHasTheHeadersOfSafety(t *testing.T) {
	t.Parallel()
	a, _, _ := limited(t, Limits{Address: 4})
	secure := serve(t, nil, func(d *Deps) { d.PublicURL = "https://news.example.org" })
	for name, r := range map[string]answer{
		"an answer": a.as(auth.AdminID, "192.0.2.1", "GET", anyList), "unknown": a.as("", "192.0.2.2", "GET", "/nowhere"),
		"wrong method": a.as(auth.AdminID, "192.0.2.1", "PATCH", anyList), "no key": a.as("wrong", "192.0.2.1", "GET", anyList),
		"a probe": a.do("GET", "/healthz", nil), "a pixel": a.do("GET", "/t/o/x.gif", nil), "a panic": secure.do("GET", "/api/v1/topics", nil),
	} {
		for header, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "X-Content-Type-Options": "nosniff",
			"Referrer-Policy": "same-origin", "X-Frame-Options": "DENY", "Permissions-Policy": noFeatures,
			"Cross-Origin-Resource-Policy": map[bool]string{true: "cross-origin", false: "same-origin"}[name == "a pixel"],
			"Strict-Transport-Security":    map[bool]string{true: hsts}[name == "a panic"],
		} {
			if got := r.Header.Get(header); got != want {
				t.Errorf("%s: %s is %q", name, header, got)
			}
		}
	}
}

func TestCORSIsClosed(t *testing.T) {
	t.Parallel()
	a, _, _ := limited(t, Limits{})
	for _, method := range []string{"GET", "OPTIONS"} {
		r := a.do(method, anyList, nil, "Authorization: Bearer ada", "Origin: https://a.example.org", "Access-Control-Request-Method: GET")
		for name := range r.Header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s is told %s", method, name)
			}
		}
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	n := &names{}
	a := serve(t, nil, func(d *Deps) {
		d.Auth, d.Origins, d.Subscribers = n, []string{"https://a.example.org", "http://localhost:3000"}, noSubscribers{}
	})
	for origin, allowed := range map[string]bool{
		"https://a.example.org": true, "http://localhost:3000": true, "https://b.example.org": false, "https://a.example.org.evil.net": false,
		"http://a.example.org": false, "https://a.example.org:8443": false, "null": false, "": false, "https://A.example.org": false,
	} {
		preflight := a.do("OPTIONS", anyList, nil, "Authorization: ", "Origin: "+origin, "Access-Control-Request-Method: POST",
			"Access-Control-Request-Headers: authorization,content-type").want(http.StatusNoContent)
		actual := a.do("GET", anyList, nil, "Authorization: Bearer ada", "Origin: "+origin).want(http.StatusOK)
		refused := a.do("GET", anyList, nil, "Authorization: Bearer wrong", "Origin: "+origin).want(http.StatusUnauthorized)
		for name, r := range map[string]answer{"preflight": preflight, "request": actual, "refusal": refused} {
			want := map[bool]string{true: origin}[allowed]
			if got := r.Header.Get("Access-Control-Allow-Origin"); got != want {
				t.Errorf("%s of %q may be read by %q", name, origin, got)
			}
			if r.Header.Get("Access-Control-Allow-Credentials") != "" || !strings.Contains(strings.Join(r.Header.Values("Vary"), ","), "Origin") {
				t.Errorf("%s of %q: %v", name, origin, r.Header)
			}
		}
		if got := preflight.Header.Get("Access-Control-Allow-Headers"); strings.Contains(got, "Authorization") != allowed {
			t.Errorf("%q may send %q", origin, got)
		}
		if got := actual.Header.Get("Access-Control-Expose-Headers"); strings.Contains(got, "RateLimit, ") != allowed {
			t.Errorf("%q may see %q", origin, got)
		}
	}
	if len(n.asked) != 18 {
		t.Errorf("a preflight was authenticated: %q", n.asked)
	}
	// OPTIONS that is no preflight, and what is not the API, are as they were.
	a.do("OPTIONS", anyList, nil, "Origin: https://a.example.org").problem(http.StatusMethodNotAllowed, "method_not_allowed")
	if r := a.do("GET", "/healthz", nil, "Origin: https://a.example.org"); r.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("a probe is for pages")
	}
}
