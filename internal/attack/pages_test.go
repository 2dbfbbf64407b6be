package attack

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"

	"github.com/presswork/presswork/internal/testkit/fixture"
)

// site is a press whose pages hold the corpus, and two origins of others: one that may call the API, and one that may not.
type site struct {
	*press
	browser context.Context
	// friend and stranger are origins; unsubscribe are paths of two readers' pages.
	friend, stranger string
	unsubscribe      []string
	// html is what the stranger's page has.
	html map[string]string
}

// TestPages opens every page that there is in Chromium, with the corpus stored in it.
func TestPages(t *testing.T) {
	t.Parallel()
	s := &site{html: map[string]string{}}
	others := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<!doctype html><title>other</title><link rel=icon href=data:,><body>"+s.html[r.URL.Path]) // the browser may be gone
	}
	s.friend = "http://127.0.0.1:" + serveAt(t, "127.0.0.1:0", others)
	s.stranger = "http://127.0.0.1:" + serveAt(t, "127.0.0.1:0", others)
	s.press = newPressFor(t, s.friend)
	c := loadCorpus(t)
	for n := range 2 { // as Markdown and as HTML
		s.publish(n, c["script"])
	}
	for _, id := range s.orders {
		if state := s.finished(id); state != "completed" {
			t.Fatalf("publication %s ended as %s", id, state)
		}
	}
	for _, m := range s.sandbox.Messages("newsletter") {
		for _, f := range m.Read().Fields {
			if f.Name == "List-Unsubscribe" {
				s.unsubscribe = append(s.unsubscribe, strings.TrimPrefix(strings.Trim(f.Value, "<>"), s.URL))
			}
		}
	}
	s.frames()
	s.browser = startBrowser(t)
	t.Run("what runs is seen", s.sentinel)
	t.Run("public pages", s.publicPages)
	t.Run("inbox", s.inbox)
	t.Run("operators' pages", s.operators)
	t.Run("forms of other sites", s.otherForms)
	t.Run("CORS", s.cors)
	t.Run("frames", s.framed)
	t.Run("without scripts", s.withoutScripts)
}

// sentinel: scripts of the corpus that do run are seen, and so is what a policy refuses.
func (s *site) sentinel(t *testing.T) {
	s.html["/sentinel"] = `<script>pwned()</script><iframe srcdoc="<script>parent.pwned()</script>"></iframe><svg onload=pwned()></svg>` +
		`<meta http-equiv=Content-Security-Policy content="script-src 'none'">`
	b := newTab(s.browser, t)
	b.do(chromedp.Navigate(s.stranger + "/sentinel"))
	b.wantAlarm()
}

// elsewhereImages are pictures that contents show from hosts that this browser does not find.
var elsewhereImages = []string{"net::ERR_NAME_NOT_RESOLVED"}

// publicPages are quiet: nothing of the corpus runs, nothing is refused that we meant, nothing is kept in the browser.
func (s *site) publicPages(t *testing.T) {
	b := newTab(s.browser, t)
	paths := []string{"/p/archive", s.unsubscribe[0], "/problems", "/problems/not_found", "/api/docs", "/p/n/" + s.orders[0], "/p/n/" + s.orders[1]}
	for _, path := range paths {
		b.do(chromedp.Navigate(s.URL + path))
		if text := b.text(); len(text) < 30 {
			t.Errorf("%s shows %q", path, text)
		}
		b.wantQuiet(path, append(elsewhereImages, "favicon")...)
	}
	for _, path := range []string{"/p/u/none", "/p/n/none", "/problems/none", "/p/none", "/api/v1/topics", "/t/c/x/0"} { // problems and pages of errors
		b.do(chromedp.Navigate(s.URL + path))
		b.wantQuiet(path, "favicon", "the server responded with a status of 4")
	}
	b.wantNoCookies()
}

// wantNoCookies: nothing was kept.
func (b *tab) wantNoCookies() {
	b.t.Helper()
	var cookies []*network.Cookie
	b.do(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		cookies, err = storage.GetCookies().Do(cdp.WithExecutor(ctx, chromedp.FromContext(ctx).Browser))
		return err
	}))
	if len(cookies) > 0 {
		b.t.Errorf("%d cookies, the first is %+v", len(cookies), cookies[0])
	}
}

