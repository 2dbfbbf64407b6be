package pages

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/net/html"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a site with one reader.
type house struct {
	t      *testing.T
	url    string
	signer *token.Signer

	mu     sync.Mutex
	reader publication.Recipient
	slug   string // of the brand of the newsletter
	err    error
	left   []publication.Unsubscription
	actors []string
	acts   []consent.Act
	past
}

func (h *house) Recipient(context.Context, int64, int64) (publication.Recipient, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.reader, h.err
}

func (h *house) Unsubscribe(ctx context.Context, u publication.Unsubscription) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.left, h.actors, h.acts = append(h.left, u), append(h.actors, audit.Actor(ctx)), append(h.acts, consent.Of(ctx, consent.API))
	return h.err
}

func (h *house) Archive(_ context.Context, uid ident.UID, language string) (html, brand string, err error) {
	if uid.String() != issue {
		return "", "", fault.New(fault.NotFound, "not_found", "")
	}
	return "<!doctype html><html><head><title>Issue " + language + "</title></head><body></body></html>", h.slug, nil
}

const issue = "0190b5a0-0000-7000-8000-00000000000a"

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{
		t: t, signer: token.NewSigner([]byte("a secret of at least thirty-two characters")),
		reader: publication.Recipient{Email: "ada@example.org", Language: "en", Active: true},
	}
	handler, err := New(Deps{
		Organisation: "Desk & Co", Tokens: h.signer, Readers: h, Archive: h, Images: h, Listing: h, PublicURL: "https://desk.example",
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	h.url = server.URL
	return h
}

func (h *house) link(channel int16) string {
	return "/p/u/" + h.signer.Sign(token.Recipient{Publication: 41, Channel: channel, Recipient: 7})
}

type page struct {
	status int
	header http.Header
	body   string
}

// transport has connections of its own: those of http.DefaultTransport are closed with every httptest.Server, and a request of
// a test beside it fails.
var transport = &http.Transport{}

func (h *house) ask(method, path, body string, headers ...string) page {
	h.t.Helper()
	request, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Set(name, value)
	}
	response, err := transport.RoundTrip(request) // follows no redirect
	if err != nil {
		h.t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if closeErr := response.Body.Close(); err != nil || closeErr != nil {
		h.t.Fatal(err, closeErr)
	}
	return page{response.StatusCode, response.Header, string(text)}
}

// checkPage holds what every page owes a visitor.
func (h *house) checkPage(p page, status int, texts ...string) {
	h.t.Helper()
	if p.status != status {
		h.t.Errorf("status %d, want %d: %s", p.status, status, p.body)
	}
	policy := p.header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || p.header.Get("Referrer-Policy") != "same-origin" ||
		p.header.Get("X-Content-Type-Options") != "nosniff" || p.header.Get("Cache-Control") != "no-store" || p.header.Get("X-Robots-Tag") != "noindex" ||
		p.header.Get("Set-Cookie") != "" {
		h.t.Errorf("headers %v", p.header)
	}
	h.checkBody(p, texts)
}

// checkBody wants a page that loads nothing, and has the texts in it.
func (h *house) checkBody(p page, texts []string) {
	h.t.Helper()
	if strings.Contains(p.body, "<script") || strings.Contains(p.body, "http://") || strings.Contains(p.body, "https://") {
		h.t.Errorf("the page loads something: %s", p.body)
	}
	if _, err := html.Parse(strings.NewReader(p.body)); err != nil {
		h.t.Error(err)
	}
	for _, text := range texts {
		if !strings.Contains(p.body, text) {
			h.t.Errorf("%q is not in %s", text, p.body)
		}
	}
}

func TestUnsubscribePage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.checkPage(h.ask("GET", h.link(1), ""), http.StatusOK, "a***@example.org", `name="scope" value="all"`, "Desk &amp; Co", `<html lang="en" dir="ltr">`)
	h.reader.Topics = []publication.Topic{{ID: 3, Name: "Go"}, {ID: 4, Name: "<b>"}}
	h.checkPage(h.ask("GET", h.link(2), ""), http.StatusOK, `value="topics"`, "<bdi>Go</bdi>, <bdi>&lt;b&gt;</bdi>")
	h.reader.Language = "ar"
	h.checkPage(h.ask("GET", h.link(2), ""), http.StatusOK, "<bdi>Go</bdi>، <bdi>&lt;b&gt;</bdi>", "<bdi>a***@example.org</bdi>")
	h.reader.Language = "en"
	if len(h.left) != 0 {
		t.Fatalf("a visit unsubscribed: %+v", h.left)
	}
	less := h.ask("POST", h.link(2), "scope=topics")
	if h.checkPage(less, http.StatusOK, "<h1>Unsubscribe</h1>", "Your choice is stored."); strings.Contains(less.body, "You are unsubscribed") {
		t.Errorf("who left some topics is told that they left everything: %s", less.body)
	}
	h.checkPage(h.ask("POST", h.link(1), "scope=all"), http.StatusOK, "You are unsubscribed")
	h.reader.Topics = nil
	h.checkPage(h.ask("POST", h.link(1), "scope=topics"), http.StatusOK, "Your choice is stored.")
	if len(h.left) != 3 || !slices.Equal(h.left[0].Topics, []int32{3, 4}) || h.left[0].Channel != 2 || h.left[0].Publication != 41 || h.left[0].Subscriber != 7 ||
		h.left[1].Topics != nil || h.left[2].Topics == nil || h.actors[0] != "subscriber" || h.acts[1].Source != consent.Page {
		t.Errorf("%+v by %v: %+v", h.left, h.actors, h.acts)
	}
	h.reader.Active = false
	h.checkPage(h.ask("GET", h.link(1), ""), http.StatusOK, "You are unsubscribed")
	h.reader, h.err = publication.Recipient{}, fault.New(fault.NotFound, "not_found", "")
	h.checkPage(h.ask("GET", h.link(1), ""), http.StatusOK, "You are unsubscribed")
	h.checkPage(h.ask("POST", h.link(1), "scope=all"), http.StatusOK, "You are unsubscribed")
}

