package e2e

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/presswork/presswork/internal/app"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/sandbox"
	"github.com/presswork/presswork/internal/testkit/dbtest"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

// What nobody may find in a log. Everything about the readers of this test has the first word in it, every secret of a channel
// or of who signs in the second.
const (
	readerMark = "zebulon"
	secretMark = "q7Zt93mK"
)

// addressForm is that of mail addresses, whoever's.
var addressForm = regexp.MustCompile(`[^\s"'<>]+@[^\s"'<>]+\.[a-z]{2,}`)

// leaks are the lines of a log, as they are written, that hold one of words or the form of an address.
func leaks(t *testing.T, entries []observer.LoggedEntry, words []string) []string {
	t.Helper()
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	var list []string
	for _, e := range entries {
		line, err := encoder.EncodeEntry(e.Entry, e.Context)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ToLower(line.String())
		if addressForm.MatchString(text) || slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, strings.ToLower(w)) }) {
			list = append(list, line.String())
		}
		line.Free()
	}
	return list
}

// TestLogsHoldNobody: whatever happens to a publication, to its readers and to those who may not come in, no line of the log, at
// its most talkative, has an address, a name, a link's token, a key or a channel's secret.
func TestLogsHoldNobody(t *testing.T) {
	t.Parallel()
	h := openWithSES(t, nil, app.API, app.Scheduler)
	m := masking{house: h, words: []string{readerMark, secretMark, fixture.Key, fixture.Secret}}
	people := fixture.People(readerMark, 12)
	h.Subscribe(t, people)
	h.Subscribe(t, simulated("bounce", "complaint", "ooto"))
	m.words = append(m.words, "simulated")
	m.connect()
	worker := h.start(nil, app.Worker)
	m.publishes()
	m.readersCome()
	m.providersFail()
	h.stop(worker)
	m.strangersCome()
	m.providerRepeats()
	m.serversFail(people[0])
	for len(h.apps) > 0 {
		h.stop(h.apps[len(h.apps)-1])
	}

	entries := h.logs.All()
	for _, line := range leaks(t, entries, m.words) {
		t.Error(line)
	}
	// Enough happened for that to say something.
	for message, least := range map[string]int{"request": 60, "delivery accepted": 30, "delivery not accepted": 10, "request failed": 1,
		"a message to the hook of SES was refused": 2} {
		if n := h.logs.FilterMessage(message).Len(); n < least {
			t.Errorf("%d lines say %q", n, message)
		}
	}
	core, planted := observer.New(zap.DebugLevel)
	log := zap.New(core)
	log.Info("sent", zap.String("to", "Zebulon"))
	log.Info("sent", zap.Error(fmt.Errorf("to a@b.example")))
	log.Info("sent", zap.Int("to", 1))
	if n := len(leaks(t, planted.All(), m.words)); n != 2 {
		t.Errorf("%d of two planted leaks were found", n)
	}
}

// masking is a house whose readers and secrets are marked.
type masking struct {
	*house
	words []string // what must not be in a line
}

// connect makes channels with marked secrets, and others whose provider repeats what it was told.
func (m *masking) connect() {
	h, token := m.house, secretMark+"xW0bLr58vYd2Hn6P"
	h.Connect(h.t, "newsletter", "smtp", "news", map[string]string{}, map[string]string{"url": "smtp://" + secretMark + ":" + token + "@" + h.Providers.SMTPAddr()})
	h.Connect(h.t, "slack", "slack", "bot", map[string]string{"conversation": "C1", "api_url": h.Providers.SlackAPIURL()}, map[string]string{"bot_token": "xo" + "xb-" + token})
	h.Connect(h.t, "slack", "slack-webhook", "slack-hook", map[string]string{}, map[string]string{"hook_url": h.Providers.SlackHookURL(token)})
	h.Connect(h.t, "discord", "discord", "discord-bot", map[string]string{"channel_id": "100000000000000042", "api_url": h.Providers.DiscordAPIURL()},
		map[string]string{"bot_token": token})
	h.Connect(h.t, "discord", "discord-webhook", "discord-hook", map[string]string{}, map[string]string{"hook_url": h.Providers.DiscordHookURL(token)})
	h.ConnectWebhook(h.t, "crm")
	m.words = append(m.words, strings.TrimPrefix(h.Providers.WebhookSecret("crm"), "whsec_"))

	parrot := parrot(h.t)
	h.Connect(h.t, "slack", "slack", "parrot-bot", map[string]string{"conversation": "C1", "api_url": parrot + "/"}, map[string]string{"bot_token": "xo" + "xb-" + token})
	h.Connect(h.t, "slack", "slack-webhook", "parrot-slack", map[string]string{}, map[string]string{"hook_url": parrot + "/services/" + token})
	h.Connect(h.t, "discord", "discord-webhook", "parrot-discord", map[string]string{}, map[string]string{"hook_url": parrot + "/api/webhooks/1/" + token})
	h.Connect(h.t, "discord", "discord", "parrot-discord-bot", map[string]string{"channel_id": "1", "api_url": parrot}, map[string]string{"bot_token": token})
	h.Connect(h.t, "webhook", "webhook", "parrot-hook", map[string]string{"url": parrot + "/in"}, map[string]string{"signing_secrets": h.Providers.WebhookSecret("crm")})
	nowhere, leave := leaving(h.t)
	h.Connect(h.t, "slack", "slack-webhook", "nowhere", map[string]string{}, map[string]string{"hook_url": nowhere + "/" + token})
	h.Connect(h.t, "discord", "discord-webhook", "nowhere-discord", map[string]string{}, map[string]string{"hook_url": nowhere + "/" + token})
	leave()
}

