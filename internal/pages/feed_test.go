package pages

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/edition"
	"github.com/presswork/presswork/internal/fault"
)

// read is a feed as a feed reader sees it.
type read struct {
	XMLName xml.Name   `xml:"http://www.w3.org/2005/Atom feed"`
	Lang    string     `xml:"http://www.w3.org/XML/1998/namespace lang,attr"`
	ID      string     `xml:"http://www.w3.org/2005/Atom id"`
	Title   string     `xml:"http://www.w3.org/2005/Atom title"`
	Updated time.Time  `xml:"http://www.w3.org/2005/Atom updated"`
	Logo    string     `xml:"http://www.w3.org/2005/Atom logo"`
	Author  string     `xml:"http://www.w3.org/2005/Atom author>name"`
	Links   []readLink `xml:"http://www.w3.org/2005/Atom link"`
	Entries []struct {
		Lang      string     `xml:"http://www.w3.org/XML/1998/namespace lang,attr"`
		ID        string     `xml:"id"`
		Title     string     `xml:"title"`
		Published time.Time  `xml:"published"`
		Updated   time.Time  `xml:"updated"`
		Links     []readLink `xml:"link"`
		Summary   string     `xml:"summary"`
		Content   []struct {
			Type string `xml:"type,attr"`
			Text string `xml:",chardata"`
		} `xml:"content"`
	} `xml:"http://www.w3.org/2005/Atom entry"`
}

type readLink struct {
	Rel  string `xml:"rel,attr"`
	Type string `xml:"type,attr"`
	Href string `xml:"href,attr"`
}

// serve is another site with the same readers and newsletters.
func (h *house) serve(d Deps) *house {
	h.t.Helper()
	handler, err := New(d)
	if err != nil {
		h.t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	h.t.Cleanup(server.Close)
	return &house{t: h.t, url: server.URL, signer: h.signer}
}

// parse reads a feed back.
func parse(t testing.TB, body string) read {
	t.Helper()
	var f read
	d := xml.NewDecoder(strings.NewReader(body))
	d.Strict = true
	if err := d.Decode(&f); err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	return f
}

func (h *house) feed(path string, headers ...string) (page, read) {
	h.t.Helper()
	p := h.ask("GET", path, "", headers...)
	if p.status != http.StatusOK || p.header.Get("Content-Type") != "application/atom+xml; charset=utf-8" || p.header.Get("Cache-Control") != "public, max-age=60" {
		h.t.Fatalf("%d %v %s", p.status, p.header, p.body)
	}
	return p, parse(h.t, p.body)
}

func TestFeed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if _, f := h.feed("/p/archive.atom"); len(f.Entries) != 0 || f.Updated.IsZero() || f.Author != "Desk & Co" {
		t.Errorf("an empty feed is %+v", f)
	}
	h.publish("Winter", "<p>Snow</p>")
	spring := h.publish("Spring & <b>", `<p class="x">Sow "early" &amp; deep</p>`)
	p, f := h.feed("/p/archive.atom", "Accept-Language: de")
	if f.Title != "Desk & Co – Newsletter" || f.Lang != "de" || f.ID != "https://desk.example/p/archive.atom" || !f.Updated.Equal(spring.Out.Truncate(time.Second)) ||
		fmt.Sprint(f.Links) != "[{alternate text/html https://desk.example/p/archive} {self application/atom+xml https://desk.example/p/archive.atom}]" {
		t.Errorf("%+v", f)
	}
	if len(f.Entries) != 2 || f.Entries[1].Title != "Winter" {
		t.Fatalf("%+v", f.Entries)
	}
	e := f.Entries[0]
	if e.ID != "urn:uuid:"+spring.UID.String() || e.Title != "Spring & <b>" || e.Lang != "de" || !e.Published.Equal(spring.Out.Truncate(time.Second)) || !e.Updated.Equal(e.Published) ||
		fmt.Sprint(e.Links) != "[{alternate text/html https://desk.example/p/n/"+spring.UID.String()+"}]" || e.Summary != "Über About Spring & <b>" {
		t.Errorf("%+v", e)
	}
	if len(e.Content) != 1 || e.Content[0].Type != "html" || e.Content[0].Text != `<p class="x">Sow "early" &amp; deep</p>` {
		t.Errorf("content %+v", e.Content)
	}
	if p.header.Get("Last-Modified") != spring.Out.Format(http.TimeFormat) || p.header.Get("Vary") != "Accept-Language" || p.header.Get("Content-Language") != "de" {
		t.Errorf("%v", p.header)
	}
	if _, f := h.feed("/p/archive.atom?topic=GO"); len(f.Entries) != 1 || f.Entries[0].Title != "Spring & <b>" || f.Title != "Desk & Co – Newsletters – Go & <b>" ||
		f.ID != "https://desk.example/p/archive.atom?topic=go" || f.Links[0].Href != "https://desk.example/p/archive?topic=go" {
		t.Errorf("of a topic: %+v", f)
	}
	nameless := h.serve(Deps{Archive: h, Listing: h, Tokens: h.signer, Readers: h})
	if _, f := nameless.feed("/p/archive.atom"); f.Title != "Newsletters" || f.Author != "Newsletters" {
		t.Errorf("without an organisation: %+v", f)
	}
}

