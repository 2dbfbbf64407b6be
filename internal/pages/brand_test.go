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
	f := &faces{brand: brand.Brand{Slug: "daily news", Name: "Day & Night", Logo: "asset:" + issue, Color: "#ffcc00", LinkColor: "#7c2d12",
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
