package httpapi

import (
	"context"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/analytics"
	"github.com/presswork/presswork/internal/httpapi/wire"
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
	body := wire.Analytics{Channels: []wire.ChannelAnalytics{}, Hours: []wire.HourAnalytics{}}
	for _, counts := range p.Channels {
		body.Channels = append(body.Channels, reportChannel(counts, stats))
	}
	for _, count := range stats {
		body.Hours = append(body.Hours, wire.HourAnalytics{
			Hour: count.Hour.UTC(), Channel: channelName(count.Channel), Kind: wire.HourAnalyticsKind(count.Kind.String()),
			Total: count.Total, Unique: count.Uniques,
		})
	}
	return found(c, 0, body)
}

func reportChannel(counts publication.Counts, stats analytics.Stats) wire.ChannelAnalytics {
	of := func(kind analytics.Kind) wire.Reaction {
		sum := stats.Of(counts.Channel, kind)
		return wire.Reaction{Total: sum.Total, Unique: sum.Uniques, Rate: sum.Rate(counts.Sent)}
	}
	return wire.ChannelAnalytics{
		Channel: channelName(counts.Channel), Sent: counts.Sent,
		Opens: of(analytics.Open), Clicks: of(analytics.Click), Unsubscribes: of(analytics.Unsubscribe),
		Delivered: of(analytics.Delivered), Bounces: of(analytics.Bounce), SoftBounces: of(analytics.SoftBounce),
		Complaints: of(analytics.Complaint),
	}
}
