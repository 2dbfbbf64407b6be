package pages

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/brand"
	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/token"
)

// faces has one brand: that of the publication 41.
type faces struct {
	brand brand.Brand
	err   error
}

func (f *faces) BrandOf(_ context.Context, publication int64) (brand.Brand, error) {
	if publication != 41 {
		return brand.Brand{}, fault.New(fault.NotFound, "not_found", "")
	}
	return f.brand, f.err
}

func (f *faces) BrandNamed(_ context.Context, slug string) (brand.Brand, error) {
	if slug != f.brand.Slug {
		return brand.Brand{}, fault.New(fault.NotFound, "not_found", "")
	}
	return f.brand, f.err
}

// branded is a desk with a brand.
func branded(t *testing.T) (*desk, *faces) {
	t.Helper()
	d := newDesk(t)
	f := &faces{brand: brand.Brand{ID: 3, Slug: "daily news", Name: "Day & Night", Logo: "asset:" + issue, Color: "#ffcc00", LinkColor: "#7c2d12",
		ImprintURL: "//daily.example/imprint", SupportEmail: "help@daily.example"}}
	handler, err := New(Deps{Organisation: "Desk & Co", Tokens: d.signer, Tickets: d.tickets, Readers: d.house, Brands: f, Subscriptions: d,
		Archive: d.house, Images: d.house, Listing: d.house, PublicURL: "https://desk.example"})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	d.url = server.URL
	return d, f
}

// TestPagesOfABrand: what a link in a message leads to looks like the message, and so does what our letters lead to.
func TestPagesOfABrand(t *testing.T) {
	t.Parallel()
	d, _ := branded(t)
	footer := d.signer.Sign(token.Recipient{Publication: 41, Channel: channel.Email.ID(), Recipient: 7})
	for _, path := range []string{
		"/p/u/" + footer, "/p/preferences/" + footer, "/p/subscribe?brand=daily+news", "/p/preferences?brand=Daily%20News",
		"/p/confirm/" + d.ticket(token.Confirm, time.Hour) + "?brand=daily+news", "/p/preferences/" + d.ticket(token.Prefer, time.Hour) + "?brand=daily+news",
	} {
		p := d.ask("GET", path, "")
		d.checkPage(p, 200, `<img class="logo" src="/p/a/`+issue+`" alt="Day &amp; Night">`, "– Day &amp; Night</title>", `href="//daily.example/imprint"`,
			`href="mailto:help@daily.example"`, "--color: #ffcc00", "--on-color: #000000", "a { color: #7c2d12 }")
		policy := p.header.Get("Content-Security-Policy")
		_, styles, _ := strings.Cut(p.body, "<style>:root { --color")
		style, _, _ := strings.Cut(":root { --color"+styles, "</style>")
		if !strings.Contains(policy, hashOf([]byte(style))) || !strings.Contains(policy, "; img-src 'self';") {
			t.Errorf("%s: the policy %s does not let its brand in", path, policy)
		}
		if strings.Contains(p.body, "Desk") {
			t.Errorf("%s: it is of two organisations:\n%s", path, p.body)
		}
	}
}

// TestPagesOfNoBrand: a page is as it was before there were brands, also where its brand cannot be found or read.
func TestPagesOfNoBrand(t *testing.T) {
	t.Parallel()
	d, f := branded(t)
	plain := newDesk(t)
	other := d.signer.Sign(token.Recipient{Publication: 42, Channel: channel.Email.ID(), Recipient: 7})
	same := func(path string) {
		t.Helper()
		with, without := d.ask("GET", path, ""), plain.ask("GET", path, "")
		if with.status != 200 || with.body != without.body || with.header.Get("Content-Security-Policy") != without.header.Get("Content-Security-Policy") {
			t.Errorf("%s: %d\n%s", path, with.status, with.body)
		}
	}
	for _, path := range []string{"/p/u/" + other, "/p/subscribe", "/p/subscribe?brand=weekly", "/p/subscribe?brand=%00", "/p/preferences?brand=" + strings.Repeat("a", 2000)} {
		same(path)
	}
	f.err = errors.New("away")
	same("/p/subscribe?brand=daily+news")
	f.err, f.brand = nil, brand.Brand{Slug: "bare", Name: "Bare", Logo: "https://elsewhere.example/logo.png"}
	p := d.ask("GET", "/p/subscribe?brand=bare", "")
	d.checkPage(p, 200, `<p class="organisation">Bare</p>`, "– Bare</title>")
	if policy := p.header.Get("Content-Security-Policy"); strings.Contains(policy, "img-src") || strings.Contains(p.body, "<footer") {
		t.Errorf("a brand of a name only: %s\n%s", policy, p.body)
	}
}

