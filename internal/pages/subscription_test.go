package pages

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
	"github.com/presswork/presswork/internal/token"
)

// desk is where one reader comes and goes: 7, by the request 9.
type desk struct {
	*house
	tickets *token.Tickets
	who     consent.Reader
	request consent.Request
	outcome consent.Outcome
	chosen  subscriber.Preferences

	refused error // what Ask says
	// changing: preferences are being changed. They have topics then that were given meanwhile.
	changing  bool
	meanwhile []string

	calls []string
	acts  []consent.Act
	up    subscriber.SignUp
}

func (d *desk) call(ctx context.Context, what string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls, d.acts = append(d.calls, what), append(d.acts, consent.Of(ctx, consent.API))
	if audit.Actor(ctx) != "subscriber" {
		d.t.Errorf("%s is done by %s", what, audit.Actor(ctx))
	}
	return d.err
}

func (d *desk) SignUp(ctx context.Context, up subscriber.SignUp) error {
	d.up = up
	return d.call(ctx, "sign up")
}

func (d *desk) MailPreferences(ctx context.Context, email string) error {
	return d.call(ctx, "mail to "+email)
}

func (d *desk) Reader(context.Context, int64) (consent.Reader, error) { return d.who, d.err }

func (d *desk) Request(_ context.Context, reader, request int64) (consent.Request, error) {
	if reader != 7 || request != 9 {
		return consent.Request{}, fault.New(fault.NotFound, "not_found", "")
	}
	return d.request, d.err
}

func (d *desk) Confirm(ctx context.Context, _, _ int64) (consent.Outcome, error) {
	return d.outcome, d.call(ctx, "confirm")
}

func (d *desk) Ask(ctx context.Context, _ ident.UID) error {
	return errors.Join(d.refused, d.call(ctx, "ask"))
}

func (d *desk) Leave(ctx context.Context, _ ident.UID) error { return d.call(ctx, "leave") }

func (d *desk) PublicTopics(_ context.Context, also []string) ([]subscriber.Topic, error) {
	if d.changing {
		d.t.Error("a change of preferences waits for another connection while it has one")
	}
	list := []subscriber.Topic{{Slug: "art", Name: "Art", Description: "Paint & more"}, {Slug: "go", Name: "Go"}}
	if slices.Contains(also, "inside") {
		list = append(list, subscriber.Topic{Slug: "inside", Name: "Inside"})
	}
	return list, d.err
}

func (d *desk) Preferences(context.Context, consent.Reader) (subscriber.Preferences, error) {
	return d.chosen, d.err
}

func (d *desk) ChangePreferences(
	ctx context.Context, _ ident.UID, change func(subscriber.Preferences) (subscriber.PreferencesChange, error),
) (subscriber.Preferences, error) {
	d.changing = true
	d.chosen.Topics = append(d.chosen.Topics, d.meanwhile...)
	c, err := change(d.chosen)
	d.changing = false
	if err != nil {
		return d.chosen, err
	}
	d.chosen = c.After
	return d.chosen, d.call(ctx, "change")
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{house: newHouse(t), tickets: token.NewTickets([]byte("a secret of at least thirty-two characters"))}
	d.who = consent.Reader{ID: 7, UID: ident.New(), Email: "ada@example.org", Language: "en", Status: "active"}
	d.request = consent.Request{ID: 9, SubscriberID: 7, Email: "ada@example.org", Language: "en", Topics: []string{"go"}}
	d.outcome = consent.Now
	d.chosen = subscriber.Preferences{Status: subscriber.Active, Topics: []string{"go", "inside"}, Language: "pt-BR", Timezone: "Asia/Tokyo",
		Quiet: &subscriber.Quiet{From: 60, To: 120}}
	handler, err := New(Deps{Organisation: "Desk & Co", Tokens: d.signer, Tickets: d.tickets, Readers: d.house, Subscriptions: d, Archive: d.house, Images: d.house,
		Listing: d.house, PublicURL: "https://desk.example", Client: func(context.Context) string { return "192.0.2.7" }})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	d.url = server.URL
	return d
}

