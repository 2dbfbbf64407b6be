package attack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/presswork/presswork/internal/app"
	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

// face is a brand as its readers have to see it.
type face struct {
	Slug, Name string
	// Color is behind the text of buttons, Text is that text's; Link is that of links on light pages, empty for the page's own.
	Color, Text, Link string
	// Logo: it has an uploaded one. Dark: the reader's pages are.
	Logo, Dark bool
}

// TestReadersJourneyOfABrand: from the form of a brand to the letters, the choice, the farewell and the return, everything is of this
// brand, and can be read, whether its colour is nearly white or nearly black, by day and at night, from the left and from the right.
// SHOTS=folder keeps what the pages look like.
func TestReadersJourneyOfABrand(t *testing.T) {
	t.Parallel()
	h := open(t, func(c *config.Config) { c.AllowPrivate = true }, app.API, app.Worker, app.Scheduler) // the stand-ins are on this machine
	room := fixture.NewNewsroom(t, h.API, h.sandbox.Addresses)
	room.ConnectSMTP(t, "email")
	h.Call(t, "POST", "/topics", node{"name": "Release notes", "description": "What is new, every two weeks"}, nil)
	h.Call(t, "POST", "/topics", node{"name": "Events", "slug": "events"}, nil)
	browser := startBrowser(t)
	for language, of := range map[string]face{
		"en": {Slug: "pale", Name: "Pale & Day", Color: "#fffbe6", Text: "#000000", Link: "#7c2d12", Logo: true},
		"de": {Slug: "night post", Name: "Night Post", Color: "#0b1020", Text: "#ffffff", Link: "#0b1020", Dark: true},
		"ar": {Slug: "صحيفة", Name: "صحيفة المساء", Color: "#777777", Text: "#000000", Link: "#1a56c4", Logo: true},
		"fr": {Slug: "noir", Name: "Le Noir", Color: "#000000", Text: "#ffffff", Logo: true, Dark: true},
	} {
		t.Run(of.Slug, func(t *testing.T) {
			h.found(t, of)
			light := "light"
			if of.Dark {
				light = "dark"
			}
			b := newTab(browser, t, withoutScripts(), emulation.SetDeviceMetricsOverride(360, 740, 2, true),
				network.SetExtraHTTPHeaders(network.Headers{"Accept-Language": language}),
				emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: light}}))
			r := &reader{tab: b, house: h, language: language, email: "ann-" + language + "@reader.example", letters: map[string]bool{}, of: &of}
			r.comes()
			r.chooses()
			r.goesAndComesBack()
			r.beginsAgain()
			b.wantQuiet("the journey with "+of.Name, "favicon", "410")
			b.wantNoCookies()
			r.wantLetters()
		})
	}
}

// found makes a brand, with a sender of its own.
func (h *house) found(t *testing.T, of face) {
	t.Helper()
	logo := "https://elsewhere.example/logo.png" // which pages do not load
	if of.Logo {
		logo = "asset:" + h.upload(t)
	}
	var from struct{ ID string }
	h.Call(t, "POST", "/senders", node{"name": of.Name, "from_name": of.Name, "from_email": "post@brand.example",
		"postal_address": "2 Brand Street"}, &from)
	h.Call(t, "POST", "/brands", node{"name": of.Name, "slug": of.Slug, "logo": logo, "color": of.Color, "link_color": of.Link, "sender_id": from.ID,
		"postal_address": "2 Brand Street", "imprint_url": "https://brand.example/imprint", "support_email": "help@brand.example"}, nil)
}

// upload stores a picture that is wider than a narrow screen.
func (h *house) upload(t *testing.T) string {
	t.Helper()
	picture := image.NewRGBA(image.Rect(0, 0, 900, 180))
	for x := range 900 {
		for y := range 180 {
			picture.Set(x, y, color.RGBA{uint8(x / 4), uint8(y), 160, 255})
		}
	}
	var file bytes.Buffer
	if err := png.Encode(&file, picture); err != nil {
		t.Fatal(err)
	}
	answer, err := h.Send(t.Context(), http.MethodPost, "/api/v1/assets?name=logo.png", file.Bytes(), "Authorization", "Bearer "+fixture.Key, "Content-Type", "image/png")
	if err != nil || answer.Status != http.StatusCreated {
		t.Fatalf("%d %s, %v", answer.Status, answer.Body, err)
	}
	var one struct{ ID string }
	if err := json.Unmarshal(answer.Body, &one); err != nil {
		t.Fatal(err)
	}
	return one.ID
}