// inbox shows mails as they came, in frames that run nothing.
func (s *site) inbox(t *testing.T) {
	b := newTab(s.browser, t)
	for _, channel := range []string{"email", "slack", "webhook"} {
		b.do(chromedp.Navigate(s.sandbox.Base + "/?still=1&channel=" + channel))
		b.wantQuiet("the inbox of "+channel, "favicon")
		for _, m := range s.sandbox.Messages(channel) {
			b.do(chromedp.Navigate(s.sandbox.Base + "/messages/" + m.ID))
			b.wantQuiet("a message of "+channel, append(elsewhereImages, "favicon")...)
		}
	}
}

// operators see Asynqmon, with a key. Its fonts, which are Google's, are refused on purpose.
func (s *site) operators(t *testing.T) {
	b := newTab(s.browser, t, network.SetExtraHTTPHeaders(network.Headers{"Authorization": "Bearer " + fixture.Key}))
	for _, path := range []string{"/", "/queues"} {
		b.do(chromedp.Navigate(s.app.OpsURL + path))
		b.do(chromedp.Poll(`document.body.innerText.includes('ueue')`, nil, chromedp.WithPollingInterval(50*time.Millisecond)))
		b.wantQuiet(path, "favicon", "fonts.googleapis.com")
	}
}

// otherForms: what the page of a stranger makes a browser post changes nothing.
func (s *site) otherForms(t *testing.T) {
	target := s.URL + s.unsubscribe[1]
	b := newTab(s.browser, t)
	s.html["/form"] = `<form method=post action="` + target + `"><input name=scope value=all></form><script>document.forms[0].submit()</script>`
	s.html["/one-click"] = `<form method=post action="` + target + `"><input name=List-Unsubscribe value=One-Click></form><script>document.forms[0].submit()</script>`
	for _, path := range []string{"/form", "/one-click"} {
		b.do(chromedp.Navigate(s.stranger + path))
		b.do(chromedp.WaitVisible(`//h1[contains(text(), "wrong")]`, chromedp.BySearch))
	}
	b.do(chromedp.Navigate(s.stranger + "/empty"))
	for _, method := range []string{"POST", "PUT", "DELETE"} {
		var said string
		b.do(chromedp.Evaluate(fmt.Sprintf(`fetch(%q, {method: %q, mode: %q, body: new URLSearchParams({scope: 'all'})}).then(() => 'sent', () => 'refused')`,
			target, method, map[bool]string{true: "no-cors", false: "cors"}[method == "POST"]), &said, awaited))
	}
	b.do(chromedp.Navigate(s.stranger+"/empty"), chromedp.Evaluate(fmt.Sprintf(`fetch(%q, {method: 'POST', mode: 'no-cors'}).catch(() => 0).then(() => 1)`,
		s.app.OpsURL+"/queues/api/queues/email:pause"), nil, awaited))
	for _, address := range s.sent {
		if status := value[string](s.house, `SELECT status::text FROM subscriber WHERE email = $1`, address); status != "active" {
			t.Errorf("%s is %s", address, status)
		}
	}
}

