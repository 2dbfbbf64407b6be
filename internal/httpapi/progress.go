package httpapi

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

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
}

func registerProgress(r gin.IRouter, d Deps) {
	h := progress{watch: newWatchers(d.Progress, progressPeriod), beat: heartbeat, closing: d.Closing}
	r.GET("/publications/:id/progress", handleStream(h.get))
	r.GET("/publications/:id/progress/stream", handleStream(h.stream))
}

type countsBody struct {
	Channel   string `json:"channel,omitempty"`
	Total     int64  `json:"total"`
	Pending   int64  `json:"pending"`
	Sending   int64  `json:"sending"`
	Sent      int64  `json:"sent"`
	Failed    int64  `json:"failed"`
	Skipped   int64  `json:"skipped"`
	Uncertain int64  `json:"uncertain"`
}

func showCounts(c publication.Counts) countsBody {
	return countsBody{
		Total: c.Total(), Pending: c.Pending, Sending: c.Sending, Sent: c.Sent, Failed: c.Failed,
		Skipped: c.Skipped, Uncertain: c.Uncertain,
	}
}

type progressBody struct {
	State publication.State `json:"state"`
	// FanoutDone says that the totals are final.
	FanoutDone bool         `json:"fanout_done"`
	All        countsBody   `json:"all"`
	Channels   []countsBody `json:"channels"`
	// Rate is recipients settled a second, over the last Window seconds; ETA seconds to go at that rate, null while it cannot
	// be known.
	Rate        float64    `json:"rate_per_second"`
	Window      int64      `json:"rate_window_seconds"`
	ETA         *int64     `json:"eta_seconds"`
	StartedAt   *time.Time `json:"started_at"`
	CompletedAt *time.Time `json:"completed_at"`
}

func showProgress(p publication.Progress) progressBody {
	body := progressBody{
		State: p.State, FanoutDone: p.FanoutDone, All: showCounts(p.All()), Channels: []countsBody{},
		Rate: math.Round(p.Rate()*100) / 100, Window: int64(math.Round(p.Window.Seconds())), StartedAt: utc(p.StartedAt), CompletedAt: utc(p.Ended),
	}
	for _, c := range p.Channels {
		counts := showCounts(c)
		counts.Channel = channelName(c.Channel)
		body.Channels = append(body.Channels, counts)
	}
	if left, known := p.Remaining(); known {
		seconds := int64(math.Ceil(left.Seconds()))
		body.ETA = &seconds
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
