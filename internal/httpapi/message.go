package httpapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/tally"
)

// MessageStore keeps messages to one recipient.
type MessageStore interface {
	ResolveMessage(ctx context.Context, o publication.MessageOrder) (publication.Submission, error)
	Replay(ctx context.Context, s publication.Submission) (publication.Accepted, error)
	Messages(ctx context.Context, f publication.MessageFilter) ([]publication.MessageSummary, error)
	TotalMessages(ctx context.Context, f publication.MessageFilter) (tally.Total, error)
	Message(ctx context.Context, uid ident.UID) (publication.MessageSummary, delivery.Account, error)
	CancelMessage(ctx context.Context, uid ident.UID) error
}

type messages struct {
	store     MessageStore
	acceptor  PublicationAcceptor
	variables variables
}

func registerMessages(r gin.IRouter, d Deps) {
	h := messages{store: d.Messages, acceptor: d.Acceptor, variables: newVariables(d.Templates, d.Engine)}
	r.GET("/messages", handle(h.list))
	r.POST("/messages", handle(h.create))
	r.GET("/messages/:id", handle(h.get))
	r.POST("/messages/:id/cancel", handle(h.cancel))
}

func showMessage(m publication.MessageSummary) wire.Message {
	return wire.Message{
		ID: m.UID, State: wire.DeliveryState(delivery.State(m.DeliveryState).String()), Reason: reasonCode(delivery.Reason(m.Reason)),
		AttemptsUsed: int(m.Used), SettledAt: utc(m.SettledAt), PublicationState: wire.PublicationState(m.State), Template: m.Title,
		TemplateID: m.Template, TemplateVersion: m.TemplateVersion, SubscriberID: m.Subscriber, Tracked: m.Tracked,
		ExpiresAt: utc(m.ExpiresAt), CreatedBy: m.CreatedBy, CreatedAt: m.CreatedAt.UTC(),
	}
}

func messageOf(in wire.MessageInput) publication.MessageRequest {
	return publication.MessageRequest{
		To: publication.MessageTo{Subscriber: in.To.SubscriberID, Email: in.To.Email, Name: in.To.Name, Language: in.To.Language,
			Timezone: in.To.Timezone},
		Template: in.Template, Data: in.Data, Sender: in.SenderID, Brand: in.BrandID, ExpiresAt: in.ExpiresAt, Track: in.Track,
	}
}

// create answers 202: the message is stored, and on its way.
func (h messages) create(c *gin.Context) error {
	if err := knownQuery(c); err != nil {
		return err
	}
	key, err := idempotencyKey(c)
	if err != nil {
		return err
	}
	in, err := decode[wire.MessageInput](c, limitPublication, func(in wire.MessageInput) error {
		_, err := messageOf(in).Parse(time.Now())
		return err
	})
	if err != nil {
		return err
	}
	accepted, err := h.accept(c.Request.Context(), messageOf(in), key)
	if err != nil {
		return err
	}
	if accepted.Replay {
		c.Header("Idempotent-Replay", "true")
	}
	c.Header("Location", strings.TrimSuffix(c.Request.URL.Path, "/")+"/"+accepted.UID.String())
	c.PureJSON(http.StatusAccepted, wire.AcceptedMessage{ID: accepted.UID, CreatedAt: accepted.CreatedAt.UTC()})
	return nil
}

// accept checks and stores a message. One that was accepted before is answered as then, though it would be refused now.
func (h messages) accept(ctx context.Context, in publication.MessageRequest, key string) (publication.Accepted, error) {
	digest, err := in.Digest()
	if err != nil {
		return publication.Accepted{}, err
	}
	s, refused := h.resolve(ctx, in)
	if s.Key, s.Digest = key, digest; refused == nil {
		return h.acceptor.Accept(ctx, s)
	}
	if !fault.Is(refused, fault.Invalid) || key == "" {
		return publication.Accepted{}, refused
	}
	s.Message = &publication.Message{}
	accepted, err := h.store.Replay(ctx, s)
	if fault.Is(err, fault.NotFound) {
		return publication.Accepted{}, refused
	}
	return accepted, err
}

func (h messages) resolve(ctx context.Context, in publication.MessageRequest) (publication.Submission, error) {
	order, err := in.Parse(time.Now())
	if err != nil {
		return publication.Submission{}, err
	}
	s, err := h.store.ResolveMessage(ctx, order)
	if err != nil {
		return s, err
	}
	return s, h.variables.checkMessage(ctx, s.Message)
}

// list is newest first: ?publication_state= takes several values with commas, ?template_id= and ?subscriber_id= an id, ?since= a
// time.
func (h messages) list(c *gin.Context) error {
	p, err := readPage(c, "messages", "publication_state", "template_id", "subscriber_id", "since")
	if err != nil {
		return err
	}
	f := publication.MessageFilter{Before: p.After, Limit: p.Limit + 1}
	if f.States, err = readValues(c, "publication_state", publication.States()); err != nil {
		return err
	}
	q := queryReader{c: c}
	f.Template, f.Subscriber, f.Since = q.id("template_id"), q.id("subscriber_id"), orZero(q.time("since"))
	if q.err != nil {
		return q.err
	}
	rows, err := h.store.Messages(c.Request.Context(), f)
	if err != nil {
		return err
	}
	if err := p.count(c, func(ctx context.Context) (tally.Total, error) { return h.store.TotalMessages(ctx, f) }); err != nil {
		return err
	}
	return answerPage(c, "messages", p, rows, func(m publication.MessageSummary) int64 { return m.ID }, showMessage)
}

func (h messages) get(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	return h.answer(c, http.StatusOK, uid)
}

// cancel answers 202: it takes effect within a second.
func (h messages) cancel(c *gin.Context) error {
	if err := knownQuery(c); err != nil {
		return err
	}
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	if err := h.store.CancelMessage(c.Request.Context(), uid); err != nil {
		return err
	}
	return h.answer(c, http.StatusAccepted, uid)
}

func (h messages) answer(c *gin.Context, status int, uid ident.UID) error {
	m, account, err := h.store.Message(c.Request.Context(), uid)
	if err != nil {
		return err
	}
	c.PureJSON(status, wire.MessageSeen{Message: showMessage(m), Delivery: showAccount(account, explainer{})})
	return nil
}
