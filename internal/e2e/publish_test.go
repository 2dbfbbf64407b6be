package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/sandbox"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

var everyKind = []string{"email", "newsletter", "slack", "discord", "webhook"} //nolint:gochecknoglobals // a table

// One publication reaches everybody on every channel once; what readers then do is counted, and who leaves gets
// no more.
func TestPublishEverywhere(t *testing.T) {
	t.Parallel()
	const readers = 120
	h := open(t)
	h.ConnectAll(t)
	people := fixture.People("all", readers)
	h.Subscribe(t, people)
	id := h.Publish(t, fixture.Order{Title: "Spring issue", Channels: everyKind})
	p := h.Await(t, id, "completed", patience)
	want := map[string]int{"email": readers, "newsletter": readers, "slack": 2, "discord": 1, "webhook": 2}
	total := 0
	for channel, n := range want {
		h.wantOnce(id, channel, n)
		total += n
	}
	if p.All.Sent != int64(total) || p.All.Total != int64(total) || !p.Fanout {
		t.Errorf("progress is %s, want %d sent", p, total)
	}
	if c := h.Sandbox.Counts().Total(); c.Invalid != 0 || c.Doubled != 0 || c.Received != int64(total) {
		t.Errorf("the providers counted %+v", c)
	}
	mail := mailTo(h, "email", people[1])
	checkMail(h, mail, people[1])
	readMail(h, id, mail)
	leave(h, id, mail)
	again := h.Publish(t, fixture.Order{Title: "Summer issue", Channels: []string{"email"}})
	h.Await(t, again, "completed", patience)
	h.wantOnce(again, "email", readers-1)
	if h.Sandbox.Received(strings.Replace(mail.Identity, id, again, 1)) != 0 {
		t.Error("somebody who left got the next issue")
	}
	page := h.Visit(t, http.MethodGet, "/p/n/"+id, nil)
	if page.Status != http.StatusOK || !strings.Contains(string(page.Body), "Spring issue") || !strings.Contains(string(page.Body), "Words of item 3") {
		t.Errorf("the archive answers %d with %d bytes", page.Status, len(page.Body))
	}
	if strings.Contains(string(page.Body), "/t/") || strings.Contains(string(page.Body), "/p/u/") {
		t.Error("the archive tracks, or lets anybody unsubscribe somebody")
	}
	checkArchive(h, id, again)
}

// checkArchive looks for a newsletter in the public list and in the feed, where what was not one must not be.
func checkArchive(h *house, id, mailOnly string) {
	h.t.Helper()
	list := h.Visit(h.t, http.MethodGet, "/p/archive", nil)
	if body := string(list.Body); list.Status != http.StatusOK || !strings.Contains(body, `href="n/`+id) || strings.Contains(body, mailOnly) {
		h.t.Errorf("the list of the archive answers %d: %s", list.Status, body)
	}
	feed := h.Visit(h.t, http.MethodGet, "/p/archive.atom", nil)
	body := string(feed.Body)
	if feed.Status != http.StatusOK || !strings.HasPrefix(feed.Header.Get("Content-Type"), "application/atom+xml") ||
		!strings.Contains(body, "urn:uuid:"+id) || !strings.Contains(body, h.URL+"/p/n/"+id) || !strings.Contains(body, "Words of item 3") || strings.Contains(body, mailOnly) {
		h.t.Errorf("the feed answers %d: %s", feed.Status, body)
	}
	if strings.Contains(body, "/t/") || strings.Contains(body, "/p/u/") || strings.Contains(body, "presswork-") {
		h.t.Errorf("the feed tracks: %s", body)
	}
	again := h.Visit(h.t, http.MethodGet, "/p/archive.atom", nil, "If-None-Match", feed.Header.Get("ETag"))
	if again.Status != http.StatusNotModified {
		h.t.Errorf("the feed that has not changed answers %d", again.Status)
	}
}

func mailTo(h *house, channel string, who fixture.Person) *sandbox.Message {
	h.t.Helper()
	for _, m := range h.Sandbox.Messages(channel) {
		if strings.Contains(m.To, who.Email) {
			return m
		}
	}
	h.t.Fatalf("there is no mail to %s", who.Email)
	return nil
}

