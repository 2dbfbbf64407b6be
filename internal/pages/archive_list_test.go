package pages

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/presswork/presswork/internal/fault"
)

// checkPublic holds what an archive page owes a visitor, which is other than what a page behind a token does.
func (h *house) checkPublic(p page, texts ...string) {
	h.t.Helper()
	policy, caching := p.header.Get("Content-Security-Policy"), p.header.Get("Cache-Control")
	if p.status != http.StatusOK || caching != "public, max-age=60" || p.header.Get("Vary") != "Accept-Language" || p.header.Get("ETag") == "" ||
		!strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || p.header.Get("Set-Cookie") != "" {
		h.t.Errorf("%d %v", p.status, p.header)
	}
	h.checkBody(p, texts)
}

func TestArchiveList(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.checkPublic(h.ask("GET", "/p/archive", ""), "No newsletter has been sent yet.", "<h1>Newsletters</h1>")
	one := h.publish("Spring & <b>", "")
	p := h.ask("GET", "/p/archive", "", "Accept-Language: de")
	h.checkPublic(p, `<html lang="de" dir="ltr">`, `<a href="n/`+one.UID.String()+`">Spring &amp; &lt;b&gt;</a>`, "2030-01-31", "Atom-Feed",
		`<link rel="alternate" type="application/atom+xml" href="archive.atom">`)
	if strings.Contains(p.body, "Ältere") || strings.Contains(p.body, "Neueste") || p.header.Get("Content-Language") != "de" {
		t.Errorf("%v %s", p.header, p.body)
	}
	if !strings.Contains(p.body, `content="noindex"`) || p.header.Get("X-Robots-Tag") != "noindex" {
		t.Errorf("search engines are told nothing: %v %s", p.header, p.body)
	}
}

var (
	issueTitle = regexp.MustCompile(`Issue \d+`)
	olderLink  = regexp.MustCompile(`<a href="(archive\?[^"]*)" rel="next">`)
)

// follow reads the archive from a page to the last and returns the titles.
func (h *house) follow(path string) []string {
	h.t.Helper()
	var titles []string
	for range 10 {
		p := h.ask("GET", path, "")
		h.checkPublic(p)
		titles = append(titles, issueTitle.FindAllString(p.body, -1)...)
		older := olderLink.FindStringSubmatch(p.body)
		if older == nil {
			return titles
		}
		path = "/p/" + html.UnescapeString(older[1])
	}
	h.t.Fatal("the archive has no end")
	return nil
}

func TestArchiveIsPaged(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, listLength, listLength + 1, 2 * listLength, 2*listLength + 3} {
		h := newHouse(t)
		h.issues(n)
		titles := h.follow("/p/archive")
		if len(titles) != n {
			t.Fatalf("%d of %d: %v", len(titles), n, titles)
		}
		for i, title := range titles {
			if title != fmt.Sprintf("Issue %d", n-i) {
				t.Errorf("%s at %d of %d", title, i, n)
			}
		}
	}
	h := newHouse(t)
	h.issues(3*listLength + 1)
	if titles := h.follow("/p/archive?topic=%20GO"); len(titles) != (3*listLength+1)/2 || titles[0] != fmt.Sprintf("Issue %d", 3*listLength) {
		t.Errorf("of a topic: %v", titles)
	}
	h.checkPublic(h.ask("GET", "/p/archive?topic=go", ""), "<h1>Newsletters – Go &amp; &lt;b&gt;</h1>", `href="archive.atom?topic=go"`, "topic=go\" rel=\"next\"")
	h.checkPublic(h.ask("GET", "/p/archive?before="+h.entries[5].UID.String(), ""), `<a href="archive">Newest</a>`)
}

// What the archive does not have looks the same whether or not there is such a thing.
func TestArchiveRefuses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.publish("Issue 1", "")
	for _, path := range []string{
		"?topic=go", "?topic=unknown", "?topic=a%00b", "?topic=" + strings.Repeat("x", 1000), "?before=x",
		"?before=" + issue, "?before=" + h.entries[0].UID.String(), "/", "/x",
	} {
		h.checkPage(h.ask("GET", "/p/archive"+path, ""), http.StatusNotFound, "Page not found")
	}
	for _, path := range []string{"?topic=go", "?topic=unknown", "?topic=a%00b", "/"} {
		h.checkPage(h.ask("GET", "/p/archive.atom"+path, ""), http.StatusNotFound, "Page not found")
	}
	h.checkPage(h.ask("POST", "/p/archive", "x=y"), http.StatusNotFound)
	h.away = fault.New(fault.Unavailable, "database_unavailable", "")
	for _, path := range []string{"/p/archive", "/p/archive.atom"} {
		h.checkPage(h.ask("GET", path, ""), http.StatusServiceUnavailable)
	}
}

func TestIndexedArchive(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.publish("Issue 1", "")
	indexed := h.serve(Deps{Archive: h, Listing: h, Tokens: h.signer, Readers: h, Index: true})
	if p := indexed.ask("GET", "/p/archive", ""); strings.Contains(p.body, "noindex") || p.header.Get("X-Robots-Tag") != "" {
		t.Errorf("%v %s", p.header, p.body)
	}
	if p := indexed.ask("GET", "/p/u/x", ""); !strings.Contains(p.body, "noindex") {
		t.Errorf("a page behind a token is listed: %s", p.body)
	}
}
