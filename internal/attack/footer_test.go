package attack

import (
	"context"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/presswork/presswork/internal/app"
	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

// edition is a newsletter that arrived, one mail to each reader.
type edition struct {
	*house
	mails map[string]arrived // by address
}

// arrived is what a mail leads to: the links of its footer by the path that they begin with, the one of its header, and all.
type arrived struct {
	footer map[string]string
	header map[string]string
	all    []string
}

// TestFooterLinks: what stands in a newsletter that arrived is followed: by programs that open everything, by the mail program's
// button, and by readers in Chromium.
func TestFooterLinks(t *testing.T) {
	t.Parallel()
	h := open(t, func(c *config.Config) { c.AllowPrivate = true }, app.API, app.Worker, app.Scheduler) // the stand-ins are on this machine
	room := fixture.NewNewsroom(t, h.API, h.sandbox.Addresses)
	room.ConnectSMTP(t, "newsletter")
	people := fixture.People("footer", 7) // of each language, and two more
	room.Subscribe(t, people)
	id := room.Publish(t, fixture.Order{Title: "The garden", Channels: []string{"newsletter"}, Topics: []string{"news"}})
	room.Await(t, id, "completed", patience)
	e := &edition{h, map[string]arrived{}}
	e.collect()
	if len(e.mails) != len(people) {
		t.Fatalf("%d mails", len(e.mails))
	}
	browser := startBrowser(t)
	t.Run("scanners", func(t *testing.T) { e.scanners(t, newTab(browser, t)) })
	t.Run("one click", func(t *testing.T) {
		e.oneClick(t, people[5].Email, "application/x-www-form-urlencoded", "List-Unsubscribe=One-Click")
		e.oneClick(t, people[6].Email, "multipart/form-data; boundary=b",
			"--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n")
	})
	for _, p := range people[:5] {
		t.Run(p.Language, func(t *testing.T) {
			b := newTab(browser, t, withoutScripts(), emulation.SetDeviceMetricsOverride(360, 740, 2, true))
			e.footer(&reader{tab: b, house: h, language: p.Language, email: p.Email})
		})
	}
}

// collect reads the mails.
func (e *edition) collect() {
	address := regexp.MustCompile(`https?://[^\s"'<>]+`)
	kind := regexp.MustCompile(`/p/(u|preferences|n)/`)
	for _, m := range e.sandbox.Messages("newsletter") {
		l := m.Read()
		a := arrived{footer: map[string]string{}, header: map[string]string{}}
		for _, f := range l.Fields {
			a.header[f.Name] = f.Value
		}
		for _, link := range address.FindAllString(html.UnescapeString(l.HTML)+" "+l.Text+" "+a.header["List-Unsubscribe"], -1) {
			if at, err := url.Parse(link); err != nil || !strings.HasPrefix(link, e.URL) {
				continue // contents lead elsewhere
			} else if found := kind.FindString(at.Path); found != "" {
				a.footer[found] = at.Path
			}
			a.all = append(a.all, link)
		}
		slices.Sort(a.all)
		a.all = slices.Compact(a.all)
		e.mails[m.To] = a
	}
}

// readers is all that following links may not change.
func (e *edition) readers(t *testing.T) (state string) {
	t.Helper()
	if err := e.pool.QueryRow(t.Context(), `
		SELECT (SELECT string_agg(concat_ws(' ', email, status, topics, channels_off, frequency, paused_until, language, version, revoked_at), ', ' ORDER BY id) FROM subscriber)
		       || (SELECT count(*) FROM consent) || ' ' || (SELECT count(*) FROM suppression) || ' ' || (SELECT count(*) FROM message)`).Scan(&state); err != nil {
		t.Fatal(err)
	}
	return state
}

// scanners fetch whatever a mail leads to, as filters, previews and prefetching programs do, and some run its scripts. Nobody's
// subscription is changed by that.
func (e *edition) scanners(t *testing.T, b *tab) {
	before := e.readers(t)
	fetched := 0
	for _, a := range e.mails {
		if len(a.footer) != 3 || len(a.all) < 4 {
			t.Fatalf("the footer leads to %v, the mail to %v", a.footer, a.all)
		}
		for _, link := range a.all {
			for _, request := range [][]string{{"GET"}, {"HEAD"}, {"OPTIONS"}, {"GET", "Sec-Purpose", "prefetch;prerender"}, {"GET", "Purpose", "prefetch"}, {"GET", "User-Agent", "LinkScanner/1.0 (+bot)"}} {
				answer := e.fetch(t, request[0], link, "", request[1:]...)
				if answer.StatusCode >= http.StatusInternalServerError || answer.Header.Get("Set-Cookie") != "" {
					t.Errorf("%s %s: %d %v", request, link, answer.StatusCode, answer.Header)
				}
				fetched++
			}
		}
		for _, path := range a.footer {
			b.do(chromedp.Navigate(e.URL + path))
		}
	}
	if after := e.readers(t); after != before {
		t.Errorf("%d requests changed\n%s\nto\n%s", fetched, before, after)
	}
}

// fetch makes a request that follows nothing and keeps no cookie.
func (e *edition) fetch(t *testing.T, method, address, body string, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	transport := &http.Transport{DisableKeepAlives: true}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		t.Error(err)
	}
	return answer
}