// RFC 8058: a POST without cookies, in either form encoding, answered without a redirect. It is from everything, whatever else it says.
func TestOneClick(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.reader.Topics = []publication.Topic{{ID: 3, Name: "Go"}}
	multipart := "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n"
	for _, p := range []page{
		h.ask("POST", h.link(1), "List-Unsubscribe=One-Click"),
		h.ask("POST", h.link(1), "List-Unsubscribe=One-Click"),
		h.ask("POST", h.link(1), multipart, "Content-Type: multipart/form-data; boundary=b"),
		h.ask("POST", h.link(1), "List-Unsubscribe=One-Click&scope=topics"),
	} {
		if p.status != http.StatusOK || p.header.Get("Content-Type") != "text/plain; charset=utf-8" || p.header.Get("Set-Cookie") != "" || p.body != "unsubscribed\n" {
			t.Errorf("%d %v %q", p.status, p.header, p.body)
		}
	}
	if len(h.left) != 4 {
		t.Errorf("%+v", h.left)
	}
	for i, u := range h.left {
		if u.Topics != nil || h.acts[i].Source != consent.OneClick {
			t.Errorf("%+v, %+v", u, h.acts[i])
		}
	}
	h.err = fault.New(fault.NotFound, "not_found", "")
	if p := h.ask("POST", h.link(1), "List-Unsubscribe=One-Click"); p.status != http.StatusOK {
		t.Errorf("one who is no more: %d", p.status)
	}
	h.err = fault.New(fault.Unavailable, "database_unavailable", "")
	if p := h.ask("POST", h.link(1), "List-Unsubscribe=One-Click"); p.status != http.StatusServiceUnavailable || p.header.Get("Retry-After") == "" {
		t.Errorf("without a database: %d %v", p.status, p.header)
	}
}

func TestUnsubscribeRefuses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/p/u/x", "", http.StatusNotFound},
		{"POST", "/p/u/x", "scope=all", http.StatusNotFound},
		{"GET", h.link(1)[:len(h.link(1))-1], "", http.StatusNotFound},
		{"GET", h.link(3), "", http.StatusNotFound}, // the recipient of a broadcast is a channel
		{"POST", h.link(3), "List-Unsubscribe=One-Click", http.StatusNotFound},
		{"GET", h.link(99), "", http.StatusNotFound},
		{"POST", h.link(1), "", http.StatusBadRequest},
		{"POST", h.link(1), "scope=some", http.StatusBadRequest},
		{"POST", h.link(1), "List-Unsubscribe=one-click", http.StatusBadRequest},
		{"POST", h.link(1), "List-Unsubscribe=One-Click-", http.StatusBadRequest},
		{"POST", h.link(1), "scope=%zz", http.StatusBadRequest},
		{"POST", h.link(1), "scope=all&x=" + strings.Repeat("x", maxForm), http.StatusBadRequest},
		{"GET", h.link(1) + "?scope=all&List-Unsubscribe=One-Click", "", http.StatusOK},
		{"POST", h.link(1) + "?scope=all&List-Unsubscribe=One-Click", "", http.StatusBadRequest},
		{"GET", "/p/", "", http.StatusNotFound},
		{"PUT", h.link(1), "scope=all", http.StatusNotFound},
	} {
		h.checkPage(h.ask(c.method, c.path, c.body), c.status)
	}
	if p := h.ask("POST", h.link(1), "x", "Content-Type: multipart/form-data; boundary=b"); p.status != http.StatusBadRequest {
		t.Errorf("a broken form: %d", p.status)
	}
	h.err = errors.New("secret reason")
	if p := h.ask("GET", h.link(1), ""); p.status != http.StatusInternalServerError || strings.Contains(p.body, "secret") {
		t.Errorf("%d %s", p.status, p.body)
	}
	if len(h.left) != 0 {
		t.Errorf("%+v", h.left)
	}
}