// publishes sends to everybody by every channel, and waits until the readers have it; the parrots are tried again and again.
func (m *masking) publishes() {
	id := m.Publish(m.t, fixture.Order{Title: "Marked", Channels: []string{"email", "newsletter", "slack", "discord", "webhook"}})
	m.awaitArrivals(id, "email", 15)
	m.awaitArrivals(id, "newsletter", 15)
	m.awaitArrivals(id, "slack", 2)
	m.awaitArrivals(id, "discord", 2)
	m.Control(m.t, id, "cancel")
	m.Await(m.t, id, "cancelled", patience)
}

// link is an address with a reader's token.
var link = regexp.MustCompile(`https?://[^\s"'<>]+/(?:t|p)/[a-z]+/([A-Za-z0-9_-]{20,})[^\s"'<>]*`)

// readersCome opens every link of two mails, as it is and altered.
func (m *masking) readersCome() {
	seen := 0
	for _, one := range append(m.Sandbox.Messages("email")[:1], m.Sandbox.Messages("newsletter")[:1]...) {
		letter := one.Read()
		for _, found := range link.FindAllStringSubmatch(letter.Text+" "+letter.HTML, -1) {
			if _, err := ident.Parse(found[1]); err == nil {
				continue // a page of everybody's
			}
			seen++
			m.words = append(m.words, found[1])
			m.Visit(m.t, http.MethodGet, found[0], nil)
			m.Visit(m.t, http.MethodPost, found[0], []byte("List-Unsubscribe=One-Click"), "Content-Type", "application/x-www-form-urlencoded")
			m.Visit(m.t, http.MethodGet, strings.Replace(found[0], found[1], found[1][1:], 1), nil)
			m.words = append(m.words, found[1][1:])
		}
	}
	if seen < 4 {
		m.t.Errorf("%d links", seen)
	}
}

// providersFail in every way: for good, for a while, after they took the message, and without a word.
func (m *masking) providersFail() {
	m.report(sandbox.SESReports{Sends: true, SignatureVersion: "2"})
	for _, provider := range []string{sandbox.ProviderSES, sandbox.ProviderSMTP} {
		m.inject(provider, sandbox.Fault{Match: readerMark + "1", ErrorRatio: 1, ErrorKind: sandbox.Permanent}, sandbox.Fault{Match: readerMark + "2", ErrorRatio: 1},
			sandbox.Fault{Match: readerMark + "3", DropRatio: 1}, sandbox.Fault{Match: readerMark + "4", Outage: sandbox.HangUp})
	}
	before := m.logs.FilterMessage("delivery not accepted").Len()
	failing := m.Publish(m.t, fixture.Order{Title: "Marked", Channels: []string{"email", "newsletter"}})
	fixture.Until(m.t, patience, "failures", func() (bool, string) {
		n := m.logs.FilterMessage("delivery not accepted").Len() - before
		return n >= 10, fmt.Sprint(n)
	})
	m.Control(m.t, failing, "cancel")
	m.Await(m.t, failing, "cancelled", patience)
	m.Sandbox.Clear()
}

