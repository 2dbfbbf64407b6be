package httpapi

import (
	"context"
	"errors"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/tally"
	"github.com/presswork/presswork/internal/webhook"
)

// WebhookStore keeps webhook endpoints, their secrets sealed, and what became of events there.
type WebhookStore interface {
	TotalEndpoints(ctx context.Context) (tally.Total, error)
	TotalWebhooks(ctx context.Context, endpoint ident.UID, f webhook.Filter) (tally.Total, error)
	CreateEndpoint(ctx context.Context, e webhook.Endpoint) (webhook.Endpoint, error)
	Endpoint(ctx context.Context, uid ident.UID) (webhook.Endpoint, error)
	UpdateEndpoint(ctx context.Context, uid ident.UID, verb string, change func(webhook.Endpoint) (webhook.Endpoint, error)) (webhook.Endpoint, error)
	DeleteEndpoint(ctx context.Context, uid ident.UID, check func(webhook.Endpoint) error) error
	ListEndpoints(ctx context.Context, after int64, limit int) ([]webhook.Endpoint, error)
	WebhookLog
}

// WebhookTester posts tests.
type WebhookTester interface {
	// Test is nil if the endpoint answered, or a Conflict that says what happened.
	Test(ctx context.Context, e webhook.Endpoint) error
}

// Webhooks is what the routes of webhook endpoints stand on.
type Webhooks struct {
	Store  WebhookStore
	Tester WebhookTester
	Rules  webhook.Rules
	// Source names this installation in events: PUBLIC_URL.
	Source string
	// Poke is told that something may be due; nil: it is found.
	Poke func()
}

type webhookEndpoints struct {
	Webhooks
	now func() time.Time
}

// registerWebhookEndpoints has endpoints. A secret is in two answers only, those to its making and to its rotation. Tests are made
// before a transaction begins, and what is stored then is what was tested.
func registerWebhookEndpoints(r gin.IRouter, d Deps) {
	h := webhookEndpoints{d.Webhooks, time.Now}
	if h.Poke == nil {
		h.Poke = func() {}
	}
	r.GET("/webhook-endpoints", handle(h.list))
	r.POST("/webhook-endpoints", handle(h.create))
	r.GET("/webhook-endpoints/:id", handle(h.get))
	r.PUT("/webhook-endpoints/:id", handle(h.update))
	r.DELETE("/webhook-endpoints/:id", handle(h.delete))
	r.POST("/webhook-endpoints/:id/enable", handle(h.enable))
	r.POST("/webhook-endpoints/:id/disable", handle(h.disable))
	r.POST("/webhook-endpoints/:id/verify", handle(h.verify))
	r.POST("/webhook-endpoints/:id/rotate-secret", handle(h.rotate))
	registerWebhookLog(r, h)
}

func (h webhookEndpoints) list(c *gin.Context) error {
	p, err := readPage(c, "webhook endpoints")
	if err != nil {
		return err
	}
	rows, err := h.Store.ListEndpoints(c.Request.Context(), p.After, p.Limit+1)
	if err != nil {
		return err
	}
	now := h.now()
	show := func(e webhook.Endpoint) wire.WebhookEndpoint { return showEndpoint(e, now) }
	if err := p.count(c, h.Store.TotalEndpoints); err != nil {
		return err
	}
	return answerPage(c, "webhook endpoints", p, rows, func(e webhook.Endpoint) int64 { return e.ID }, show)
}

func (h webhookEndpoints) made(in wire.WebhookEndpointNew) (webhook.Endpoint, error) {
	e := webhook.Endpoint{UID: ident.New(), URL: in.URL, Description: in.Description, Events: in.Events, Enabled: in.Enabled != nil && *in.Enabled}
	if e.Secrets.Current = in.Secret; in.Secret == "" {
		e.Secrets.Current = webhook.NewSecret()
	}
	return e, h.Rules.Check(e)
}

// replaced is an endpoint as a body has it.
func (h webhookEndpoints) replaced(e webhook.Endpoint, in wire.WebhookEndpointInput) (webhook.Endpoint, error) {
	e.URL, e.Description, e.Events = in.URL, in.Description, in.Events
	if in.Enabled != nil {
		e.Enabled = *in.Enabled
	}
	return e, h.Rules.Check(e)
}