func TestLanguages(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, c := range []struct{ subscriber, browser, want string }{
		{"de-AT", "fr", "Abmelden"}, {"", "fr-CA, en;q=0.5", "Se désabonner"}, {"es", "", "Darse de baja"},
		{"ja", "", "Unsubscribe"}, {"ja", "de", "Abmelden"}, {"", "", "Unsubscribe"}, {"", strings.Repeat("de,", 100), "Unsubscribe"}, {"", "*;q=x", "Unsubscribe"},
	} {
		h.reader.Language = c.subscriber
		p := h.ask("GET", h.link(1), "", "Accept-Language: "+c.browser)
		h.checkPage(p, http.StatusOK, "<h1>"+c.want+"</h1>")
		if p.header.Get("Content-Language") == "" || p.header.Get("Vary") != "Accept-Language" {
			t.Errorf("headers %v", p.header)
		}
	}
}

func TestCataloguesAreComplete(t *testing.T) {
	t.Parallel()
	c, err := loadCatalogues()
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range c.list {
		if len(one.texts) != len(c.list[0].texts) {
			t.Errorf("%s has %d texts, %s has %d", one.Language, len(one.texts), c.list[0].Language, len(c.list[0].texts))
		}
		for key := range c.list[0].texts {
			if text := one.Get(key); text == key || text == "" {
				t.Errorf("%s lacks %s", one.Language, key)
			}
		}
	}
	if c.list[0].Get("no such key") != "no such key" {
		t.Error("an unknown key has a text")
	}
}

func TestArchive(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask("GET", "/p/n/"+issue, "", "Accept-Language: de")
	policy := p.header.Get("Content-Security-Policy")
	if p.status != http.StatusOK || !strings.Contains(p.body, "Issue de") || !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "sandbox") ||
		strings.Contains(policy, "script") || p.header.Get("X-Robots-Tag") != "noindex" || !strings.Contains(p.header.Get("Cache-Control"), "public") {
		t.Errorf("%d %v %s", p.status, p.header, p.body)
	}
	if head, _, _ := strings.Cut(p.body, "</head>"); !strings.Contains(head, `type="application/atom+xml" href="../archive.atom">`) {
		t.Errorf("the feed is not to be found in %s", p.body)
	}
	for _, path := range []string{"/p/n/x", "/p/n/0190b5a0-0000-7000-8000-00000000000b"} {
		h.checkPage(h.ask("GET", path, ""), http.StatusNotFound, "Page not found")
	}
	indexed, err := New(Deps{Tokens: h.signer, Readers: h, Archive: h, Index: true})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	indexed.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/p/n/"+issue, nil))
	if w.Header().Get("X-Robots-Tag") != "" {
		t.Errorf("%v", w.Header())
	}
}

// Whatever the path and form, the answer is a page and only a signed link changes anything.
func FuzzUnsubscribe(f *testing.F) {
	h := &house{signer: token.NewSigner([]byte("a secret of at least thirty-two characters")), reader: publication.Recipient{Active: true}}
	handler, err := New(Deps{Tokens: h.signer, Readers: h, Archive: h})
	if err != nil {
		f.Fatal(err)
	}
	good := h.link(1)
	f.Add(good, "scope=all")
	f.Add("/p/u/x", "List-Unsubscribe=One-Click")
	f.Fuzz(func(t *testing.T, path, form string) {
		target, err := url.ParseRequestURI("http://localhost/p/u/" + url.PathEscape(strings.TrimPrefix(path, "/p/u/")))
		if err != nil {
			return
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(form))
		r.URL = target
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		h.left = nil
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if len(h.left) > 0 && path != good && "/p/u/"+path != good || w.Code >= http.StatusInternalServerError {
			t.Errorf("%q with %q: %d, %+v", path, form, w.Code, h.left)
		}
	})
}