func (d *desk) ticket(use token.Use, of time.Duration) string {
	return d.tickets.Sign(token.Ticket{Use: use, Subscriber: 7, Request: 9, Until: time.Now().Add(of)})
}

// did is what was done since it was asked last.
func (d *desk) did() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	calls := strings.Join(d.calls, ", ")
	d.calls = nil
	return calls
}

func (d *desk) want(what string) {
	d.t.Helper()
	if got := d.did(); got != what {
		d.t.Errorf("done: %q, want %q", got, what)
	}
}

func TestSigningUp(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.checkPage(d.ask("GET", "/p/subscribe", ""), http.StatusOK, `<label class="field" for="email">`, `value="art"`, "Paint &amp; more", "Desk &amp; Co sends me messages")
	d.checkPage(d.ask("GET", "/p/subscribe?lang=ar", ""), http.StatusOK, `<html lang="ar" dir="rtl">`)
	d.want("")
	d.checkPage(d.ask("POST", "/p/subscribe", "email=ada@example.org&name=Ada&language=de&topic=go&topic=inside&topic=new", "Accept-Language: de"), http.StatusOK, "Postfach")
	d.want("sign up")
	text := *d.acts[0].Text
	if want := (subscriber.SignUp{Email: "ada@example.org", Name: "Ada", Language: "de", Topics: []string{"go"}}); d.up.Email != want.Email || d.up.Name != want.Name ||
		d.up.Language != want.Language || !slices.Equal(d.up.Topics, want.Topics) {
		t.Errorf("signed up as %+v", d.up)
	}
	if a := d.acts[0]; a.Source != consent.Form || a.IP != "192.0.2.7" || a.UserAgent == "" || text.Language != "de" || !strings.Contains(text.Body, "Desk & Co") {
		t.Errorf("from %+v, %+v", a, text)
	}
	d.checkPage(d.ask("POST", "/p/subscribe", "email=ada@example.org&website=spam"), http.StatusOK, "mailbox")
	for _, email := range []string{"", "ada", "ada@", strings.Repeat("a", 300) + "@example.org"} {
		d.checkPage(d.ask("POST", "/p/subscribe", "topic=go&name=%3Cb%3E&email="+email), http.StatusUnprocessableEntity, `role="alert"`, `aria-invalid="true"`, `href="#email"`,
			`value="go" checked`, `value="&lt;b&gt;"`)
	}
	d.want("")
	d.err = fault.New(fault.Unavailable, "database_unavailable", "")
	d.checkPage(d.ask("POST", "/p/subscribe", "email=ada@example.org"), http.StatusServiceUnavailable)
}

func TestConfirming(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	link := "/p/confirm/" + d.ticket(token.Confirm, time.Hour)
	p := d.ask("GET", link, "")
	d.checkPage(p, http.StatusOK, "a***@example.org", "<li><bdi>Go</bdi></li>", `<form method="post">`)
	if strings.Contains(p.body, "ada@") {
		t.Error("the address is shown")
	}
	d.want("")
	d.checkPage(d.ask("POST", link, ""), http.StatusOK, "You are subscribed", "Thank you")
	d.want("confirm")
	if a := d.acts[0]; a.Source != consent.Page || a.Granted != consent.Confirmed || a.Text == nil {
		t.Errorf("%+v", a)
	}
	d.outcome = consent.Before
	d.checkPage(d.ask("POST", link, ""), http.StatusOK, "You are subscribed", "already")
	d.outcome = consent.Stale
	d.checkPage(d.ask("POST", link, ""), http.StatusGone, "does not work any more", `href="/p/subscribe"`)
	d.request.Done = true
	d.checkPage(d.ask("GET", link, ""), http.StatusOK, "already")
	d.did()
	d.request.Done, d.request.Void = false, true
	d.checkPage(d.ask("GET", link, ""), http.StatusGone, "does not work any more")
	d.checkPage(d.ask("POST", link, ""), http.StatusGone, "does not work any more")
	d.checkPage(d.ask("GET", "/p/confirm/"+d.ticket(token.Confirm, -time.Second), ""), http.StatusGone, "expired", `href="/p/subscribe"`)
	for _, bad := range []string{"x", d.ticket(token.Prefer, time.Hour), strings.TrimPrefix(d.link(1), "/p/u/")} {
		d.checkPage(d.ask("POST", "/p/confirm/"+bad, ""), http.StatusNotFound)
	}
	d.want("")
}