// TestLettersOfABrand: who signs up on a brand's page agrees to hear from the brand, and the letter knows of it.
func TestLettersOfABrand(t *testing.T) {
	t.Parallel()
	d, _ := branded(t)
	d.checkPage(d.ask("POST", "/p/subscribe?brand=daily+news", "email=new%40example.org&name=Ada&language=en"), 200)
	d.want("sign up")
	if act := d.acts[0]; act.Brand != "daily news" || act.Text == nil || !strings.Contains(act.Text.Body, "Day & Night") {
		t.Errorf("%+v, %+v", act, act.Text)
	}
	d.checkPage(d.ask("POST", "/p/subscribe", "email=new%40example.org&name=Ada&language=en"), 200)
	if act := d.acts[1]; act.Brand != "" || !strings.Contains(act.Text.Body, "Desk & Co") {
		t.Errorf("%+v, %+v", act, act.Text)
	}
}

// TestArchiveOfABrand: the list and the feed of a brand have what is its own and look like it, from page to page.
func TestArchiveOfABrand(t *testing.T) {
	t.Parallel()
	d, f := branded(t)
	d.checkPublic(d.ask("GET", "/p/archive?brand=daily+news", ""), "No newsletter has been sent yet.", "– Day &amp; Night</title>")
	d.issues(6 * (listLength + 1))
	first := d.ask("GET", "/p/archive?brand=DAILY%20news", "")
	d.checkPublic(first, `<img class="logo" src="/p/a/`+issue+`" alt="Day &amp; Night">`, "--color: #ffcc00", `href="mailto:help@daily.example"`,
		`<link rel="alternate" type="application/atom+xml" href="archive.atom?brand=daily&#43;news">`, ">Issue 126</a>", ">Issue 69</a>")
	if policy := first.header.Get("Content-Security-Policy"); !strings.Contains(policy, "; img-src 'self';") || !strings.Contains(policy, hashOf([]byte(faceOf(f.brand).Style))) {
		t.Errorf("the policy %s does not let its brand in", policy)
	}
	if titles := d.follow("/p/archive?brand=daily+news"); len(titles) != 2*(listLength+1) || titles[len(titles)-1] != "Issue 3" {
		t.Errorf("%d: %v", len(titles), titles)
	}
	if titles := d.follow("/p/archive?topic=go&brand=daily+news"); len(titles) != listLength+1 || titles[0] != "Issue 126" || titles[listLength] != "Issue 6" {
		t.Errorf("%d: %v", len(titles), titles)
	}
	if p := d.ask("GET", "/p/archive?brand=daily+news", "", "If-None-Match: "+first.header.Get("ETag")); p.status != 304 {
		t.Errorf("%d for what has not changed", p.status)
	}
	if p := d.ask("GET", "/p/archive", ""); strings.Contains(p.body, "Day") || !strings.Contains(p.body, ">Issue 125</a>") {
		t.Errorf("the list of all is another: %s", p.body)
	}
}

func TestFeedOfABrand(t *testing.T) {
	t.Parallel()
	d, f := branded(t)
	d.issues(6)
	all, _ := d.feed("/p/archive.atom")
	p, feed := d.feed("/p/archive.atom?brand=DAILY+news")
	const self = "https://desk.example/p/archive.atom?brand=daily+news"
	if feed.Title != "Day & Night – Newsletters" || feed.Author != "Day & Night" || feed.ID != self || len(feed.Entries) != 2 || feed.Entries[1].Title != "Issue 3" ||
		feed.Logo != "https://desk.example/p/a/"+issue || feed.Links[0].Href != strings.Replace(self, ".atom", "", 1) || feed.Links[1].Href != self {
		t.Errorf("%+v", feed)
	}
	if got := d.ask("GET", "/p/archive.atom?brand=daily+news", "", "If-None-Match: "+p.header.Get("ETag")); got.status != 304 {
		t.Errorf("%d for what has not changed", got.status)
	}
	f.brand.Name, f.brand.Logo = "Night & Day", "https://elsewhere.example/logo.png"
	if next, feed := d.feed("/p/archive.atom?brand=daily+news"); next.header.Get("ETag") == p.header.Get("ETag") || feed.Author != "Night & Day" || feed.Logo != f.brand.Logo {
		t.Errorf("renamed: %v %+v", next.header, feed)
	}
	if again, feed := d.feed("/p/archive.atom"); again.body != all.body || feed.Logo != "" || feed.Author != "Desk & Co" || len(feed.Entries) != 6 {
		t.Errorf("the feed of all is another: %s", again.body)
	}
}