// beginsAgain by the first link, which does not work any more: it leads back to the form of the brand.
func (r *reader) beginsAgain() {
	r.t.Helper()
	r.do(chromedp.Navigate(r.house.URL + r.first))
	r.looks("stale")
	r.presses("main a", "begin-again")
	if at := r.address(); !strings.HasSuffix(at, "/p/subscribe"+r.query()) {
		r.t.Errorf("they begin again at %s", at)
	}
}

// wantLetters: all of them came from the brand, and none from the house.
func (r *reader) wantLetters() {
	r.t.Helper()
	n := 0
	for _, m := range r.house.sandbox.Messages("email") {
		if !r.letters[m.ID] {
			continue
		}
		n++
		if letter := m.Read(); !strings.Contains(letter.HTML, "2 Brand Street") || strings.Contains(letter.HTML, "The House") || strings.Contains(letter.Text, "The House") {
			r.t.Errorf("the letter %q is not of the brand: %s", letter.Subject, letter.Text)
		}
	}
	if n != 3 { // to confirm, to choose, to come back
		r.t.Errorf("%d letters", n)
	}
}

// query is what the addresses of the brand's pages end with; empty for no brand.
func (r *reader) query() string {
	if r.of == nil {
		return ""
	}
	return "?" + url.Values{"brand": {r.of.Slug}}.Encode()
}

// faces is what a page does not show of its brand.
const faces = `(of => {
	const wrong = [], style = e => getComputedStyle(e);
	const parts = c => (c.match(/[\d.]+/g) || [0, 0, 0]).map(Number);
	const hex = c => '#' + parts(c).slice(0, 3).map(v => v.toString(16).padStart(2, '0')).join('');
	const light = c => { const [r, g, b] = parts(c).map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
	const contrast = (c, d) => (Math.max(light(c), light(d)) + .05) / (Math.min(light(c), light(d)) + .05);
	const paper = document.createElement('i');
	paper.style.backgroundColor = 'Canvas';
	const page = (document.body.append(paper), style(paper).backgroundColor);
	paper.remove();
	if (of.Dark !== light(page) < .5) wrong.push('is not as dark as it should be: ' + page);
	if (!document.title.endsWith('– ' + of.Name)) wrong.push('title ' + document.title);
	const logo = document.querySelector('img.logo');
	if (of.Logo) {
		if (!logo || logo.alt !== of.Name || !logo.complete || !logo.naturalWidth) wrong.push('logo ' + (logo && logo.outerHTML));
		else {
			const box = logo.getBoundingClientRect(), ratio = box.width / box.height, start = style(document.body).direction === 'rtl' ? innerWidth - box.right : box.left;
			if (Math.abs(ratio - 5) > .2) wrong.push('the logo is stretched: ' + box.width + ' to ' + box.height);
			if (start < 0 || start > 32) wrong.push('the logo stands ' + start + ' from where a line begins');
		}
	} else if (logo || document.querySelector('.organisation')?.innerText !== of.Name) wrong.push('no name instead of the logo');
	for (const e of document.querySelectorAll('button:not(.other)')) {
		const s = style(e);
		if (hex(s.backgroundColor) !== of.Color || hex(s.color) !== of.Text) wrong.push('button ' + s.color + ' on ' + s.backgroundColor);
		if (Math.max(contrast(s.backgroundColor, page), s.borderTopStyle === 'solid' ? contrast(s.borderTopColor, page) : 1) < 3) wrong.push('the button cannot be told from the page');
	}
	for (const e of document.querySelectorAll('a')) {
		if (of.Link && (hex(style(e).color) === of.Link) === of.Dark) wrong.push('link ' + style(e).color);
	}
	if (!document.querySelector('footer a[href="https://brand.example/imprint"]') || !document.querySelector('footer a[href="mailto:help@brand.example"]')) wrong.push('footer');
	return wrong;
})(%s)`

// wearsFace finds what a page does not show of the reader's brand.
func (r *reader) wearsFace(name string) {
	r.t.Helper()
	of, err := json.Marshal(r.of)
	if err != nil {
		r.t.Fatal(err)
	}
	var wrong []string
	r.do(chromedp.Evaluate(fmt.Sprintf(faces, of), &wrong))
	for _, w := range wrong {
		r.t.Errorf("%s of %s: %s", name, r.of.Name, w)
	}
}