// providerRepeats refuses every mail, with its address: a worker that has just started has no other to send it by.
func (m *masking) providerRepeats() {
	m.Call(m.t, http.MethodPost, "/channels/"+value[string](m.house, `SELECT uid::text FROM channel WHERE name = 'email-ses'`)+"/disable", nil, nil)
	m.Connect(m.t, "email", "ses", "parrot-mail", map[string]string{"region": "eu-central-1", "endpoint": parrot(m.t)},
		map[string]string{"access_key_id": "AK" + "IA" + secretMark + "00000000", "secret_access_key": secretMark + "0123456789abcdef"})
	m.start(nil, app.Worker)
	id := m.Publish(m.t, fixture.Order{Title: "Marked", Channels: []string{"email"}})
	if p := m.Await(m.t, id, "completed_with_failures", patience); p.All.Failed < 10 {
		m.t.Errorf("progress is %s", p)
	}
}

// strangersCome with keys that are none, with bodies that cannot be read, and with events that Amazon did not send.
func (m *masking) strangersCome() {
	jwt := "ey" + "J" + secretMark + ".ey" + "J" + secretMark + "." + secretMark
	for _, authorization := range []string{"Bearer " + secretMark, "Bearer pw" + "k_" + secretMark, "Bearer " + jwt, "Basic " + secretMark, secretMark, "Bearer " + fixture.Key + "x"} {
		for _, url := range []string{m.config.PublicURL + "/api/v1/topics", m.config.PublicURL + "/api/v1/subscribers?email=" + readerMark + "@reader.example"} {
			if got := m.Visit(m.t, http.MethodGet, url, nil, "Authorization", authorization); got.Status != http.StatusUnauthorized && got.Status != http.StatusTooManyRequests {
				m.t.Errorf("%s was let in: %d", authorization, got.Status)
			}
		}
	}
	address := readerMark + "@reader.example"
	admin := []string{"Authorization", "Bearer " + fixture.Key, "Content-Type", "application/json"}
	for path, bodies := range map[string][]string{
		"/subscribers": {`{"email":"` + address, `{"email":"` + address + `","name":"\u0000` + readerMark + `"}`, `{"email":"not ` + address + `"}`, `{"` + address + `":1}`,
			`{"email":"` + address + `","timezone":"` + readerMark + `"}`, `{"email":"` + address + `","name":"` + strings.Repeat(readerMark, 200) + `"}`},
		"/subscribers/import":  {"email,name,consent_source\n" + address + "," + readerMark + "," + readerMark + "\nno address " + readerMark + ",x,y,z\n"},
		"/suppressions":        {`{"email":"` + address + `"}`, `{"email":"` + address + `"}`, `{"email":"` + readerMark + `"}`},
		"/suppressions/lookup": {`{"email":"` + address + `"}`},
		"/channels":            {`{"kind":"slack","provider":"slack","name":"` + secretMark + `","secrets":{"bot_token":"vault://` + secretMark + `#a"}}`},
		"/publications":        {`{"title":"` + readerMark + `","audience":{"subscriber_ids":["` + address + `"]}}`},
	} {
		for _, body := range bodies {
			m.Visit(m.t, http.MethodPost, m.config.PublicURL+"/api/v1"+path, []byte(body), admin...)
		}
	}
	for _, path := range []string{"/subscribers/" + address, "/subscribers?email=" + address, "/nothing/" + address, "/publications/" + address + "/recipients"} {
		m.Visit(m.t, http.MethodGet, m.config.PublicURL+"/api/v1"+path, nil, admin...)
	}
	m.post([]byte(`{"Type":"Notification","Message":"` + address + `"}`))
	m.post([]byte("hello " + address))
	m.refuseForged()
}

// serversFail: PostgreSQL refuses what has a reader's name in it, with a message that repeats it.
func (m *masking) serversFail(p fixture.Person) {
	owner, err := pgx.Connect(m.t.Context(), dbtest.Owner(m.t, m.config.DatabaseURL))
	if err != nil {
		m.t.Fatal(err)
	}
	defer func() { _ = owner.Close(context.WithoutCancel(m.t.Context())) }()
	if _, err := owner.Exec(m.t.Context(), `
		CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM NEW.email::bigint; RETURN NEW; END $$;
		CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON subscriber FOR EACH ROW EXECUTE FUNCTION refuse()`); err != nil {
		m.t.Fatal(err)
	}
	body := []byte(`{"email":"broken-` + p.Email + `","name":"` + p.Name + `"}`)
	got := m.Visit(m.t, http.MethodPost, m.config.PublicURL+"/api/v1/subscribers", body, "Authorization", "Bearer "+fixture.Key, "Content-Type", "application/json")
	if got.Status != http.StatusInternalServerError || strings.Contains(string(got.Body), readerMark) {
		m.t.Errorf("%d %s", got.Status, got.Body)
	}
}
