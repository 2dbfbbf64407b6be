package httpapi

import (
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/webhook"
)

// tested is an endpoint that may be switched on, if it is to be: it answered a test, now or before.
func (h webhookEndpoints) tested(c *gin.Context, e webhook.Endpoint) (webhook.Endpoint, error) {
	if !e.Enabled || e.IsVerified() {
		return e, nil
	}
	return h.test(c, e)
}

func (h webhookEndpoints) test(c *gin.Context, e webhook.Endpoint) (webhook.Endpoint, error) {
	if err := h.Tester.Test(c.Request.Context(), e); err != nil {
		return e, err
	}
	e.MarkVerified(h.now())
	return e, nil
}

// change reads the endpoint, has next make something of it, which may take a test, and stores that if nobody else changed it
// meanwhile.
func (h webhookEndpoints) change(c *gin.Context, verb string, next func(webhook.Endpoint) (webhook.Endpoint, error)) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	before, err := h.Store.Endpoint(c.Request.Context(), uid)
	if err != nil {
		return err
	}
	if err := ifMatch(c, before.Version); err != nil {
		return err
	}
	after, err := next(before)
	if err != nil {
		return err
	}
	e, err := h.Store.UpdateEndpoint(c.Request.Context(), uid, verb, func(now webhook.Endpoint) (webhook.Endpoint, error) {
		if now.Version == before.Version {
			return after, nil
		}
		if err := ifMatch(c, now.Version); err != nil {
			return now, err
		}
		return now, fault.New(fault.Conflict, "changed_meanwhile", "Somebody else changed it at the same moment.")
	})
	if err != nil {
		return err
	}
	if e.Enabled {
		h.Poke()
	}
	return found(c, e.Version, showEndpoint(e, h.now()))
}

func showEndpoint(e webhook.Endpoint, now time.Time) wire.WebhookEndpoint {
	body := wire.WebhookEndpoint{
		ID: e.UID, URL: e.URL, Description: e.Description, Events: e.Events, Enabled: e.Enabled, Verified: e.IsVerified(), VerifiedAt: utc(e.VerifiedAt),
		DisabledAt: utc(e.DisabledAt), FailingSince: utc(e.FailingSince), SecretsUnreadable: e.Unreadable, Version: e.Version,
		CreatedAt: e.CreatedAt.UTC(), UpdatedAt: e.UpdatedAt.UTC(),
	}
	if body.Events == nil {
		body.Events = []string{}
	}
	if e.DisabledReason != "" {
		reason := wire.WebhookDisabledReason(e.DisabledReason)
		body.DisabledReason = &reason
	}
	if e.WaitUntil != nil && e.WaitUntil.After(now) {
		body.WaitUntil = utc(e.WaitUntil)
	}
	body.PreviousSecretsUntil = utc(e.Secrets.PreviousUntil(now))
	return body
}

// showEndpointMade is an endpoint with its new secret, which is shown this once.
func showEndpointMade(e webhook.Endpoint, now time.Time) wire.WebhookEndpointMade {
	b := showEndpoint(e, now)
	return wire.WebhookEndpointMade{
		ID: b.ID, URL: b.URL, Description: b.Description, Events: b.Events, Enabled: b.Enabled, Verified: b.Verified, VerifiedAt: b.VerifiedAt,
		DisabledReason: b.DisabledReason, DisabledAt: b.DisabledAt, FailingSince: b.FailingSince, WaitUntil: b.WaitUntil,
		PreviousSecretsUntil: b.PreviousSecretsUntil, SecretsUnreadable: b.SecretsUnreadable, Version: b.Version,
		CreatedAt: b.CreatedAt, UpdatedAt: b.UpdatedAt, Secret: e.Secrets.Current,
	}
}
