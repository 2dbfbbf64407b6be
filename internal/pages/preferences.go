package pages

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/mailbox"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/subscriber"
	"github.com/presswork/presswork/internal/telemetry"
	"github.com/presswork/presswork/internal/token"
)

// preferencesView is what a reader can choose.
type preferencesView struct {
	Topics      []topicView
	Channels    []choiceView
	Frequencies []choiceView
	Languages   []languageView
	// PausedUntil is a day, "" if they have not paused. Pauses are numbers of days.
	PausedUntil string
	Pauses      []choiceView
	// Saved: what they chose just now is stored.
	Saved bool
}

// choiceView is one of several: its value, the key of its text, and whether it is chosen.
type choiceView struct {
	Value, Text string
	Chosen      bool
}

// visitor is who has come by a link, and by which.
type visitor struct {
	consent.Reader
	// delivery is that of the message in whose footer the link stands; zero if the link was mailed for this.
	delivery token.Recipient
}

// visit reads the token in the path: that of a link which was mailed on request, or of one in a footer. Both let the same be
// chosen, and neither shows the address. It is not ok when a page has been shown instead.
func (p *Pages) visit(w http.ResponseWriter, r *http.Request) (v visitor, ok bool, err error) {
	var id int64
	t, err := p.Tickets.Verify(r.PathValue("token"), token.Prefer, time.Now())
	switch {
	case errors.Is(err, token.ErrExpired):
		p.show(w, r, http.StatusGone, view{Page: "message", Title: "expired_title", Message: "expired_preferences", Text: p.chosenText(r), Subscribed: "/p/preferences"})
		return v, false, nil
	case err == nil:
		id = t.Subscriber
	default:
		if v.delivery, err = p.recipient(r); err != nil {
			return v, false, err
		}
		id = v.delivery.Recipient
	}
	v.Reader, err = p.Subscriptions.Reader(r.Context(), id)
	if err != nil {
		return v, false, fmt.Errorf("read who has come: %w", err)
	}
	return v, true, nil
}

// askPreferences asks for the address to which the link is mailed.
func (p *Pages) askPreferences(w http.ResponseWriter, r *http.Request) error {
	p.show(w, r, http.StatusOK, view{Page: "link", Title: "link_title", Text: p.chosenText(r), Link: &linkView{}})
	return nil
}

// linkView is the form for an address.
type linkView struct {
	Email string
	Wrong bool
}

// mailPreferences says the same whether the address is known or not.
func (p *Pages) mailPreferences(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(w, r); err != nil {
		return err
	}
	text := p.chosenText(r)
	email, err := mailbox.Parse(r.PostForm.Get("email"))
	if err != nil {
		p.show(w, r, http.StatusUnprocessableEntity, view{Page: "link", Title: "link_title", Text: text, Link: &linkView{Email: r.PostForm.Get("email"), Wrong: true}})
		return nil //nolint:nilerr // the reader is told
	}
	if r.PostForm.Get("website") == "" {
		if err := p.Subscriptions.MailPreferences(p.act(r, consent.Act{Source: consent.Page}), email); err != nil {
			return fmt.Errorf("mail a link to preferences: %w", err)
		}
	}
	p.show(w, r, http.StatusOK, view{Page: "message", Title: "asked_title", Message: "linked", Text: text})
	return nil
}

// preferences shows what a reader chose.
func (p *Pages) preferences(w http.ResponseWriter, r *http.Request) error {
	who, ok, err := p.visit(w, r)
	if err != nil || !ok {
		return err
	}
	if who.Status != string(subscriber.Active) {
		p.show(w, r, http.StatusOK, p.away(r, who.Reader))
		return nil
	}
	chosen, err := p.Subscriptions.Preferences(r.Context(), who.Reader)
	if err != nil {
		return fmt.Errorf("show preferences: %w", err)
	}
	return p.showPreferences(w, r, who, chosen, false)
}

// away offers who is not subscribed to come back.
func (p *Pages) away(r *http.Request, who consent.Reader) view {
	v := view{Page: "back", Title: "unsubscribed_title", Message: "back", Text: p.textOf(r, who.Language)}
	if who.Status == string(subscriber.Pending) {
		v.Title, v.Message = "pending_title", "pending"
	}
	return v
}

func (p *Pages) showPreferences(w http.ResponseWriter, r *http.Request, who visitor, chosen subscriber.Preferences, saved bool) error {
	topics, err := p.Subscriptions.PublicTopics(r.Context(), chosen.Topics)
	if err != nil {
		return fmt.Errorf("show preferences: %w", err)
	}
	v := preferencesView{Topics: topicViews(topics, chosen.Topics), Languages: languageViews(chosen.Language), Saved: saved}
	for _, kind := range []channel.Kind{channel.Email, channel.Newsletter} {
		v.Channels = append(v.Channels, choiceView{string(kind), "channel_" + string(kind), !slices.Contains(chosen.ChannelsOff, kind.ID())})
	}
	for _, name := range subscriber.Frequencies() {
		v.Frequencies = append(v.Frequencies, choiceView{name, "frequency_" + name, name == chosen.Frequency.String()})
	}
	if chosen.PausedUntil != nil && chosen.PausedUntil.After(time.Now()) {
		// Isolated, so that it is read from the left among words that are not.
		v.PausedUntil = "\u2066" + chosen.PausedUntil.UTC().Format(time.DateOnly) + "\u2069"
	}
	for _, days := range pauses {
		v.Pauses = append(v.Pauses, choiceView{Value: strconv.Itoa(days), Text: "pause_" + strconv.Itoa(days)})
	}
	p.show(w, r, http.StatusOK, view{Page: "preferences", Title: "preferences_title", Text: p.textOf(r, chosen.Language),
		Address: telemetry.Mask(who.Email), Preferences: &v})
	return nil
}

