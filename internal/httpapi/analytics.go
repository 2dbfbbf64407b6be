package httpapi

import (
	"context"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/analytics"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

// AnalyticsStore has what recipients did.
type AnalyticsStore interface {
	PublicationProgress(ctx context.Context, uid ident.UID) (publication.Progress, error)
	PublicationStats(ctx context.Context, uid ident.UID) (analytics.Stats, error)
}

type reports struct{ store AnalyticsStore }

func registerAnalytics(r gin.IRouter, d Deps) {
	h := reports{d.Analytics}
	r.GET("/publications/:id/analytics", handle(h.get))
}

type kindBody struct {
	analytics.Sum
	// Rate is unique recipients by recipients sent to.
	Rate float64 `json:"rate"`
}

type channelReport struct {
	Channel      string   `json:"channel"`
	Sent         int64    `json:"sent"`
	Opens        kindBody `json:"opens"`
	Clicks       kindBody `json:"clicks"`
	Unsubscribes kindBody `json:"unsubscribes"`
	// What the provider reported later; of mail only.
	Delivered   kindBody `json:"delivered"`
	Bounces     kindBody `json:"bounces"`
	SoftBounces kindBody `json:"soft_bounces"`
	Complaints  kindBody `json:"complaints"`
}

type hourBody struct {
	Hour    time.Time `json:"hour"`
	Channel string    `json:"channel"`
	Kind    string    `json:"kind"`
	analytics.Sum
}

type reportBody struct {
	Channels []channelReport `json:"channels"`
	Hours    []hourBody      `json:"hours"`
}

// get has the counters by channel and kind, and by hour.
func (h reports) get(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	p, err := h.store.PublicationProgress(c.Request.Context(), uid)
	if err != nil {
		return err
	}
	stats, err := h.store.PublicationStats(c.Request.Context(), uid)
	if err != nil {
		return err
	}
	body := reportBody{Channels: []channelReport{}, Hours: []hourBody{}}
	for _, counts := range p.Channels {
		body.Channels = append(body.Channels, reportChannel(counts, stats))
	}
	for _, count := range stats {
		body.Hours = append(body.Hours, hourBody{
			Hour: count.Hour.UTC(), Channel: channelName(count.Channel), Kind: count.Kind.String(),
			Sum: analytics.Sum{Total: count.Total, Uniques: count.Uniques},
		})
	}
	return found(c, 0, body)
}

func reportChannel(counts publication.Counts, stats analytics.Stats) channelReport {
	of := func(kind analytics.Kind) kindBody {
		sum := stats.Of(counts.Channel, kind)
		return kindBody{Sum: sum, Rate: sum.Rate(counts.Sent)}
	}
	return channelReport{
		Channel: channelName(counts.Channel), Sent: counts.Sent,
		Opens: of(analytics.Open), Clicks: of(analytics.Click), Unsubscribes: of(analytics.Unsubscribe),
		Delivered: of(analytics.Delivered), Bounces: of(analytics.Bounce), SoftBounces: of(analytics.SoftBounce),
		Complaints: of(analytics.Complaint),
	}
}
