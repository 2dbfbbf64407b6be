package attack

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/presswork/presswork/internal/sandbox"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

func utf8Text(text string) bool { return utf8.ValidString(text) }

// once are headers that a mail has exactly once, or it is somebody else's.
var once = []string{"From", "To", "Subject", "Date", "Message-Id", "Content-Type", "List-Unsubscribe", "List-Unsubscribe-Post"}

// wantMails looks at every mail that the stand-ins took: one for each reader and channel, to nobody else, with no header that
// the corpus made, and with HTML in which nothing is alive.
func (p *press) wantMails() {
	p.t.Helper()
	attacked := 0
	for _, channel := range []string{"email", "newsletter"} {
		messages := p.sandbox.Messages(channel)
		if len(messages) != len(p.sent) {
			p.t.Errorf("%d messages by %s for %d readers", len(messages), channel, len(p.sent))
		}
		for _, m := range messages {
			p.wantMail(m)
			if letter := m.Read(); strings.Contains(letter.HTML, "pwned") && strings.Contains(letter.Text, "pwned") {
				attacked++
			}
		}
	}
	if attacked < len(p.sent)/3 {
		p.t.Errorf("%d mails of %d to each reader twice hold something of the corpus", attacked, len(p.sent))
	}
}

func (p *press) wantMail(m *sandbox.Message) {
	p.t.Helper()
	if !slices.Contains(p.sent, m.To) {
		p.t.Errorf("a mail to %s", m.To)
	}
	parsed, err := mail.ReadMessage(bytes.NewReader(m.Body))
	if err != nil {
		p.t.Fatalf("a mail cannot be read: %v\n%s", err, m.Body)
	}
	for _, name := range once {
		if n := len(parsed.Header[name]); n != 1 {
			p.t.Errorf("%d headers %s in\n%.800s", n, name, m.Body)
		}
	}
	for _, name := range []string{"Attacked", "Bcc", "Cc"} {
		if _, there := parsed.Header[name]; there {
			p.t.Errorf("the header %s in\n%.800s", name, m.Body)
		}
	}
	if from, err := mail.ParseAddressList(parsed.Header.Get("From")); err != nil || len(from) != 1 || from[0].Address != "post@house.example" {
		p.t.Errorf("from %v, %v: %q", from, err, parsed.Header.Get("From"))
	}
	letter := m.Read()
	if found := live(letter.HTML); len(found) > 0 || len(letter.Faults) > 0 || letter.HTML == "" || letter.Text == "" {
		p.t.Errorf("the mail %q has %v, faults %v:\n%.4000s", letter.Subject, found, letter.Faults, letter.HTML)
	}
}

// wantChats looks at what was said in chats and to webhooks: JSON, with no mention of anybody and no link whose text is another address.
func (p *press) wantChats() {
	p.t.Helper()
	for _, channel := range []string{"slack", "discord", "webhook"} {
		messages := p.sandbox.Messages(channel)
		if len(messages) < len(p.orders) {
			p.t.Errorf("%d messages by %s of %d publications", len(messages), channel, len(p.orders))
		}
		for _, m := range messages {
			var said map[string]any
			if err := json.Unmarshal(m.Body, &said); err != nil {
				p.t.Errorf("%s: %v: %s", channel, err, m.Body)
			}
			switch channel {
			case "slack":
				p.wantNoMention(m, said)
			case "discord":
				if allowed, ok := said["allowed_mentions"].(node); !ok || len(allowed["parse"].([]any)) != 0 {
					p.t.Errorf("Discord may mention: %s", m.Body)
				}
			}
		}
	}
}

// mention is what Slack makes of <!channel> and <@U1>; escaped it is none.
var mention = regexp.MustCompile(`<[!@#]`)

func (p *press) wantNoMention(m *sandbox.Message, value any) {
	p.t.Helper()
	switch v := value.(type) {
	case node:
		if v["type"] != "plain_text" {
			for _, inner := range v {
				p.wantNoMention(m, inner)
			}
		}
	case []any:
		for _, inner := range v {
			p.wantNoMention(m, inner)
		}
	case string:
		if mention.MatchString(v) || strings.Contains(v, "<https://attacked.example/|https://bank") {
			p.t.Errorf("Slack would mention somebody, or hide where a link leads: %s", m.Body)
		}
	}
}

