package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
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

// progressPeriod is how often a stream of progress has an event.
const progressPeriod = 500 * time.Millisecond

type progress struct {
	store  ProgressStore
	period time.Duration
}

func registerProgress(r gin.IRouter, d Deps) {
	h := progress{d.Progress, progressPeriod}
	r.GET("/publications/:id/progress", handleStream(h.get))
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
	// Rate is recipients settled a second; ETA seconds to go at that rate, null while it cannot be known.
	Rate        float64    `json:"rate_per_second"`
	ETA         *int64     `json:"eta_seconds"`
	StartedAt   *time.Time `json:"started_at"`
	CompletedAt *time.Time `json:"completed_at"`
}

func showProgress(p publication.Progress) progressBody {
	body := progressBody{
		State: p.State, FanoutDone: p.FanoutDone, All: showCounts(p.All()), Channels: []countsBody{},
		Rate: math.Round(p.Rate()*100) / 100, StartedAt: utc(p.StartedAt), CompletedAt: utc(p.Ended),
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

// get answers once, or with server-sent events until the publication's end if the caller asks for a stream.
func (h progress) get(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	if strings.Contains(c.GetHeader("Accept"), "text/event-stream") {
		return h.stream(c, uid)
	}
	p, err := h.read(c, uid)
	if err != nil {
		return err
	}
	return found(c, 0, showProgress(p))
}

func (h progress) read(c *gin.Context, uid ident.UID) (publication.Progress, error) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), requestTimeout)
	defer cancel()
	return h.store.PublicationProgress(ctx, uid)
}

func (h progress) stream(c *gin.Context, uid ident.UID) error {
	control := http.NewResponseController(c.Writer)
	tick := time.NewTicker(h.period)
	defer tick.Stop()
	for {
		p, err := h.read(c, uid)
		if err != nil {
			return err // before the first event it is a problem, later the stream just ends
		}
		data, err := json.Marshal(showProgress(p))
		if err != nil {
			return fmt.Errorf("write progress: %w", err)
		}
		c.Header("Content-Type", "text/event-stream")
		// A stream outlives the server's usual time for an answer.
		if err := control.SetWriteDeadline(time.Now().Add(requestTimeout)); err != nil {
			return fmt.Errorf("prepare a stream: %w", err)
		}
		if _, err := fmt.Fprintf(c.Writer, "event: progress\ndata: %s\n\n", data); err != nil {
			return context.Canceled // the caller left
		}
		c.Writer.Flush()
		if p.State.Final() {
			return nil
		}
		select {
		case <-c.Request.Context().Done():
			return nil
		case <-tick.C:
		}
	}
}
