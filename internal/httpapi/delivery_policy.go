package httpapi

import (
	"context"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/eligibility"
	"github.com/presswork/presswork/internal/httpapi/wire"
)

// PolicyStore keeps what the organisation says of when readers may be sent to.
type PolicyStore interface {
	DeliveryPolicy(ctx context.Context) (eligibility.Policy, error)
	ChangeDeliveryPolicy(ctx context.Context, p eligibility.Policy, check func(version int) error) (eligibility.Policy, error)
}

type deliveryPolicy struct{ store PolicyStore }

func registerPolicy(r gin.IRouter, d Deps) {
	h := deliveryPolicy{d.Policy}
	r.GET("/delivery-policy", handle(h.get))
	r.PUT("/delivery-policy", handle(h.put))
}

func showPolicy(p eligibility.Policy) wire.DeliveryPolicy {
	body := wire.DeliveryPolicy{Caps: []wire.FrequencyCap{}, Version: p.Version, UpdatedAt: p.UpdatedAt.UTC()}
	if !p.Quiet.None() {
		body.QuietHours = &wire.QuietHours{From: eligibility.ShowMinute(p.Quiet.From), To: eligibility.ShowMinute(p.Quiet.To)}
	}
	body.Digest = wire.DigestTime{Time: eligibility.ShowMinute(p.Digest.Minute), Weekday: wire.DigestTimeWeekday(eligibility.Weekdays()[p.Digest.Weekday])}
	if p.DigestTemplate != "" {
		body.DigestTemplate = &p.DigestTemplate
	}
	for _, c := range p.Caps {
		one := wire.FrequencyCap{Limit: c.Limit, Hours: int(c.Window / time.Hour)}
		if c.Slug != "" {
			one.Topic = &c.Slug
		}
		body.Caps = append(body.Caps, one)
	}
	return body
}

func policyOf(in wire.DeliveryPolicyInput) (eligibility.Policy, error) {
	var of eligibility.Input
	if in.QuietHours != nil {
		of.Quiet = &eligibility.QuietInput{From: in.QuietHours.From, To: in.QuietHours.To}
	}
	if in.Digest != nil {
		of.DigestTime, of.DigestWeekday = in.Digest.Time, string(in.Digest.Weekday)
	}
	if in.DigestTemplate != nil {
		of.DigestTemplate = *in.DigestTemplate
	}
	for _, c := range in.Caps {
		one := eligibility.CapInput{Limit: c.Limit, Hours: c.Hours}
		if c.Topic != nil {
			one.Topic = *c.Topic
		}
		of.Caps = append(of.Caps, one)
	}
	return eligibility.NewPolicy(of)
}

func (h deliveryPolicy) get(c *gin.Context) error {
	p, err := h.store.DeliveryPolicy(c.Request.Context())
	if err != nil {
		return err
	}
	return shown(c, p.Version, showPolicy(p))
}

func (h deliveryPolicy) put(c *gin.Context) error {
	if err := needMatch(c); err != nil {
		return err
	}
	p, err := parsed[wire.DeliveryPolicyInput](c, limitOther, policyOf)
	if err != nil {
		return err
	}
	if p, err = h.store.ChangeDeliveryPolicy(c.Request.Context(), p, matching(c)); err != nil {
		return err
	}
	return found(c, p.Version, showPolicy(p))
}
