package attack

import (
	"cmp"
	"fmt"
	"html"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/presswork/presswork/internal/app"
	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

// reader is somebody at a narrow screen, without scripts and without a mouse.
type reader struct {
	*tab
	house    *house
	language string
	email    string
	letters  map[string]bool // those that were opened
	shots    int
	first    string // link that was mailed
	of       *face  // the brand of whose pages they came; nil for none
}

// TestReadersJourney: sign up, confirm, choose, unsubscribe and come back, in Chromium, by the keyboard alone, in every language
// of the pages, of which one runs from the right, and at night, on dark pages. SHOTS=folder keeps what the pages look like.
func TestReadersJourney(t *testing.T) {
	t.Parallel()
	h := open(t, func(c *config.Config) { c.AllowPrivate = true }, app.API, app.Worker, app.Scheduler) // the stand-ins are on this machine
	room := fixture.NewNewsroom(t, h.API, h.sandbox.Addresses)
	room.ConnectSMTP(t, "email")
	h.Call(t, "POST", "/topics", node{"name": "Release notes", "description": "What is new, every two weeks"}, nil)
	h.Call(t, "POST", "/topics", node{"name": "Events & <b>meetings</b>", "slug": "events"}, nil)
	browser := startBrowser(t)
	for language, light := range map[string]string{"en": "light", "ar": "light", "de": "dark", "fr": "light", "es": "dark"} {
		t.Run(language, func(t *testing.T) {
			b := newTab(browser, t, withoutScripts(), emulation.SetDeviceMetricsOverride(360, 740, 2, true),
				network.SetExtraHTTPHeaders(network.Headers{"Accept-Language": language}),
				emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: light}}))
			r := &reader{tab: b, house: h, language: language, email: "ann-" + language + "@reader.example", letters: map[string]bool{}}
			r.comes()
			r.chooses()
			r.goesAndComesBack()
			b.wantQuiet("the journey in "+language, "favicon")
			b.wantNoCookies()
		})
	}
}

func (r *reader) comes() {
	r.visits("/p/subscribe")
	r.types("#email", "ann")
	r.presses("button", "subscribe-empty") // the browser itself asks for an address
	r.types("#email", "-"+r.language+"@reader.example")
	r.types("#name", "Ann")
	r.ticks(`input[value="events"]`)
	r.presses("button", "asked")
	r.opens("/p/confirm/", "confirm")
	if status := r.status(); status != "pending" {
		r.t.Errorf("a link that was opened made them %s", status)
	}
	r.presses("button", "confirmed")
	if status := r.status(); status != "active" {
		r.t.Errorf("they confirmed, and are %s", status)
	}
	r.visits("/p/preferences")
	r.types("#email", r.email)
	r.presses("button", "linked")
}

func (r *reader) chooses() {
	r.opens("/p/preferences/", "preferences")
	r.ticks(`input[value="release notes"]`)
	r.ticks(`input[value="newsletter"]`)
	r.focus(`input[name="frequency"]`)
	r.do(chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent(kb.ArrowDown))
	r.focus("#pause")
	r.do(chromedp.KeyEvent(kb.ArrowDown))
	r.presses(`button[value="save"]`, "saved")
	got := ""
	if err := r.house.pool.QueryRow(r.t.Context(), `SELECT concat_ws(' ', array_length(topics, 1), channels_off::text, frequency, paused_until > now(), language)
		FROM subscriber WHERE email = $1`, r.email).Scan(&got); err != nil || got != "2 {2} 2 t "+r.language {
		r.t.Errorf("they chose %q, %v", got, err)
	}
}

func (r *reader) goesAndComesBack() {
	r.presses(`button[value="leave"]`, "left")
	if status := r.status(); status != "unsubscribed" {
		r.t.Errorf("they left, and are %s", status)
	}
	r.presses(`button[value="back"]`, "asked-back")
	if status := r.status(); status != "unsubscribed" {
		r.t.Errorf("by asking to come back they are %s", status)
	}
	r.opens("/p/confirm/", "confirm-back")
	r.presses("button", "back")
	if status := r.status(); status != "active" {
		r.t.Errorf("they came back, and are %s", status)
	}
}