func TestFeedHasTheNewest(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.issues(feedLength + 5)
	_, f := h.feed("/p/archive.atom")
	if len(f.Entries) != feedLength || f.Entries[0].Title != fmt.Sprintf("Issue %d", feedLength+5) || f.Entries[feedLength-1].Title != "Issue 6" {
		t.Errorf("%+v", f.Entries)
	}
}

// A feed is written once for what it says, and not at all for who has it already.
func TestFeedIsRemembered(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.issues(3)
	first, _ := h.feed("/p/archive.atom")
	again, _ := h.feed("/p/archive.atom", "If-None-Match: \"other\"")
	if first.body != again.body || h.read.Load() != 3 {
		t.Errorf("%d articles were read for two equal feeds", h.read.Load())
	}
	h.issues(1)
	if next, f := h.feed("/p/archive.atom", "If-None-Match: "+first.header.Get("ETag")); len(f.Entries) != 4 || next.header.Get("ETag") == first.header.Get("ETag") {
		t.Errorf("a new newsletter is not in the feed: %+v", f)
	}
	reads := h.read.Load()
	unwritten := newHouse(t)
	unwritten.entries = h.entries
	etag, _ := h.feed("/p/archive.atom")
	if p := unwritten.ask("GET", "/p/archive.atom", "", "If-None-Match: "+etag.header.Get("ETag")); p.status != http.StatusNotModified || unwritten.read.Load() != 0 || h.read.Load() != reads {
		t.Errorf("%d after %d articles were read", p.status, unwritten.read.Load())
	}
}

func TestNotModified(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.issues(2)
	modified := h.entries[0].Out
	for _, path := range []string{"/p/archive", "/p/archive.atom"} {
		etag := h.ask("GET", path, "").header.Get("ETag")
		for _, c := range []struct {
			headers []string
			status  int
		}{
			{[]string{"If-None-Match: " + etag}, http.StatusNotModified},
			{[]string{`If-None-Match: "a", ` + etag + `, W/"b"`}, http.StatusNotModified},
			{[]string{"If-None-Match: " + strings.TrimPrefix(etag, "W/")}, http.StatusNotModified},
			{[]string{"If-None-Match: *"}, http.StatusNotModified},
			{[]string{`If-None-Match: "a"`}, http.StatusOK},
			{[]string{`If-None-Match: "a"`, "If-Modified-Since: " + modified.Format(http.TimeFormat)}, http.StatusOK},
			{[]string{"If-Modified-Since: " + modified.Format(http.TimeFormat)}, http.StatusNotModified},
			{[]string{"If-Modified-Since: " + modified.Add(time.Hour).Format(http.TimeFormat)}, http.StatusNotModified},
			{[]string{"If-Modified-Since: " + modified.Add(-time.Second).Format(http.TimeFormat)}, http.StatusOK},
			{[]string{"If-Modified-Since: yesterday"}, http.StatusOK},
			{[]string{"Accept-Language: de", "If-None-Match: " + etag}, http.StatusOK},
		} {
			p := h.ask("GET", path, "", c.headers...)
			if p.status != c.status || p.header.Get("ETag") == "" || p.header.Get("Cache-Control") != "public, max-age=60" || p.header.Get("Last-Modified") == "" ||
				(p.body == "") != (c.status == http.StatusNotModified) {
				t.Errorf("%s with %q: %d %v %d bytes", path, c.headers, p.status, p.header, len(p.body))
			}
		}
		if p := h.ask("HEAD", path, ""); p.status != http.StatusOK || p.header.Get("ETag") != etag || p.body != "" {
			t.Errorf("HEAD %s: %d %v", path, p.status, p.header)
		}
	}
}