// oneClick is the button of a mail program (RFC 8058): a POST by what the headers say, without a cookie, a redirect or a page.
// It may come twice, and is of one reader only.
func (e *edition) oneClick(t *testing.T, email, contentType, body string) {
	t.Helper()
	others := func() (n int) {
		if err := e.pool.QueryRow(t.Context(), `SELECT count(*) FROM subscriber WHERE status = 'active' AND email <> $1`, email).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := others()
	a := e.mails[email]
	if a.header["List-Unsubscribe-Post"] != "List-Unsubscribe=One-Click" {
		t.Errorf("headers %v", a.header)
	}
	for range 2 {
		answer := e.fetch(t, http.MethodPost, strings.Trim(a.header["List-Unsubscribe"], "<>"), body, "Content-Type", contentType)
		if answer.StatusCode != http.StatusOK || answer.Header.Get("Location") != "" || answer.Header.Get("Set-Cookie") != "" {
			t.Errorf("%d %v", answer.StatusCode, answer.Header)
		}
	}
	var entries string
	if err := e.pool.QueryRow(t.Context(), `
		SELECT s.status || ' ' || string_agg(c.event || ' ' || c.source, ', ' ORDER BY c.id)
		FROM subscriber s JOIN consent c ON c.subscriber = s.uid AND c.event = 'withdrawn' WHERE s.email = $1 GROUP BY s.status`, email).Scan(&entries); err != nil {
		t.Fatal(err)
	}
	if entries != "unsubscribed withdrawn one_click" || others() != before {
		t.Errorf("%q, and of %d others %d are left", entries, before, others())
	}
}

// footer follows the links of a mail as a reader does, by the keyboard: to the public copy, which speaks to nobody in particular, to the preferences, which stay as they
// are, and to the page that unsubscribes, from what it was about and then from all.
func (e *edition) footer(r *reader) {
	r.letters = map[string]bool{}
	links := e.mails[r.email].footer
	r.do(network.SetExtraHTTPHeaders(network.Headers{"Accept-Language": "ja"})) // the reader's own language counts
	r.do(chromedp.Navigate(e.URL + links["/p/n/"]))
	var text string
	r.do(chromedp.Text("body", &text))
	if !strings.Contains(text, "The garden") || strings.Contains(text, r.email) || strings.Contains(text, "subscribed") {
		r.t.Errorf("the public copy says %q", text)
	}
	r.keeps("view")
	r.follows(links["/p/preferences/"], "preferences-by-footer")
	r.presses(`button[value="save"]`, "saved-by-footer")
	r.follows(links["/p/u/"], "unsubscribe")
	r.focus(`input[value="all"]`)
	r.do(chromedp.KeyEvent(kb.ArrowDown))
	r.presses("button", "unsubscribed-from-topics")
	if got := r.chosen(); got != "active 0 0" {
		r.t.Errorf("they left a topic, and are %q", got)
	}
	r.follows(links["/p/u/"], "unsubscribe-from-all")
	r.presses("button", "unsubscribed")
	if got := r.chosen(); got != "unsubscribed 0 0" {
		r.t.Errorf("they left, and are %q", got)
	}
	r.wantQuiet("the links of a footer", "favicon")
	r.wantNoCookies()
}

// follows a link, and looks at the page that comes.
func (r *reader) follows(path, name string) {
	r.t.Helper()
	r.do(chromedp.Navigate(r.house.URL + path))
	r.looks(name)
}

// chosen is what the reader is, has, and how often they want it.
func (r *reader) chosen() (state string) {
	r.t.Helper()
	if err := r.house.pool.QueryRow(r.t.Context(), `SELECT concat_ws(' ', status, coalesce(array_length(topics, 1), 0), frequency) FROM subscriber WHERE email = $1`,
		r.email).Scan(&state); err != nil {
		r.t.Fatal(err)
	}
	return state
}
