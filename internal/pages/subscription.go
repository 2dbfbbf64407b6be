package pages

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
	"github.com/presswork/presswork/internal/telemetry"
	"github.com/presswork/presswork/internal/token"
)

// Subscriptions is how readers come, come back, and choose.
type Subscriptions interface {
	// SignUp and MailPreferences do not say whether the address is known.
	SignUp(ctx context.Context, up subscriber.SignUp) error
	MailPreferences(ctx context.Context, email string) error
	// Reader and Request are NotFound of who is no more.
	Reader(ctx context.Context, id int64) (consent.Reader, error)
	Request(ctx context.Context, reader, request int64) (consent.Request, error)
	// Confirm may be repeated.
	Confirm(ctx context.Context, reader, request int64) (consent.Outcome, error)
	// Ask has a letter ask who is not subscribed whether they want to be. It refuses with Conflict.
	Ask(ctx context.Context, uid ident.UID) error
	// Leave may be repeated.
	Leave(ctx context.Context, uid ident.UID) error
	PublicTopics(ctx context.Context, also []string) ([]subscriber.Topic, error)
	// Preferences are those of a reader whom Reader found just now.
	Preferences(ctx context.Context, r consent.Reader) (subscriber.Preferences, error)
	ChangePreferences(
		ctx context.Context, uid ident.UID, change func(subscriber.Preferences) (subscriber.PreferencesChange, error),
	) (subscriber.Preferences, error)
}

// Tickets reads the links in our own letters.
type Tickets interface {
	Verify(text string, use token.Use, now time.Time) (token.Ticket, error)
}

// subscribeView is the form for signing up.
type subscribeView struct {
	Email, Name, Language string
	Topics                []topicView
	Languages             []languageView
	// Consent is what is agreed to, Wrong whether the address cannot be one.
	Consent string
	Wrong   bool
}

// topicView is a topic that can be chosen.
type topicView struct {
	Slug, Name, Description string
	Chosen                  bool
}

func topicViews(list []subscriber.Topic, chosen []string) []topicView {
	views := make([]topicView, 0, len(list))
	for _, t := range list {
		views = append(views, topicView{t.Slug, t.Name, t.Description, slices.Contains(chosen, t.Slug)})
	}
	return views
}

// among is which of the slugs that came are of topics that can be chosen.
func among(list []subscriber.Topic, slugs []string) []string {
	chosen := []string{}
	for _, t := range list {
		if slices.Contains(slugs, t.Slug) {
			chosen = append(chosen, t.Slug)
		}
	}
	return chosen[:min(len(chosen), subscriber.MaxTopics)]
}

// act has what is done for a reader noted as theirs, with where it came from.
func (p *Pages) act(r *http.Request, a consent.Act) context.Context {
	a.UserAgent, a.Brand = r.UserAgent(), p.brand(r).Slug
	if p.Client != nil {
		a.IP = p.Client(r.Context())
	}
	return consent.With(audit.WithActor(r.Context(), "subscriber"), a)
}

// consentText is what readers agree to, in a language.
func (p *Pages) consentText(r *http.Request, text catalogue) consent.Text {
	name := cmp.Or(p.brand(r).Name, p.Organisation)
	if name == "" {
		name = strings.TrimPrefix(strings.TrimPrefix(p.PublicURL, "https://"), "http://")
	}
	return consent.Text{Language: text.Language, Body: strings.ReplaceAll(text.Get("subscribe_consent"), "{organisation}", name)}
}

// chosenText is in the language that the address asks for, or else the browser.
func (p *Pages) chosenText(r *http.Request) catalogue {
	return p.views.texts.accepted(strings.TrimPrefix(r.URL.Query().Get("lang")+", "+r.Header.Get("Accept-Language"), ", "))
}

// askSubscribe shows the form for signing up.
func (p *Pages) askSubscribe(w http.ResponseWriter, r *http.Request) error {
	return p.showSubscribe(w, r, http.StatusOK, subscribeView{})
}

func (p *Pages) showSubscribe(w http.ResponseWriter, r *http.Request, status int, v subscribeView, chosen ...string) error {
	text := p.chosenText(r)
	topics, err := p.Subscriptions.PublicTopics(r.Context(), nil)
	if err != nil {
		return fmt.Errorf("show the form for signing up: %w", err)
	}
	if v.Language == "" {
		v.Language = text.Language
	}
	v.Topics, v.Languages, v.Consent = topicViews(topics, chosen), languageViews(v.Language), p.consentText(r, text).Body
	p.show(w, r, status, view{Page: "subscribe", Title: "subscribe_title", Text: text, Subscribe: &v})
	return nil
}

// subscribe notes the wish, and says the same whether the address is known or not. Who fills in the field that people do not
// see is no person.
func (p *Pages) subscribe(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(w, r); err != nil {
		return err
	}
	form := r.PostForm
	text := p.chosenText(r)
	if form.Get("website") != "" {
		p.show(w, r, http.StatusOK, view{Page: "message", Title: "asked_title", Message: "asked", Text: text})
		return nil
	}
	topics, err := p.Subscriptions.PublicTopics(r.Context(), nil)
	if err != nil {
		return fmt.Errorf("sign up: %w", err)
	}
	chosen := among(topics, form["topic"])
	up, err := subscriber.NewSignUp(form.Get("email"), form.Get("name"), form.Get("language"), chosen)
	if err != nil {
		return p.showSubscribe(w, r, http.StatusUnprocessableEntity,
			subscribeView{Email: form.Get("email"), Name: form.Get("name"), Language: form.Get("language"), Wrong: true}, chosen...)
	}
	shown := p.consentText(r, text)
	if err := p.Subscriptions.SignUp(p.act(r, consent.Act{Source: consent.Form, Text: &shown}), up); err != nil {
		return fmt.Errorf("sign up: %w", err)
	}
	p.show(w, r, http.StatusOK, view{Page: "message", Title: "asked_title", Message: "asked", Text: text})
	return nil
}

