package httpapi

import (
	"context"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/reputation"
)

// ReputationStore knows how mail is received.
type ReputationStore interface {
	ReputationPolicy(ctx context.Context) (reputation.Policy, error)
	UpdateReputationPolicy(ctx context.Context, p reputation.Policy, check func(version int) error) (reputation.Policy, error)
	ReputationWindows(ctx context.Context) ([]reputation.Window, error)
	ReputationDomains(ctx context.Context, least, limit int) ([]reputation.Domain, error)
	ReputationPauses(ctx context.Context, limit int) ([]reputation.Paused, error)
}

// shownPauses is how many publications that were paused GET /reputation shows.
const shownPauses = 50

// shownDomains is how many domains it shows.
const shownDomains = 20

type received struct{ store ReputationStore }

func registerReputation(r gin.IRouter, d Deps) {
	h := received{d.Reputation}
	r.GET("/reputation", handle(h.get))
	r.GET("/reputation/policy", handle(h.policy))
	r.PUT("/reputation/policy", handle(h.update))
}

func (h received) get(c *gin.Context) error {
	ctx := c.Request.Context()
	policy, err := h.store.ReputationPolicy(ctx)
	if err != nil {
		return err
	}
	windows, err := h.store.ReputationWindows(ctx)
	if err != nil {
		return err
	}
	paused, err := h.store.ReputationPauses(ctx, shownPauses)
	if err != nil {
		return err
	}
	domains, err := h.store.ReputationDomains(ctx, policy.MinSample, shownDomains)
	if err != nil {
		return err
	}
	body := wire.Reputation{Windows: []wire.ReputationWindow{}, Domains: []wire.ReputationDomain{}, Paused: []wire.ReputationPause{}}
	for _, w := range windows {
		body.Windows = append(body.Windows, showWindow(w, policy))
	}
	for _, d := range domains {
		body.Domains = append(body.Domains, showDomain(d, policy))
	}
	for _, p := range paused {
		one := wire.ReputationPause{PublicationID: p.Publication, Channel: p.Channel, Cause: wire.ReputationPauseCause(p.Cause),
			Bad: int(p.Bad), Judged: int(p.Judged), PausedAt: p.At.UTC()}
		if p.ResumedAt != nil {
			one.ResumedAt = p.ResumedAt.UTC()
		}
		body.Paused = append(body.Paused, one)
	}
	return shownWhole(c, body)
}

func showWindow(w reputation.Window, policy reputation.Policy) wire.ReputationWindow {
	return wire.ReputationWindow{
		Window: wire.ReputationWindowWindow(w.Name), Delivered: int(w.Delivered), Bounced: int(w.Bounced), Complained: int(w.Complained),
		SoftBounced: int(w.SoftBounced), BounceRate: w.Rate(reputation.Bounces), ComplaintRate: w.Rate(reputation.Complaints),
		BouncesExceeded: policy.Exceeds(reputation.Bounces, w.Counts), ComplaintsExceeded: policy.Exceeds(reputation.Complaints, w.Counts),
	}
}

func showDomain(d reputation.Domain, policy reputation.Policy) wire.ReputationDomain {
	return wire.ReputationDomain{
		Domain: d.Name, Delivered: int(d.Delivered), Bounced: int(d.Bounced), Complained: int(d.Complained),
		BounceRate: d.Rate(reputation.Bounces), ComplaintRate: d.Rate(reputation.Complaints),
		BouncesExceeded: policy.Exceeds(reputation.Bounces, d.Counts), ComplaintsExceeded: policy.Exceeds(reputation.Complaints, d.Counts),
	}
}

func showReputationPolicy(p reputation.Policy) wire.ReputationPolicy {
	return wire.ReputationPolicy{SoftBounces: p.SoftBounces, SoftDays: p.SoftDays, MinSample: p.MinSample, MaxBounceRate: p.MaxBounces,
		MaxComplaintRate: p.MaxComplaints, Pause: p.Pause, Version: p.Version, UpdatedAt: p.UpdatedAt.UTC()}
}

func (h received) policy(c *gin.Context) error {
	p, err := h.store.ReputationPolicy(c.Request.Context())
	if err != nil {
		return err
	}
	return shown(c, p.Version, showReputationPolicy(p))
}

func (h received) update(c *gin.Context) error {
	if err := needMatch(c); err != nil {
		return err
	}
	p, err := parsed[wire.ReputationPolicyInput](c, limitOther, reputationPolicyOf)
	if err != nil {
		return err
	}
	if p, err = h.store.UpdateReputationPolicy(c.Request.Context(), p, matching(c)); err != nil {
		return err
	}
	return found(c, p.Version, showReputationPolicy(p))
}

func reputationPolicyOf(in wire.ReputationPolicyInput) (reputation.Policy, error) {
	return reputation.Policy{SoftBounces: in.SoftBounces, SoftDays: in.SoftDays, MinSample: in.MinSample, MaxBounces: in.MaxBounceRate,
		MaxComplaints: in.MaxComplaintRate, Pause: in.Pause}.Check()
}