// status is what the reader is.
func (r *reader) status() (status string) {
	r.t.Helper()
	if err := r.house.pool.QueryRow(r.t.Context(), `SELECT status FROM subscriber WHERE email = $1`, r.email).Scan(&status); err != nil {
		r.t.Fatal(err)
	}
	return status
}

func (r *reader) visits(path string) {
	r.t.Helper()
	r.do(chromedp.Navigate(r.house.URL + path + r.query()))
	r.looks(strings.ReplaceAll(strings.Trim(path, "/"), "/", "-"))
}

// opens waits for the next letter, and opens its link of a kind.
func (r *reader) opens(kind, name string) {
	r.t.Helper()
	link := regexp.MustCompile(`https?://[^\s"<>]*` + kind + `[\w-]+(\?[\w=+%-]+)?`)
	for deadline := time.Now().Add(patience); ; {
		for _, m := range r.house.sandbox.Messages("email") {
			if !strings.Contains(m.To, r.email) || r.letters[m.ID] {
				continue
			}
			r.letters[m.ID] = true
			letter := m.Read()
			found := link.FindString(html.UnescapeString(letter.Text))
			at, err := url.Parse(found)
			if found == "" || err != nil {
				r.t.Fatalf("the letter %q has no link: %s", letter.Subject, letter.Text)
			}
			r.visitsLetter(m.ID, name)
			r.first = cmp.Or(r.first, at.RequestURI())
			r.do(chromedp.Navigate(r.house.URL + at.RequestURI()))
			r.looks(name)
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("no letter came after %d", len(r.letters))
		}
	}
}

// visitsLetter keeps what a letter looks like.
func (r *reader) visitsLetter(id, name string) {
	if os.Getenv("SHOTS") == "" {
		return
	}
	r.do(chromedp.Navigate(r.house.sandbox.Base + "/messages/" + id))
	r.keeps("letter-" + name)
}

// focus goes to an element by the tabulator, as who has no mouse does, and fails if it cannot be reached so.
func (r *reader) focus(selector string) {
	r.t.Helper()
	for range 60 {
		var there bool
		r.do(chromedp.Evaluate(fmt.Sprintf(`document.activeElement.matches(%q)`, selector), &there))
		if there {
			var seen bool
			r.do(chromedp.Evaluate(`parseFloat(getComputedStyle(document.activeElement).outlineWidth) >= 2 && document.activeElement.matches(':focus-visible')`, &seen))
			if !seen {
				r.t.Errorf("%s does not show that it has the focus", selector)
			}
			return
		}
		r.do(chromedp.KeyEvent(kb.Tab))
	}
	r.t.Fatalf("%s cannot be reached by the tabulator", selector)
}

func (r *reader) types(selector, text string) {
	r.t.Helper()
	r.focus(selector)
	r.do(chromedp.KeyEvent(kb.End), chromedp.KeyEvent(text))
}

func (r *reader) ticks(selector string) {
	r.t.Helper()
	r.focus(selector)
	r.do(chromedp.KeyEvent(" "))
}

// presses a button, and looks at the page that comes.
func (r *reader) presses(selector, name string) {
	r.t.Helper()
	r.focus(selector)
	if name == "subscribe-empty" { // no page comes
		r.do(chromedp.KeyEvent(kb.Enter))
		var valid bool
		r.do(chromedp.Evaluate(`document.querySelector('#email').validity.valid`, &valid))
		if valid || !strings.HasSuffix(r.address(), "/p/subscribe"+r.query()) {
			r.t.Errorf("an address that is none was sent")
		}
		r.do(chromedp.Evaluate(`document.activeElement.blur()`, nil))
		return
	}
	if _, err := chromedp.RunResponse(r.ctx, chromedp.KeyEvent(kb.Enter)); err != nil {
		r.t.Fatalf("%s: %v", name, err)
	}
	r.looks(name)
}