func TestChoosing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	mailed, footer := "/p/preferences/"+d.ticket(token.Prefer, time.Hour), "/p/preferences/"+strings.TrimPrefix(d.link(2), "/p/u/")
	for _, link := range []string{mailed, footer} {
		p := d.ask("GET", link, "")
		d.checkPage(p, http.StatusOK, "a***@example.org", `value="go" checked`, `value="inside" checked`, `value="art">`, `value="newsletter" checked`, `value="each" checked`,
			`<option value="pt-BR" lang="pt-BR" selected>`)
		if strings.Contains(p.body, "ada@") || len(p.body) > 20<<10 {
			t.Errorf("%d bytes: %s", len(p.body), p.body)
		}
	}
	d.want("")
	d.checkPage(d.ask("POST", mailed, "do=save&topic=art&topic=inside&topic=other&channel=email&frequency=weekly&pause=30&language=de"), http.StatusOK,
		`role="status"`, "gespeichert", `value="weekly" checked`, `value="0"`)
	d.want("change")
	if c := d.chosen; !slices.Equal(c.Topics, []string{"art", "inside"}) || !slices.Equal(c.ChannelsOff, []int16{2}) || c.Frequency != subscriber.Weekly || c.Language != "de" ||
		c.Timezone != "Asia/Tokyo" || *c.Quiet != (subscriber.Quiet{From: 60, To: 120}) || time.Until(*c.PausedUntil) < 29*24*time.Hour {
		t.Errorf("chosen %+v", c)
	}
	d.meanwhile = []string{"since"} // which the page did not show
	d.checkPage(d.ask("POST", mailed, "do=save&topic=art&channel=email&frequency=weekly&language=de"), http.StatusOK)
	if d.meanwhile = nil; !slices.Equal(d.chosen.Topics, []string{"art", "since"}) {
		t.Errorf("chosen %+v", d.chosen)
	}
	d.chosen.Topics = []string{"art"}
	paused := *d.chosen.PausedUntil
	d.checkPage(d.ask("POST", footer, "do=save&channel=email&channel=newsletter&frequency=each&pause=&language=de"), http.StatusOK)
	if d.chosen.PausedUntil == nil || !d.chosen.PausedUntil.Equal(paused) || len(d.chosen.Topics)+len(d.chosen.ChannelsOff) != 0 {
		t.Errorf("chosen %+v", d.chosen)
	}
	// For no other time than the page offers.
	d.checkPage(d.ask("POST", footer, "do=save&channel=email&channel=newsletter&frequency=each&pause=31&language=de"), http.StatusOK)
	if d.chosen.PausedUntil == nil || !d.chosen.PausedUntil.Equal(paused) {
		t.Errorf("paused until %v", d.chosen.PausedUntil)
	}
	d.checkPage(d.ask("POST", footer, "do=save&channel=email&channel=newsletter&frequency=each&pause=0&language=de"), http.StatusOK)
	if d.chosen.PausedUntil != nil {
		t.Errorf("paused until %v", d.chosen.PausedUntil)
	}
	d.chosen.PausedUntil = new(time.Now().Add(-time.Minute))
	if p := d.ask("GET", footer, ""); strings.Contains(p.body, `value="0"`) {
		t.Errorf("a pause that is over is shown: %s", p.body)
	}
	d.did()
	for _, form := range []string{"", "do=else", "do=save&frequency=hourly", "do=save&language=%00"} {
		d.checkPage(d.ask("POST", mailed, form), http.StatusBadRequest, "Something went wrong", "go back and try again")
	}
	d.want("")
	d.checkPage(d.ask("POST", mailed, "do=leave"), http.StatusOK, "You are unsubscribed", `value="back"`)
	d.want("leave")
	d.checkPage(d.ask("POST", footer, "do=leave"), http.StatusOK, "You are unsubscribed")
	if d.want(""); len(d.left) != 1 || d.left[0].Publication != 41 || d.left[0].Topics != nil {
		t.Errorf("left %+v", d.left)
	}
}

