package attack

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/app"
	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

// press is a house that publishes what the corpus says.
type press struct {
	*house
	room     *fixture.Newsroom
	template string
	// sent are the readers' addresses, orders the publications.
	sent, orders []string
}

// TestContentsArriveDead publishes the corpus in every text that ends in a message: titles, summaries, bodies, names, free data,
// the sender's name. Mails, chats, webhooks, public pages, the feed and the inbox hold it, and nothing of it is alive.
func TestContentsArriveDead(t *testing.T) {
	t.Parallel()
	c := loadCorpus(t)
	p := newPress(t)
	inputs := slices.Concat(c.share("script", 0, 35), c.share("template", 1, 8), c.share("header", 0, 24), c.share("text", 0, 16), c.share("shell", 1, 3),
		c["shell"][len(c["shell"])-9:], c.share("sql", 0, 5))
	const together = 5 // contents that a reader gets
	n := 0
	for texts := range slices.Chunk(inputs, together) {
		p.publish(n, texts)
		n++
	}
	for _, id := range p.orders {
		if state := p.finished(id); state != "completed" {
			t.Errorf("publication %s ended as %s", id, state)
		}
	}
	p.wantMails()
	p.wantChats()
	p.wantPages()
	p.wantNothingRan()
	p.wantNoOpenRedirect()
	t.Logf("%d inputs in %d publications to %d readers", len(inputs), len(p.orders), len(p.sent))
}

func newPress(t *testing.T) *press {
	t.Helper()
	return newPressFor(t)
}

// newPressFor has origins whose pages may call the API.
func newPressFor(t *testing.T, origins ...string) *press {
	t.Helper()
	h := open(t, func(c *config.Config) {
		c.Organisation, c.AllowPrivate = `The "House" <script>pwned()</script>`, true // the stand-ins are on this machine
		c.CORSOrigins = origins
	}, app.API, app.Worker, app.Scheduler)
	p := &press{house: h, room: fixture.NewNewsroom(t, h.API, h.sandbox.Addresses)}
	p.connect()
	var made struct{ ID string }
	p.Call(t, http.MethodPost, "/templates", node{"name": "every place", "channel": "email", "languages": node{"en": node{
		"subject": "{{ subscriber.name }} {{ publication.title }} {{ data.word }}",
		"text":    "{{ subscriber.name }} {{ data.word }}{% for item in items %}{{ item.title }} {{ item.summary }}{% endfor %}",
		"html": `<html><head><style>p { color: #333 }</style></head><body title="{{ data.word }}"><p title='{{ subscriber.name }}'>{{ subscriber.name }}
			{{ subscriber.attributes.word }}</p><a href="{{ data.word }}">{{ publication.title }}</a><img src="{{ subscriber.attributes.word }}" alt="{{ publication.title }}">
			{% for item in items %}<h2 id="{{ item.title }}">{{ item.title }}</h2><p>{{ item.summary }}</p>{{ item.html }}{% if item.url %}<a href="{{ item.url }}">x</a>{% endif %}{% endfor %}
			<a href="{{ links.unsubscribe }}">{{ sender.name }} {{ sender.postal_address }}</a></body></html>`,
	}}}, &made)
	p.template = made.ID
	return p
}

// connect makes a channel of each kind, none of which has to be spared.
func (p *press) connect() {
	p.t.Helper()
	at, token, rate := p.sandbox.Addresses, map[string]string{"bot_token": "made-up"}, "1000"
	p.room.ConnectSMTP(p.t, "newsletter")
	p.room.Connect(p.t, "email", "ses", "ses", map[string]string{"region": "eu-central-1", "endpoint": at.SESEndpoint()},
		map[string]string{"access_key_id": "made-up-access-key-id", "secret_access_key": "made-up"})
	p.room.Connect(p.t, "slack", "slack", "slack", map[string]string{"conversation": "C1", "api_url": at.SlackAPIURL(), "rate": rate}, token)
	p.room.Connect(p.t, "discord", "discord", "discord",
		map[string]string{"channel_id": "100000000000000042", "api_url": at.DiscordAPIURL(), "rate": rate}, token)
	p.room.ConnectWebhook(p.t, "first")
}

// settle posts what may be refused for its text, in which case one that is in order takes its place.
func (p *press) settle(path string, in node, field, text, instead string) string {
	p.t.Helper()
	var made struct{ ID string }
	in[field] = text
	if err := p.Try(p.t.Context(), http.MethodPost, path, in, &made); err != nil {
		in[field] = instead
		p.Call(p.t, http.MethodPost, path, in, &made)
	}
	return made.ID
}

// publish sends texts to a reader who is called like the first of them.
func (p *press) publish(n int, texts []string) {
	p.t.Helper()
	text := texts[0]
	contents := []string{}
	for i, text := range texts {
		in := node{"format": []string{"markdown", "html"}[(n+i)%2], "body": text + "\n\n" + text, "summary": "S", "language": "en"}
		if p.Try(p.t.Context(), http.MethodPost, "/contents", node{"title": "x", "body": "x", "summary": text}, nil) == nil {
			in["summary"] = text
		}
		if strings.TrimSpace(text) == "" || strings.ContainsAny(text, "\x00") || !utf8Text(text) {
			in["body"] = "The text cannot be one: " + quoted(fmt.Sprintf("%q", text))
		}
		contents = append(contents, p.settle("/contents", in, "title", text, "Title"))
	}
	address := fmt.Sprintf("reader%d@reader.example", n)
	reader := node{"email": address, "language": "en", "status": "active", "consent_source": "test", "topics": []string{"news"}}
	if utf8Text(text) && !strings.Contains(text, "\x00") {
		reader["attributes"] = node{"word": text}
	}
	id := p.settle("/subscribers", reader, "name", text, "Reader")
	sender := p.settle("/senders", node{"name": fmt.Sprint("attacked ", n), "from_email": "post@house.example", "postal_address": "1 Lane " + fold(text)},
		"from_name", text, "House")
	order := node{"publication_type": "newsletter", "channels": []string{"email", "newsletter", "slack", "discord", "webhook"}, "content_ids": contents,
		"audience": node{"subscriber_ids": []string{id}}, "sender_id": sender, "data": node{"word": fold(text)}, "listed": true}
	if n%2 == 0 {
		order["template_ids"] = node{"email": p.template}
	}
	p.orders = append(p.orders, p.settle("/publications", order, "title", text, "Title"))
	p.sent = append(p.sent, address)
}

// fold is a text without what no single line may have.
func fold(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfffd {
			return -1
		}
		return r
	}, text))
}

// finished waits until a publication has ended, and is how.
func (p *press) finished(id string) string {
	p.t.Helper()
	var state string
	fixture.Until(p.t, patience, "the end of a publication", func() (bool, string) {
		state = p.room.Progress(p.t, id).State
		return slices.Contains([]string{"completed", "completed_with_failures", "failed", "paused"}, state), state
	})
	return state
}