func (r *reader) address() (address string) {
	r.t.Helper()
	r.do(chromedp.Location(&address))
	return address
}

// checks is what is wrong with a page for people who see, hear or handle it otherwise.
const checks = `(() => {
	const wrong = [], style = e => getComputedStyle(e), visible = e => e.getClientRects().length > 0;
	const root = document.documentElement;
	if (!root.lang) wrong.push('no language');
	if ((root.lang === 'ar') !== (style(document.body).direction === 'rtl')) wrong.push('runs the wrong way');
	if (document.querySelectorAll('h1').length !== 1 || document.querySelectorAll('main').length !== 1 || !document.title) wrong.push('headings');
	if (root.scrollWidth > innerWidth) wrong.push('is ' + root.scrollWidth + ' wide on a screen of ' + innerWidth);
	for (const e of document.querySelectorAll('input:not([type=hidden]), select')) {
		if (!e.labels.length || !e.labels[0].innerText.trim()) wrong.push('no label: ' + e.outerHTML);
	}
	for (const e of document.querySelectorAll('fieldset')) if (!e.querySelector('legend')) wrong.push('no legend');
	for (const e of document.querySelectorAll('button, a')) if (!e.innerText.trim()) wrong.push('no name: ' + e.outerHTML);
	for (const e of document.querySelectorAll('button, select, input[type=email], input[type=text]')) {
		if (e.tabIndex >= 0 && e.getBoundingClientRect().height < 24) wrong.push('too small: ' + e.outerHTML);
	}
	for (const e of document.querySelectorAll('input[type=checkbox], input[type=radio]')) {
		const box = e.closest('label').getBoundingClientRect();
		if (Math.min(box.width, box.height) < 24) wrong.push('too small: ' + e.outerHTML);
	}
	const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
	if (new Set(ids).size !== ids.length) wrong.push('an id twice');
	const parts = c => (c.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number);
	const light = c => { const [r, g, b] = parts(c).map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
	const paper = document.createElement('i');
	paper.style.backgroundColor = 'Canvas';
	const canvas = (document.body.append(paper), style(paper).backgroundColor);
	paper.remove();
	const behind = e => { for (; e; e = e.parentElement) { const c = style(e).backgroundColor, p = parts(c); if (p.length < 4 || p[3] > 0) return c; } return canvas; };
	for (const e of document.querySelectorAll('h1, h2, p, label, legend, button, a, li, input, select')) {
		if (!visible(e) || e.closest('.trap')) continue;
		const a = light(style(e).color), b = light(behind(e)), o = parseFloat(style(e).opacity);
		const contrast = (Math.max(a, b) + .05) / (Math.min(a, b) + .05) * (o < 1 ? o * o : 1);
		if (contrast < 4.5) wrong.push('contrast ' + contrast.toFixed(1) + ': ' + e.outerHTML.slice(0, 100));
	}
	return wrong;
})()`

// looks finds what is wrong with the page, and keeps what it looks like.
func (r *reader) looks(name string) {
	r.t.Helper()
	var wrong []string
	var size int
	var language string
	r.do(chromedp.Evaluate(checks, &wrong), chromedp.Evaluate(`document.documentElement.outerHTML.length`, &size),
		chromedp.Evaluate(`document.documentElement.lang`, &language))
	for _, w := range wrong {
		r.t.Errorf("%s: %s", name, w)
	}
	if r.of != nil {
		r.wearsFace(name)
	}
	if size > 20<<10 || language != r.language {
		r.t.Errorf("%s: %d characters in %s", name, size, language)
	}
	r.keeps(name)
}

func (r *reader) keeps(name string) {
	folder := os.Getenv("SHOTS")
	if folder == "" {
		return
	}
	var shot []byte
	r.do(chromedp.FullScreenshot(&shot, 100))
	r.shots++
	if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%s-%02d-%s.png", r.language, r.shots, name)), shot, 0o600); err != nil {
		r.t.Error(err)
	}
}