// request reads the ticket in the path, and what it asks to confirm. It is not ok when a page has been shown instead.
func (p *Pages) request(w http.ResponseWriter, r *http.Request) (found consent.Request, ok bool, err error) {
	t, err := p.Tickets.Verify(r.PathValue("token"), token.Confirm, time.Now())
	if errors.Is(err, token.ErrExpired) {
		p.show(w, r, http.StatusGone, view{Page: "message", Title: "expired_title", Message: "expired", Text: p.chosenText(r), Subscribed: "/p/subscribe"})
		return found, false, nil
	}
	if err != nil {
		return found, false, fault.Wrap(err, fault.NotFound, "no_such_link")
	}
	found, err = p.Subscriptions.Request(r.Context(), t.Subscriber, t.Request)
	if fault.Is(err, fault.NotFound) || err == nil && found.Void {
		p.show(w, r, http.StatusGone, p.stale(r, found))
		return found, false, nil
	}
	if err != nil {
		return found, false, fmt.Errorf("read a request: %w", err)
	}
	return found, true, nil
}

func (p *Pages) stale(r *http.Request, found consent.Request) view {
	return view{Page: "message", Title: "stale_title", Message: "stale", Text: p.textOf(r, found.Language), Subscribed: "/p/subscribe"}
}

// askConfirm shows a button. It changes nothing: mail scanners and browsers fetch links by themselves.
func (p *Pages) askConfirm(w http.ResponseWriter, r *http.Request) error {
	found, ok, err := p.request(w, r)
	if err != nil || !ok {
		return err
	}
	text := p.textOf(r, found.Language)
	if found.Done {
		p.show(w, r, http.StatusOK, view{Page: "message", Title: "confirmed_title", Message: "confirmed_before", Text: text})
		return nil
	}
	names, err := p.names(r.Context(), found.Topics)
	if err != nil {
		return err
	}
	p.show(w, r, http.StatusOK, view{Page: "confirm", Title: "confirm_title", Text: text, Address: telemetry.Mask(found.Email),
		Confirm: &confirmView{Consent: p.consentText(r, text).Body, Topics: names}})
	return nil
}

// confirmView is what is about to be confirmed.
type confirmView struct {
	Consent string
	Topics  []string
}

// names are how topics are shown.
func (p *Pages) names(ctx context.Context, slugs []string) ([]string, error) {
	topics, err := p.Subscriptions.PublicTopics(ctx, slugs)
	if err != nil {
		return nil, fmt.Errorf("name topics: %w", err)
	}
	var names []string
	for _, t := range topics {
		if slices.Contains(slugs, t.Slug) {
			names = append(names, t.Name)
		}
	}
	return names, nil
}

// confirm subscribes who asked for it. It may be repeated.
func (p *Pages) confirm(w http.ResponseWriter, r *http.Request) error {
	found, ok, err := p.request(w, r)
	if err != nil || !ok {
		return err
	}
	if err := readForm(w, r); err != nil {
		return err
	}
	text := p.textOf(r, found.Language)
	shown := p.consentText(r, text)
	outcome, err := p.Subscriptions.Confirm(p.act(r, consent.Act{Source: consent.Page, Granted: consent.Confirmed, Text: &shown}),
		found.SubscriberID, found.ID)
	if err != nil {
		return fmt.Errorf("confirm: %w", err)
	}
	switch outcome {
	case consent.Now:
		p.show(w, r, http.StatusOK, view{Page: "message", Title: "confirmed_title", Message: "confirmed", Text: text})
	case consent.Before:
		p.show(w, r, http.StatusOK, view{Page: "message", Title: "confirmed_title", Message: "confirmed_before", Text: text})
	default:
		p.show(w, r, http.StatusGone, p.stale(r, found))
	}
	return nil
}

// askAgain has who is not subscribed asked by mail whether they want to be. That they were asked often enough is not said; that
// they are subscribed, so that no mail comes, is.
func (p *Pages) askAgain(w http.ResponseWriter, r *http.Request, who consent.Reader) error {
	text := p.textOf(r, who.Language)
	shown := p.consentText(r, text)
	err := p.Subscriptions.Ask(p.act(r, consent.Act{Source: consent.Page, Text: &shown}), who.UID)
	switch {
	case fault.CodeOf(err) == "already_active":
		p.show(w, r, http.StatusOK, view{Page: "message", Title: "confirmed_title", Message: "confirmed_before", Text: text})
		return nil
	case err != nil && !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.NotFound):
		return fmt.Errorf("ask a reader: %w", err)
	}
	p.show(w, r, http.StatusOK, view{Page: "message", Title: "asked_title", Message: "asked", Text: text})
	return nil
}