// cors: the origin that is allowed reads answers, with a key that it has itself; the others do not, and nobody with what the browser adds.
func (s *site) cors(t *testing.T) {
	b := newTab(s.browser, t)
	call := func(more string) string {
		return fmt.Sprintf(`fetch(%q, {headers: {Authorization: %q}%s}).then(r => r.text().then(t => r.status + ' ' + r.headers.get('RateLimit-Policy') + ' ' + r.type + ' ' + t.length)).catch(e => String(e))`,
			s.URL+"/api/v1/topics", "Bearer "+fixture.Key, more)
	}
	for _, tc := range []struct {
		origin, more string
		reads        bool
	}{
		{s.friend, "", true}, {s.stranger, "", false},
		{s.friend, ", credentials: 'include'", false}, {s.stranger, ", mode: 'no-cors'", false}, {s.stranger, ", method: 'POST', body: '{}'", false},
	} {
		var said string
		b.do(chromedp.Navigate(tc.origin+"/empty"), chromedp.Evaluate(call(tc.more), &said, awaited))
		if got := strings.HasPrefix(said, "200 ") && strings.Contains(said, " cors "); got != tc.reads {
			t.Errorf("%s%s: %s", tc.origin, tc.more, said)
		}
	}
	for _, path := range []string{"/p/archive", s.unsubscribe[1], "/problems"} { // pages are for nobody's scripts
		var said string
		b.do(chromedp.Navigate(s.friend+"/empty"), chromedp.Evaluate(fmt.Sprintf(`fetch(%q).then(r => r.text()).catch(e => 'refused')`, s.URL+path), &said, awaited))
		if said != "refused" {
			t.Errorf("%s is read from elsewhere: %.100s", path, said)
		}
	}
}

// framedPages are those that must not be shown in a page of somebody else's.
func (s *site) framedPages() []string {
	return []string{s.URL + "/p/archive", s.URL + s.unsubscribe[1], s.URL + "/p/n/" + s.orders[0], s.URL + "/problems", s.URL + "/api/docs", s.URL + "/api/v1/topics",
		s.app.OpsURL + "/", s.app.OpsURL + "/queues", s.sandbox.Base + "/"}
}

// frames makes the page of a stranger that has them all.
func (s *site) frames() {
	var html strings.Builder
	for _, address := range s.framedPages() {
		html.WriteString(`<iframe src="` + address + `"></iframe>`)
	}
	s.html["/frames"] = html.String()
}

func (s *site) framed(t *testing.T) {
	b := newTab(s.browser, t, network.SetExtraHTTPHeaders(network.Headers{"Authorization": "Bearer " + fixture.Key}))
	b.do(chromedp.Navigate(s.stranger + "/frames"))
	// What is said of a frame may come after the page has loaded.
	fixture.Until(t, patience, "every frame to be refused", func() (bool, string) {
		b.do(chromedp.Evaluate(`1`, nil))
		refused, said := b.refusedFrames()
		return refused >= len(s.framedPages()), said
	})
	var tree *page.FrameTree
	b.do(chromedp.ActionFunc(func(ctx context.Context) (err error) { tree, err = page.GetFrameTree().Do(ctx); return err }))
	shown := map[string]bool{}
	for _, child := range tree.ChildFrames {
		if child.Frame.UnreachableURL == "" && child.Frame.URL != "about:blank" && child.Frame.URL != "" {
			shown[child.Frame.URL] = true
		}
	}
	if _, said := b.refusedFrames(); len(shown) > 0 {
		t.Errorf("frames show %v:\n%s", shown, said)
	}
}

// refusedFrames is how many frames the console said were refused, and all that it said.
func (b *tab) refusedFrames() (n int, said string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, text := range b.wrong {
		if strings.Contains(text, "frame") || strings.Contains(text, "Framing") {
			n++
		}
	}
	return n, strings.Join(b.wrong, "\n")
}

// withoutScripts: pages are read, and readers leave.
func (s *site) withoutScripts(t *testing.T) {
	b := newTab(s.browser, t, withoutScripts())
	for _, path := range []string{"/p/archive", "/problems/not_found", "/api/docs", "/p/n/" + s.orders[0]} {
		b.do(chromedp.Navigate(s.URL + path))
		if text := b.text(); len(text) < 30 {
			t.Errorf("%s shows %q", path, text)
		}
	}
	b.do(chromedp.Navigate(s.URL+s.unsubscribe[0]), chromedp.Click(`button[type=submit]`, chromedp.ByQuery), chromedp.WaitVisible(`p[role=status]`, chromedp.ByQuery))
	b.wantQuiet("unsubscribing", append(elsewhereImages, "favicon")...)
	if left := value[int](s.house, `SELECT count(*)::int FROM subscriber WHERE status = 'unsubscribed'`); left != 1 {
		t.Errorf("%d have left", left)
	}
}
