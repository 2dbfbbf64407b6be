package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/tally"
	"github.com/presswork/presswork/internal/webhook"
)

// WebhookLog is what became of events at endpoints.
type WebhookLog interface {
	ListWebhooks(ctx context.Context, endpoint ident.UID, f webhook.Filter, before int64, limit int) ([]webhook.Delivery, error)
	Webhook(ctx context.Context, endpoint, event ident.UID) (webhook.Delivery, []webhook.Attempt, error)
	ResendWebhook(ctx context.Context, endpoint, event ident.UID) error
	RecoverWebhooks(ctx context.Context, endpoint ident.UID, since time.Time, until *time.Time) (int, error)
}

func registerWebhookLog(r gin.IRouter, h webhookEndpoints) {
	r.GET("/webhook-endpoints/:id/deliveries", handle(h.deliveries))
	r.GET("/webhook-endpoints/:id/deliveries/:event", handle(h.delivery))
	r.POST("/webhook-endpoints/:id/deliveries/:event/resend", handle(h.resend))
	r.POST("/webhook-endpoints/:id/recover", handle(h.recover))
	r.GET("/webhook-event-types", handle(h.types))
}

func (h webhookEndpoints) types(c *gin.Context) error {
	if err := knownQuery(c); err != nil {
		return err
	}
	body := wire.WebhookEventTypePage{Items: []wire.WebhookEventType{}}
	for _, k := range webhook.Types() {
		body.Items = append(body.Items, wire.WebhookEventType{Type: string(k.Type), About: k.About})
	}
	c.PureJSON(http.StatusOK, body)
	return nil
}

// deliveries is newest first.
func (h webhookEndpoints) deliveries(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	p, err := readPage(c, "webhook deliveries", "state", "type", "since", "until")
	if err != nil {
		return err
	}
	q := queryReader{c: c}
	f := webhook.Filter{State: webhook.State(q.text("state")), Type: webhook.Type(q.text("type")), Since: q.time("since"), Until: q.time("until")}
	if f.State != "" && !slices.Contains(webhook.States(), f.State) {
		q.refuse(badQuery("state", "must be one of %v", webhook.States()))
	}
	if f.Type != "" && !slices.ContainsFunc(webhook.Types(), func(k webhook.Kind) bool { return k.Type == f.Type }) {
		q.refuse(badQuery("type", "must be one of those that /webhook-event-types lists"))
	}
	if q.err != nil {
		return q.err
	}
	rows, err := h.Store.ListWebhooks(c.Request.Context(), uid, f, p.After, p.Limit+1)
	if err != nil {
		return err
	}
	if err := p.count(c, func(ctx context.Context) (tally.Total, error) { return h.Store.TotalWebhooks(ctx, uid, f) }); err != nil {
		return err
	}
	return answerPage(c, "webhook deliveries", p, rows, func(d webhook.Delivery) int64 { return d.ID }, showWebhook)
}

// webhookEvent is the endpoint and event in the path. What is no UUID names nothing.
func webhookEvent(c *gin.Context) (endpoint, event ident.UID, err error) {
	if endpoint, err = pathID(c); err != nil {
		return endpoint, event, err
	}
	event, err = ident.Parse(c.Param("event"))
	if err != nil || event.IsZero() {
		return endpoint, event, fault.New(fault.NotFound, "not_found", "There is no event with this id.")
	}
	return endpoint, event, nil
}

func (h webhookEndpoints) delivery(c *gin.Context) error {
	endpoint, event, err := webhookEvent(c)
	if err != nil {
		return err
	}
	d, attempts, err := h.Store.Webhook(c.Request.Context(), endpoint, event)
	if err != nil {
		return err
	}
	payload, err := d.Event.Encode(h.Source)
	if err != nil {
		return err
	}
	b := showWebhook(d)
	body := wire.WebhookDeliveryHistory{
		ID: b.ID, Type: b.Type, Subject: b.Subject, OccurredAt: b.OccurredAt, State: b.State, Attempts: b.Attempts, NextAttemptAt: b.NextAttemptAt,
		SettledAt: b.SettledAt, LastAttempt: b.LastAttempt, History: make([]wire.WebhookAttempt, 0, len(attempts)),
	}
	if err := json.Unmarshal(payload, &body.Payload); err != nil {
		return err
	}
	for _, a := range attempts {
		body.History = append(body.History, showWebhookAttempt(a))
	}
	return found(c, 0, body)
}

func (h webhookEndpoints) resend(c *gin.Context) error {
	endpoint, event, err := webhookEvent(c)
	if err != nil {
		return err
	}
	if err := h.Store.ResendWebhook(c.Request.Context(), endpoint, event); err != nil {
		return err
	}
	h.Poke()
	d, _, err := h.Store.Webhook(c.Request.Context(), endpoint, event)
	if err != nil {
		return err
	}
	c.PureJSON(http.StatusAccepted, showWebhook(d))
	return nil
}

func checkRecovery(in wire.WebhookRecoverInput) error {
	switch {
	case in.Since.IsZero():
		return invalid("/since", "required", "must say since when")
	case in.Until != nil && !in.Until.After(in.Since):
		return invalid("/until", "order", "must be after since")
	}
	return nil
}

func (h webhookEndpoints) recover(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	in, err := decode[wire.WebhookRecoverInput](c, limitOther, checkRecovery)
	if err != nil {
		return err
	}
	if err := checkRecovery(in); err != nil {
		return err
	}
	n, err := h.Store.RecoverWebhooks(c.Request.Context(), uid, in.Since, in.Until)
	if n > 0 {
		h.Poke()
	}
	if err != nil {
		return err
	}
	c.PureJSON(http.StatusOK, wire.WebhookRecovered{Recovered: n})
	return nil
}

func showWebhook(d webhook.Delivery) wire.WebhookDelivery {
	body := wire.WebhookDelivery{
		ID: d.Event.UID, Type: string(d.Event.Type), Subject: d.Event.Subject, OccurredAt: d.Event.At.UTC(), State: wire.WebhookState(d.State),
		Attempts: d.Attempts, SettledAt: utc(d.SettledAt),
	}
	if d.State == webhook.Pending {
		body.NextAttemptAt = utc(&d.DueAt)
	}
	if d.Last != nil {
		last := showWebhookAttempt(*d.Last)
		body.LastAttempt = &last
	}
	return body
}

func showWebhookAttempt(a webhook.Attempt) wire.WebhookAttempt {
	body := wire.WebhookAttempt{Number: a.Number, At: a.At.UTC(), DurationMs: a.Took.Milliseconds(), Error: a.Error}
	if a.Status != 0 {
		body.Status = &a.Status
	}
	return body
}