// However much is in the newsletters, the feed has an end, and every entry leads somewhere.
func TestFeedIsBounded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	worst := strings.Repeat(`"`, 200) // five bytes each
	for range feedLength {
		e := h.publish(worst, strings.Repeat("<p>&</p>", 30_000))
		h.articles[e.ID] = edition.Article{Language: "en", Summary: strings.Repeat(`"`, 1000), HTML: h.articles[e.ID].HTML}
	}
	p, f := h.feed("/p/archive.atom")
	with := 0
	for _, e := range f.Entries {
		with += len(e.Content)
		if e.Summary == "" || len(e.Links) != 1 {
			t.Errorf("%s has no summary or page", e.ID)
		}
	}
	if len(p.body) > maxFeed || len(f.Entries) != feedLength || with == 0 || with == feedLength {
		t.Errorf("%d bytes, %d entries, %d with content", len(p.body), len(f.Entries), with)
	}
}

// One newsletter that cannot be read does not take the others with it; a database that is away does.
func TestFeedOfWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.issues(2)
	h.broken = map[int64]error{1: fault.New(fault.GiveUp, "unreadable_rendition", "")}
	if _, f := h.feed("/p/archive.atom"); len(f.Entries) != 2 || len(f.Entries[0].Content) != 1 || len(f.Entries[1].Content) != 0 || f.Entries[1].Title != "Issue 1" {
		t.Errorf("%+v", f.Entries)
	}
	h.broken = map[int64]error{3: fault.New(fault.Unavailable, "database_unavailable", "")}
	h.issues(1)
	h.checkPage(h.ask("GET", "/p/archive.atom", ""), http.StatusServiceUnavailable)
	h.broken = nil
	if _, f := h.feed("/p/archive.atom"); len(f.Entries) != 3 {
		t.Errorf("the failure was remembered: %+v", f)
	}
}

// Whatever a title, a summary or a text holds, the feed can be read, and holds it but for what XML cannot.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	hostile := rapid.OneOf(
		rapid.String(), rapid.StringOf(rapid.RuneFrom(nil, unicode.Cc, unicode.Cf, unicode.Co)),
		rapid.StringMatching(`(]]>|<!\[CDATA\[|</title>|&#0;|&amp;|<\?xml|"|'|\x00|\x08|\x1b|\r\n|\x{FFFE}|\x{FFFF}|\x{10FFFF}|<script>){0,20}`),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
	)
	rapid.Check(t, func(r *rapid.T) {
		title, html := hostile.Draw(r, "title"), hostile.Draw(r, "html")
		h.entries, h.articles = nil, nil
		e := h.publish(title, html)
		h.articles[e.ID] = edition.Article{Language: "en", Summary: title, HTML: html}
		p := h.ask("GET", "/p/archive.atom", "")
		f := parse(t, p.body)
		want := func(s string) string {
			return strings.Map(func(c rune) rune {
				if c < 0x20 && !strings.ContainsRune("\t\n\r", c) || c == 0xFFFE || c == 0xFFFF {
					return -1
				}
				return c
			}, s)
		}
		if got := f.Entries[0]; got.Title != want(title) || got.Summary != want(title) || got.Content[0].Text != want(html) {
			r.Errorf("%q and %q became %+v", title, html, got)
		}
		listed := h.ask("GET", "/p/archive", "")
		if strings.Contains(listed.body, "<script") || listed.status != http.StatusOK {
			r.Errorf("%q is shown as %s", title, listed.body)
		}
	})
}