// TestArchiveOfNoBrand: what is of others is never shown as a brand's own.
func TestArchiveOfNoBrand(t *testing.T) {
	t.Parallel()
	d, f := branded(t)
	d.issues(4)
	for _, path := range []string{"/p/archive", "/p/archive.atom"} {
		for _, query := range []string{"?brand=weekly", "?brand=%00", "?brand=%ff", "?brand=" + strings.Repeat("a", 2000), "?brand=daily+news&topic=go", "?brand=daily+news&topic=none"} {
			d.checkPage(d.ask("GET", path+query, ""), 404, "Page not found")
		}
	}
	d.checkPage(d.ask("GET", "/p/archive?brand=daily+news&before="+d.entries[3].UID.String(), ""), 404)
	f.err = fault.New(fault.Unavailable, "database_unavailable", "")
	for _, path := range []string{"/p/archive?brand=daily+news", "/p/archive.atom?brand=daily+news"} {
		d.checkPage(d.ask("GET", path, ""), 503)
	}
	if p := newHouse(t).ask("GET", "/p/archive?brand=daily+news", ""); p.status != 404 {
		t.Errorf("%d where there are no brands", p.status)
	}
}

// TestNewsletterLeadsToItsFeed: to that of its brand, as long as there is one of this name.
func TestNewsletterLeadsToItsFeed(t *testing.T) {
	t.Parallel()
	d, f := branded(t)
	for slug, want := range map[string]string{"": "../archive.atom", "daily news": "../archive.atom?brand=daily+news", "weekly": "../archive.atom"} {
		d.slug = slug
		if p := d.ask("GET", "/p/n/"+issue, ""); p.status != 200 || !strings.Contains(p.body, `href="`+want+`"></head>`) {
			t.Errorf("of %q: %d %s", slug, p.status, p.body)
		}
	}
	d.slug, f.err = "daily news", errors.New("away")
	if p := d.ask("GET", "/p/n/"+issue, ""); p.status != 200 || !strings.Contains(p.body, `href="../archive.atom"></head>`) {
		t.Errorf("with its brand away: %d %s", p.status, p.body)
	}
}

// TestBrandIsKept: where a page leads on or back to the beginning, it stays with the brand.
func TestBrandIsKept(t *testing.T) {
	t.Parallel()
	d, _ := branded(t)
	footer := d.signer.Sign(token.Recipient{Publication: 41, Channel: channel.Email.ID(), Recipient: 7})
	plain := d.signer.Sign(token.Recipient{Publication: 42, Channel: channel.Email.ID(), Recipient: 7})
	old, expired := d.ticket(token.Confirm, time.Hour), d.ticket(token.Confirm, -time.Second)
	chosen := d.ticket(token.Prefer, -time.Second)
	const of = "?brand=daily&#43;news"
	for path, want := range map[string]string{
		"/p/u/" + footer: "/p/preferences/" + footer + of, "/p/u/" + plain: "/p/preferences/" + plain,
		"/p/confirm/" + expired + "?brand=daily+news": "/p/subscribe" + of, "/p/confirm/" + expired: "/p/subscribe", "/p/confirm/" + expired + "?brand=gone": "/p/subscribe",
		"/p/preferences/" + chosen + "?brand=daily+news": "/p/preferences" + of, "/p/preferences/" + chosen: "/p/preferences",
	} {
		if p := d.ask("GET", path, ""); !strings.Contains(p.body, `href="`+want+`"`) {
			t.Errorf("%s does not lead to %s: %s", path, want, p.body)
		}
	}
	d.request.Void = true
	for query, want := range map[string]string{"?brand=daily+news": of, "": ""} {
		for _, method := range []string{"GET", "POST"} {
			d.checkPage(d.ask(method, "/p/confirm/"+old+query, ""), 410, `href="/p/subscribe`+want+`"`)
		}
	}
}