func (h webhookEndpoints) create(c *gin.Context) error {
	e, err := parsed[wire.WebhookEndpointNew](c, limitOther, h.made)
	if err != nil {
		return err
	}
	if e, err = h.tested(c, e); err != nil {
		return err
	}
	if e, err = h.Store.CreateEndpoint(c.Request.Context(), e); err != nil {
		return err
	}
	return created(c, e.UID, e.Version, showEndpointMade(e, h.now()))
}

// stored is the endpoint that the path names.
func (h webhookEndpoints) stored(c *gin.Context) (webhook.Endpoint, error) {
	uid, err := pathID(c)
	if err != nil {
		return webhook.Endpoint{}, err
	}
	return h.Store.Endpoint(c.Request.Context(), uid)
}

func (h webhookEndpoints) get(c *gin.Context) error {
	e, err := h.stored(c)
	if err != nil {
		return err
	}
	return found(c, e.Version, showEndpoint(e, h.now()))
}

func (h webhookEndpoints) update(c *gin.Context) error {
	if err := needMatch(c); err != nil {
		return err
	}
	in, err := decode[wire.WebhookEndpointInput](c, limitOther, func(in wire.WebhookEndpointInput) error {
		e, err := h.stored(c)
		if err != nil {
			return err
		}
		_, err = h.replaced(e, in)
		return err
	})
	if err != nil {
		return err
	}
	return h.change(c, "update", func(e webhook.Endpoint) (webhook.Endpoint, error) {
		e, err := h.replaced(e, in)
		if err != nil {
			return e, err
		}
		return h.tested(c, e)
	})
}

func (h webhookEndpoints) enable(c *gin.Context) error {
	return h.change(c, "enable", func(e webhook.Endpoint) (webhook.Endpoint, error) {
		e.Enabled = true
		return h.tested(c, e)
	})
}

// disable asks nothing: whatever is wrong with an endpoint, it can be switched off.
func (h webhookEndpoints) disable(c *gin.Context) error {
	return h.change(c, "disable", func(e webhook.Endpoint) (webhook.Endpoint, error) {
		e.Enabled = false
		return e, nil
	})
}

// verify makes a test, needed or not.
func (h webhookEndpoints) verify(c *gin.Context) error {
	return h.change(c, "verify", func(e webhook.Endpoint) (webhook.Endpoint, error) {
		e.Verified = nil
		return h.test(c, e)
	})
}

func (h webhookEndpoints) delete(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	check := func(e webhook.Endpoint) error { return ifMatch(c, e.Version) }
	if err := h.Store.DeleteEndpoint(c.Request.Context(), uid, check); err != nil {
		return err
	}
	return gone(c)
}

// rotation is a new secret, and for how long those before it sign.
type rotation struct {
	secret  string
	overlap time.Duration
}

func rotationOf(in wire.WebhookRotateInput) (rotation, error) {
	var f fault.Fields
	r := rotation{secret: in.Secret, overlap: readOverlap(&f, in.OverlapSeconds, webhook.DefaultOverlap, webhook.MaxOverlap)}
	if r.secret == "" {
		r.secret = webhook.NewSecret()
	}
	if err := webhook.CheckSecret(r.secret); err != nil {
		f.Add("/secret", "format", "%s", err)
	}
	return r, f.Err()
}

// rotate makes a new secret; those before it sign for overlap_seconds more, a day unless told otherwise.
func (h webhookEndpoints) rotate(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	next, err := parsed[wire.WebhookRotateInput](c, limitOther, rotationOf)
	if err != nil {
		return err
	}
	e, err := h.Store.UpdateEndpoint(c.Request.Context(), uid, "rotate", func(e webhook.Endpoint) (webhook.Endpoint, error) {
		if err := ifMatch(c, e.Version); err != nil {
			return e, err
		}
		err := e.RotateSecret(next.secret, next.overlap, h.now())
		if errors.Is(err, webhook.ErrManySecrets) {
			return e, fault.New(fault.Conflict, "wrong_state", "Four secrets that were rotated out sign already: wait for one to end, or rotate with overlap_seconds 0.")
		}
		return e, err
	})
	if err != nil {
		return err
	}
	return found(c, e.Version, showEndpointMade(e, h.now()))
}