// pauses are how many days a reader can pause for.
var pauses = [...]int{7, 30, 90}

// choose stores what a reader chose, or what else the form was sent for.
func (p *Pages) choose(w http.ResponseWriter, r *http.Request) error {
	who, ok, err := p.visit(w, r)
	if err != nil || !ok {
		return err
	}
	if err := readForm(w, r); err != nil {
		return err
	}
	switch r.PostForm.Get("do") {
	case "leave":
		return p.leaveAll(w, r, who)
	case "back":
		return p.askAgain(w, r, who.Reader)
	case "save":
		return p.save(w, r, who)
	default:
		return fault.New(fault.Malformed, "unreadable_form", "")
	}
}

// leaveAll unsubscribes from everything: for the publication in whose footer the link stood, if it did.
func (p *Pages) leaveAll(w http.ResponseWriter, r *http.Request, who visitor) error {
	ctx := p.act(r, consent.Act{Source: consent.Page})
	var err error
	if who.delivery.Publication > 0 {
		err = p.Readers.Unsubscribe(ctx, publication.Unsubscription{Subscriber: who.ID, Publication: who.delivery.Publication, Channel: who.delivery.Channel})
	} else {
		err = p.Subscriptions.Leave(ctx, who.UID)
	}
	if err != nil {
		return fmt.Errorf("unsubscribe: %w", err)
	}
	p.show(w, r, http.StatusOK, view{Page: "back", Title: "unsubscribed_title", Message: "unsubscribed", Text: p.textOf(r, who.Language)})
	return nil
}

func (p *Pages) save(w http.ResponseWriter, r *http.Request, who visitor) error {
	if who.Status != string(subscriber.Active) {
		p.show(w, r, http.StatusOK, p.away(r, who.Reader))
		return nil
	}
	offered, err := p.offered(r.Context(), who.Reader)
	if err != nil {
		return fmt.Errorf("store preferences: %w", err)
	}
	now := time.Now()
	after, err := p.Subscriptions.ChangePreferences(p.act(r, consent.Act{Source: consent.Page}), who.UID,
		func(before subscriber.Preferences) (subscriber.PreferencesChange, error) {
			return before.Change(chosenOf(r, before, offered, now), now)
		})
	if fault.Is(err, fault.Invalid) {
		return fault.Wrap(err, fault.Malformed, "unreadable_form")
	}
	if err != nil {
		return fmt.Errorf("store preferences: %w", err)
	}
	return p.showPreferences(w, r, who, after, true)
}

// offered are the topics among which a reader chooses. They are read before the change begins: that has a connection to the
// database, and as many at once as there are would wait for one more each.
func (p *Pages) offered(ctx context.Context, who consent.Reader) ([]subscriber.Topic, error) {
	chosen, err := p.Subscriptions.Preferences(ctx, who)
	if err != nil {
		return nil, fmt.Errorf("read preferences: %w", err)
	}
	topics, err := p.Subscriptions.PublicTopics(ctx, chosen.Topics)
	if err != nil {
		return nil, fmt.Errorf("read topics: %w", err)
	}
	return topics, nil
}

// chosenOf is what the form says. What it does not ask for stays: topics that were not offered as well.
func chosenOf(r *http.Request, before subscriber.Preferences, offered []subscriber.Topic, now time.Time) subscriber.PreferencesInput {
	others := slices.DeleteFunc(slices.Clone(before.Topics), func(slug string) bool {
		return slices.ContainsFunc(offered, func(t subscriber.Topic) bool { return t.Slug == slug })
	})
	in := subscriber.PreferencesInput{Topics: append(others, among(offered, r.PostForm["topic"])...), Frequency: r.PostForm.Get("frequency"),
		Language: r.PostForm.Get("language"), Timezone: before.Timezone, PausedUntil: before.PausedUntil}
	for _, kind := range []channel.Kind{channel.Email, channel.Newsletter} {
		if !slices.Contains(r.PostForm["channel"], string(kind)) {
			in.ChannelsOff = append(in.ChannelsOff, kind.ID())
		}
	}
	if q := before.Quiet; q != nil {
		in.QuietFrom, in.QuietTo = subscriber.Clock(q.From), subscriber.Clock(q.To)
	}
	switch days, err := strconv.Atoi(r.PostForm.Get("pause")); {
	case err == nil && days == 0:
		in.PausedUntil = nil
	case err == nil && slices.Contains(pauses[:], days):
		until := now.AddDate(0, 0, days)
		in.PausedUntil = &until
	}
	return in
}