// wantPages looks at what everybody may see.
func (p *press) wantPages() {
	p.t.Helper()
	pages := []string{"/p/archive", "/p/archive?topic=news", "/problems", "/problems/not_found", "/api/docs", "/p/none"}
	for _, id := range p.orders {
		pages = append(pages, "/p/n/"+id)
	}
	for _, m := range p.sandbox.Messages("newsletter") {
		for _, f := range m.Read().Fields {
			if f.Name == "List-Unsubscribe" {
				pages = append(pages, strings.TrimPrefix(strings.Trim(f.Value, "<>"), p.URL))
			}
		}
	}
	for _, path := range pages {
		got := p.Visit(p.t, http.MethodGet, path, nil)
		page := strings.ReplaceAll(string(got.Body), `<link rel="license"`, "")
		if found := live(page); len(found) > 0 || len(page) < 100 || got.Header.Get("Content-Security-Policy") == "" {
			p.t.Errorf("%s answers %d with %v:\n%.3000s", path, got.Status, found, page)
		}
	}
	p.wantFeed()
	p.wantInbox()
}

// wantNoOpenRedirect bends the links of a mail that has harmless ones: they lead to what was published, or nowhere.
func (p *press) wantNoOpenRedirect() {
	p.t.Helper()
	id := p.room.Publish(p.t, fixture.Order{Title: "Harmless", Channels: []string{"email"}})
	if state := p.finished(id); state != "completed" {
		p.t.Fatal(state)
	}
	link := regexp.MustCompile(`/t/c/([^/"]+)/(\d+)"`).FindStringSubmatch(p.sandbox.Messages("email")[0].Read().HTML)
	if link == nil {
		p.t.Fatal("there is no link")
	}
	token := link[1]
	led := 0
	for _, path := range []string{
		token + "/0", token + "/1", token + "/0?url=https://attacked.example", token + "/0?u=//attacked.example&redirect=https://attacked.example&to=https://attacked.example",
		token + "/https://attacked.example", token + "/%2f%2fattacked.example", token + "/-1", token + "/99", token + "/32768", token + "/9999999999999999999", token + "/0x0", token + "/+0",
		token + "/0%00", token + "/0/", token + "/0;https://attacked.example", token + "/0#https://attacked.example", token + "x/0", token[1:] + "/0", "x" + token + "/0",
		token + "=/0", token + "%0a/0", strings.ToUpper(token) + "/0", token + "/0%0d%0aLocation:%20https://attacked.example", "/attacked.example/" + token + "/0",
	} {
		got, err := (&wire{host: p.host()}).send(p.t.Context(), request{method: http.MethodGet, uri: "/t/c/" + path, header: []string{"X-Forwarded-Host: attacked.example", "Connection: close"}})
		to := got.header.Get("Location")
		if err != nil || to != "" && !strings.HasPrefix(to, "https://reading.example/") || got.status >= 500 {
			p.t.Errorf("%s answers %d and leads to %q, %v", path, got.status, to, err)
		}
		if to != "" {
			led++
		}
	}
	if led == 0 {
		p.t.Error("no link leads anywhere")
	}
}

// wantFeed reads the feed as XML, and the HTML in it.
func (p *press) wantFeed() {
	p.t.Helper()
	var feed struct {
		Entry []struct {
			Title   string `xml:"title"`
			Content string `xml:"content"`
		} `xml:"entry"`
	}
	got := p.Visit(p.t, http.MethodGet, "/p/archive.atom", nil)
	if err := xml.Unmarshal(got.Body, &feed); err != nil || len(feed.Entry) == 0 {
		p.t.Errorf("the feed has %d entries, %v:\n%.2000s", len(feed.Entry), err, got.Body)
	}
	for _, entry := range feed.Entry {
		if found := live(entry.Content); len(found) > 0 {
			p.t.Errorf("the feed's entry %q has %v:\n%.2000s", entry.Title, found, entry.Content)
		}
	}
}

// wantInbox looks at the stand-ins' pages, which show mails in a frame that runs nothing.
func (p *press) wantInbox() {
	p.t.Helper()
	frame := regexp.MustCompile(`(?s)<iframe class="html" sandbox="allow-popups allow-popups-to-escape-sandbox".*?></iframe>`)
	for _, channel := range sandbox.Channels() {
		paths := []string{"/?channel=" + channel}
		for _, m := range p.sandbox.Messages(channel) {
			paths = append(paths, "/messages/"+m.ID)
		}
		for _, path := range paths {
			r, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.sandbox.Base+path, http.NoBody)
			if err != nil {
				p.t.Fatal(err)
			}
			page := frame.ReplaceAllString(p.fetch(r), "")
			if found := live(page); len(found) > 0 || len(page) < 500 {
				p.t.Errorf("the inbox shows %s with %v:\n%.3000s", path, found, page)
			}
		}
	}
}