func header(l sandbox.Letter, name string) string {
	for _, f := range l.Fields {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// checkMail looks at what every mail must have.
func checkMail(h *house, m *sandbox.Message, who fixture.Person) {
	h.t.Helper()
	l := m.Read()
	if len(l.Faults) > 0 {
		h.t.Errorf("the mail cannot be read: %v", l.Faults)
	}
	first, _, _ := strings.Cut(who.Name, " ")
	for name, part := range map[string]string{"HTML": l.HTML, "text": l.Text} {
		if !strings.Contains(part, first) || !strings.Contains(part, "Words of item") || !strings.Contains(part, "1 Paper Lane") {
			h.t.Errorf("the %s part is not personal or not whole: %s", name, part)
		}
	}
	if got := header(l, "List-Unsubscribe-Post"); got != "List-Unsubscribe=One-Click" {
		h.t.Errorf("List-Unsubscribe-Post is %q", got)
	}
	if got := header(l, "List-Unsubscribe"); !strings.HasPrefix(got, "<"+h.URL+"/p/u/") {
		h.t.Errorf("List-Unsubscribe is %q", got)
	}
	if header(l, "List-Id") == "" || header(l, "Message-Id") == "" || header(l, "Date") == "" {
		h.t.Errorf("headers are missing: %v", l.Fields)
	}
	if !strings.Contains(l.HTML, `lang="de"`) {
		h.t.Error("a German reader's mail is not German")
	}
}

var (
	pixelLink = regexp.MustCompile(`https?://[^"']+/t/o/[^"']+\.gif`)
	clickLink = regexp.MustCompile(`https?://[^"']+/t/c/[^"']+`)
)

// report is the part of a publication's analytics that is looked at.
type report struct {
	Channels []struct {
		Channel       string
		Sent          int64
		Opens, Clicks tally
	}
}

type tally struct {
	Total  int64
	Unique int64
}

// readMail opens a mail twice and follows its links, and waits until both are counted.
func readMail(h *house, id string, m *sandbox.Message) {
	h.t.Helper()
	l := m.Read()
	for range 2 {
		pixel := h.Visit(h.t, http.MethodGet, pixelLink.FindString(l.HTML), nil)
		if pixel.Status != http.StatusOK || pixel.Header.Get("Content-Type") != "image/gif" {
			h.t.Fatalf("the pixel answers %d", pixel.Status)
		}
	}
	links := clickLink.FindAllString(l.HTML, -1)
	if len(links) < 2 {
		h.t.Fatalf("the mail has the tracked links %v", links)
	}
	click := h.Visit(h.t, http.MethodGet, links[0], nil)
	if to := click.Header.Get("Location"); click.Status != http.StatusFound || !strings.HasPrefix(to, "https://reading.example/") {
		h.t.Fatalf("a click answers %d and leads to %q", click.Status, to)
	}
	fixture.Until(h.t, patience, "the events to be counted", func() (bool, string) {
		var r report
		h.Call(h.t, http.MethodGet, "/publications/"+id+"/analytics", nil, &r)
		for _, c := range r.Channels {
			if c.Channel == "email" && c.Clicks.Total == 1 {
				return c.Opens.Total == 2 && c.Opens.Unique == 1 && c.Clicks.Unique == 1, fmt.Sprintf("%+v", c)
			}
		}
		return false, "not there"
	})
}

// leave unsubscribes with one click, as a mail client does (RFC 8058), twice.
func leave(h *house, id string, m *sandbox.Message) {
	h.t.Helper()
	address := strings.Trim(header(m.Read(), "List-Unsubscribe"), "<>")
	for range 2 {
		answer := h.Visit(h.t, http.MethodPost, address, []byte("List-Unsubscribe=One-Click"),
			"Content-Type", "application/x-www-form-urlencoded")
		if answer.Status != http.StatusOK {
			h.t.Fatalf("one-click unsubscribing answers %d", answer.Status)
		}
	}
	n := value[int](h, `SELECT count(*)::int FROM event e JOIN publication p ON p.id = e.publication_id WHERE p.uid = $1 AND e.kind = 3`, id)
	if n != 1 {
		h.t.Errorf("unsubscribing was counted %d times", n)
	}
}
