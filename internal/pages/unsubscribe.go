package pages

import (
	"fmt"
	"net/http"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/telemetry"
	"github.com/presswork/presswork/internal/token"
)

// recipient reads the token in the path. Of a broadcast the recipient is a channel, which cannot unsubscribe.
func (p *Pages) recipient(r *http.Request) (token.Recipient, error) {
	t, err := p.Tokens.Verify(r.PathValue("token"))
	if err != nil {
		return t, fault.Wrap(err, fault.NotFound, "no_such_link")
	}
	kind, err := channel.KindOf(t.Channel)
	if err != nil || !kind.Personal() {
		return t, fault.New(fault.NotFound, "no_such_link", "")
	}
	return t, nil
}

// askUnsubscribe shows the form. It changes nothing: mail scanners and browsers fetch links by themselves.
func (p *Pages) askUnsubscribe(w http.ResponseWriter, r *http.Request) error {
	t, err := p.recipient(r)
	if err != nil {
		return err
	}
	who, err := p.Readers.Recipient(r.Context(), t.Publication, t.Recipient)
	if fault.Is(err, fault.NotFound) {
		p.show(w, r, http.StatusOK, p.unsubscribed(r, who)) // forgotten, and so unsubscribed
		return nil
	}
	if err != nil {
		return fmt.Errorf("show the unsubscribe page: %w", err)
	}
	if !who.Active {
		p.show(w, r, http.StatusOK, p.unsubscribed(r, who))
		return nil
	}
	v := view{Page: "unsubscribe", Title: "unsubscribe_title", Text: p.textFor(r, who), Address: telemetry.Mask(who.Email), Topics: who.Topics}
	if p.Subscriptions != nil {
		v.Instead = "/p/preferences/" + r.PathValue("token")
	}
	p.show(w, r, http.StatusOK, v)
	return nil
}

// unsubscribe takes both the one-click request of a mail client (RFC 8058: no page, no redirect, no cookie)
// and the page's form. It may be repeated.
func (p *Pages) unsubscribe(w http.ResponseWriter, r *http.Request) error {
	t, err := p.recipient(r)
	if err != nil {
		return err
	}
	if err := readForm(w, r); err != nil {
		return err
	}
	oneClick := r.PostForm.Get("List-Unsubscribe") == "One-Click"
	scope := r.PostForm.Get("scope")
	if !oneClick && r.PostForm.Get("do") == "back" && p.Subscriptions != nil {
		return p.comeBack(w, r, t)
	}
	if !oneClick && scope != "all" && scope != "topics" {
		return fault.New(fault.Malformed, "unreadable_form", "")
	}
	topicsOnly := !oneClick && scope == "topics"
	who, err := p.Readers.Recipient(r.Context(), t.Publication, t.Recipient)
	if err == nil {
		err = p.leave(r, t, who, topicsOnly, oneClick)
	}
	if err != nil && !fault.Is(err, fault.NotFound) {
		return fmt.Errorf("unsubscribe: %w", err)
	}
	if oneClick {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("unsubscribed\n")) // the client may have left
		return nil
	}
	if topicsOnly && who.Active {
		p.show(w, r, http.StatusOK, p.lessened(r, who))
		return nil
	}
	p.show(w, r, http.StatusOK, p.unsubscribed(r, who))
	return nil
}

// lessened is for who left some topics, and is subscribed as before: they have nowhere to come back from.
func (p *Pages) lessened(r *http.Request, who publication.Recipient) view {
	v := view{Page: "message", Title: "unsubscribe_title", Message: "unsubscribed", Text: p.textFor(r, who)}
	if p.Subscriptions != nil {
		v.Instead = "/p/preferences/" + r.PathValue("token")
	}
	return v
}

// comeBack has who unsubscribed asked by mail whether they want to come back.
func (p *Pages) comeBack(w http.ResponseWriter, r *http.Request, t token.Recipient) error {
	who, err := p.Subscriptions.Reader(r.Context(), t.Recipient)
	if err != nil {
		return fmt.Errorf("come back: %w", err)
	}
	return p.askAgain(w, r, who)
}

func (p *Pages) leave(r *http.Request, t token.Recipient, who publication.Recipient, topicsOnly, oneClick bool) error {
	request := publication.Unsubscription{Subscriber: t.Recipient, Publication: t.Publication, Channel: t.Channel}
	if topicsOnly {
		request.Topics = []int32{} // none is left when the form is sent twice
		for _, topic := range who.Topics {
			request.Topics = append(request.Topics, topic.ID)
		}
	}
	act := consent.Act{Source: consent.Page}
	if oneClick {
		act.Source = consent.OneClick
	}
	return p.Readers.Unsubscribe(p.act(r, act), request)
}

// unsubscribed offers to come back to who is still known.
func (p *Pages) unsubscribed(r *http.Request, who publication.Recipient) view {
	v := view{Page: "message", Title: "unsubscribed_title", Message: "unsubscribed", Text: p.textFor(r, who)}
	if p.Subscriptions != nil && who.Email != "" {
		v.Page = "back"
	}
	return v
}

// textFor is in the subscriber's own language, or else the browser's.
func (p *Pages) textFor(r *http.Request, who publication.Recipient) catalogue {
	return p.textOf(r, who.Language)
}

// textOf is in a reader's language, or else the browser's.
func (p *Pages) textOf(r *http.Request, language string) catalogue {
	if language != "" {
		return p.views.texts.accepted(language + ", " + r.Header.Get("Accept-Language"))
	}
	return p.views.texts.accepted(r.Header.Get("Accept-Language"))
}
