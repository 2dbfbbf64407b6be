package httpapi

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

// ProgressStore counts how far publications are.
type ProgressStore interface {
	PublicationProgress(ctx context.Context, uid ident.UID) (publication.Progress, error)
}

type progress struct {
	watch *watchers
	// beat is how often a stream that has nothing to say shows that it is there.
	beat time.Duration
	// closing ends streams; nil: nothing does.
	closing <-chan struct{}
	// stays reports whether who opened a stream would still be let in; nil: yes.
	stays func(*gin.Context) bool
}

func registerProgress(r gin.IRouter, d Deps) {
	h := progress{watch: newWatchers(d.Progress, progressPeriod), beat: heartbeat, closing: d.Closing,
		stays: stillAllowed(d.Auth, newAccessTable())}
	r.GET("/publications/:id/progress", handleStream(h.get))
	r.GET("/publications/:id/progress/stream", handleStream(h.stream))
}

func showCounts(c publication.Counts) wire.Counts {
	return wire.Counts{
		Total: c.Total(), Pending: c.Pending, Sending: c.Sending, Sent: c.Sent, Failed: c.Failed,
		Skipped: c.Skipped, Uncertain: c.Uncertain, Deferred: c.Deferred,
	}
}

func showProgress(p publication.Progress) wire.Progress {
	body := wire.Progress{
		State: wire.PublicationState(p.State), FanoutDone: p.FanoutDone, All: showCounts(p.All()), Channels: []wire.Counts{},
		RatePerSecond: math.Round(p.Rate()*100) / 100, RateWindowSeconds: int64(math.Round(p.Window.Seconds())), StartedAt: utc(p.StartedAt), CompletedAt: utc(p.Ended),
		NextDueAt: utc(p.NextDue),
	}
	for _, c := range p.Channels {
		counts := showCounts(c)
		counts.Channel = channelName(c.Channel)
		body.Channels = append(body.Channels, counts)
	}
	if left, known := p.Remaining(); known {
		seconds := int64(math.Ceil(left.Seconds()))
		body.ETASeconds = &seconds
	}
	return body
}

// get answers once, or with a stream if the caller asks for one.
func (h progress) get(c *gin.Context) error {
	if strings.Contains(c.GetHeader("Accept"), streamType) {
		return h.stream(c)
	}
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), requestTimeout)
	defer cancel()
	p, err := h.watch.look(ctx, uid)
	if err != nil {
		return err
	}
	return found(c, 0, showProgress(p))
}