// TestComingBack: who is not subscribed sees no preferences, changes none, and is asked by mail.
func TestComingBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	link := "/p/preferences/" + d.ticket(token.Prefer, time.Hour)
	for status, says := range map[string]string{"unsubscribed": "You are unsubscribed", "pending": "Not confirmed yet"} {
		d.who.Status = status
		d.checkPage(d.ask("GET", link, ""), http.StatusOK, says, `value="back"`)
		d.checkPage(d.ask("POST", link, "do=save&channel=email"), http.StatusOK, says)
	}
	d.want("")
	d.checkPage(d.ask("POST", link, "do=back"), http.StatusOK, "look at your mailbox")
	d.want("ask")
	d.reader.Active = false
	d.checkPage(d.ask("GET", d.link(1), ""), http.StatusOK, "You are unsubscribed", `value="back"`)
	d.checkPage(d.ask("POST", d.link(1), "do=back"), http.StatusOK, "look at your mailbox")
	d.want("ask")
	d.checkPage(d.ask("POST", d.link(1), "do=back&List-Unsubscribe=One-Click"), http.StatusOK)
	if d.want(""); len(d.left) != 1 {
		t.Errorf("left %+v", d.left)
	}
	d.err = fault.New(fault.NotFound, "not_found", "")
	d.checkPage(d.ask("GET", link, ""), http.StatusNotFound)
}

// TestNowhereToComeBackFrom: who left some topics only, and who has confirmed meanwhile, is not told of a mail that does not come.
func TestNowhereToComeBackFrom(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	p := d.ask("POST", d.link(1), "scope=topics")
	d.checkPage(p, http.StatusOK, "Your choice is stored.", `href="/p/preferences/`)
	if strings.Contains(p.body, `value="back"`) {
		t.Errorf("who is subscribed is to come back: %s", p.body)
	}
	d.refused = fault.New(fault.Conflict, "already_active", "")
	d.checkPage(d.ask("POST", d.link(1), "do=back"), http.StatusOK, "You are subscribed", "nothing more to do")
	d.refused = fault.New(fault.Conflict, "asked_enough", "")
	d.checkPage(d.ask("POST", d.link(1), "do=back"), http.StatusOK, "look at your mailbox")
	d.want("ask, ask")
}

func TestLinksByMail(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.checkPage(d.ask("GET", "/p/preferences", ""), http.StatusOK, `<label class="field" for="email">`)
	d.checkPage(d.ask("POST", "/p/preferences", "email=ADA@Example.org"), http.StatusOK, "on its way")
	d.want("mail to ada@example.org")
	d.checkPage(d.ask("POST", "/p/preferences", "email=ada@example.org&website=x"), http.StatusOK, "on its way")
	d.checkPage(d.ask("POST", "/p/preferences", "email=ada"), http.StatusUnprocessableEntity, `role="alert"`)
	d.want("")
	d.checkPage(d.ask("GET", "/p/preferences/"+d.ticket(token.Prefer, -time.Second), ""), http.StatusGone, "expired", `href="/p/preferences"`)
	for _, bad := range []string{"x", d.ticket(token.Confirm, time.Hour), strings.TrimPrefix(d.link(3), "/p/u/")} {
		d.checkPage(d.ask("GET", "/p/preferences/"+bad, ""), http.StatusNotFound)
		d.checkPage(d.ask("POST", "/p/preferences/"+bad, "do=leave"), http.StatusNotFound)
	}
	d.want("")
}

// TestSubscriptionForms nothing.
func TestForeignForms(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for path, form := range map[string]string{"/p/subscribe": "email=a@x.org", "/p/confirm/" + d.ticket(token.Confirm, time.Hour): "",
		"/p/preferences": "email=a@x.org", "/p/preferences/" + d.ticket(token.Prefer, time.Hour): "do=leave"} {
		d.checkPage(d.ask("POST", path, form, "Origin: https://evil.example", "Sec-Fetch-Site: cross-site"), http.StatusForbidden)
	}
	d.want("")
}
