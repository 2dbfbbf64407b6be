package httpapi

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

type replays struct{ store DeadLetterStore }

func registerReplays(r gin.IRouter, d Deps) {
	h := replays{d.DeadLetters}
	r.POST("/dead-letters/replays", handle(h.create))
	r.GET("/dead-letters/replays", handle(h.list))
	r.GET("/dead-letters/replays/:id", handle(h.get))
	r.POST("/dead-letters/replays/:id/cancel", handle(h.cancel))
}

// replayInput asks for a replay. Left out, rate_per_second and max_failing have their defaults. Every dead letter is chosen
// only by "all".
type replayInput struct {
	Filter     deadFilterInput `json:"filter"`
	All        bool            `json:"all"`
	DryRun     bool            `json:"dry_run"`
	Canary     int             `json:"canary"`
	Rate       *float64        `json:"rate_per_second"`
	MaxFailing *float64        `json:"max_failing"`
}

// deadFilterInput is a delivery.DeadFilter of those that are dead still.
type deadFilterInput struct {
	Publication *ident.UID `json:"publication_id"`
	Channel     *string    `json:"channel"`
	Queue       *string    `json:"queue"`
	Fingerprint *string    `json:"fingerprint"`
	Code        *string    `json:"code"`
	Since       *time.Time `json:"since"`
	Until       *time.Time `json:"until"`
	IDs         []int64    `json:"ids"`
}

func (in deadFilterInput) filter(f *fault.Fields) delivery.DeadFilter {
	filter := delivery.DeadFilter{
		Publication: in.Publication, Channel: filled(f, "/filter/channel", in.Channel), Queue: filled(f, "/filter/queue", in.Queue),
		Fingerprint: filled(f, "/filter/fingerprint", in.Fingerprint), Code: filled(f, "/filter/code", in.Code),
		Since: in.Since, Until: in.Until, IDs: in.IDs,
	}
	if in.IDs != nil && len(in.IDs) == 0 {
		f.Add("/filter/ids", "empty", "must not be empty: leave it out")
	}
	checkDeadFilter(f, "/filter", filter)
	return filter
}

func (in replayInput) order() (delivery.ReplayOrder, error) {
	var f fault.Fields
	o := delivery.ReplayOrder{Filter: in.Filter.filter(&f), Canary: in.Canary, Rate: delivery.DefaultReplayRate, MaxFailing: delivery.DefaultReplayFailing}
	if in.Rate != nil {
		o.Rate = *in.Rate
	}
	if in.MaxFailing != nil {
		o.MaxFailing = *in.MaxFailing
	}
	if o.Filter.Empty() != in.All {
		f.Add("/all", "filter_required", "must be true, or the filter must restrict something, and not both")
	}
	if o.Canary < 0 || o.Canary > delivery.MaxReplayCanary {
		f.Add("/canary", "range", "must be from 0 to %d", delivery.MaxReplayCanary)
	}
	if o.Rate < 0.01 || o.Rate > delivery.MaxReplayRate {
		f.Add("/rate_per_second", "range", "must be from 0.01 to %.0f", delivery.MaxReplayRate)
	}
	if o.MaxFailing < 0 || o.MaxFailing > 1 {
		f.Add("/max_failing", "range", "must be from 0 to 1")
	}
	return o, f.Err()
}

type replayBody struct {
	ID         ident.UID            `json:"id"`
	State      delivery.ReplayState `json:"state"`
	Filter     delivery.DeadFilter  `json:"filter"`
	Canary     int                  `json:"canary"`
	Rate       float64              `json:"rate_per_second"`
	MaxFailing float64              `json:"max_failing"`
	Matched    int64                `json:"matched"`
	Reopened   int64                `json:"reopened"`
	Refused    int64                `json:"refused"`
	Waiting    int64                `json:"waiting"`
	Sent       int64                `json:"sent"`
	Failed     int64                `json:"failed"`
	Uncertain  int64                `json:"uncertain"`
	Skipped    int64                `json:"skipped"`
	Note       string               `json:"note,omitempty"`
	CreatedBy  string               `json:"created_by"`
	CreatedAt  time.Time            `json:"created_at"`
	EndedAt    *time.Time           `json:"ended_at"`
}

func showReplay(r delivery.Replay) replayBody {
	return replayBody{
		ID: r.UID, State: r.State, Filter: r.Filter, Canary: r.Canary, Rate: r.Rate, MaxFailing: r.MaxFailing,
		Matched: r.Matched, Reopened: r.Reopened, Refused: r.Refused, Waiting: r.Waiting(), Sent: r.Sent, Failed: r.Failed,
		Uncertain: r.Uncertain, Skipped: r.Skipped, Note: r.Note, CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(),
		EndedAt: utc(r.EndedAt),
	}
}

// create answers 202: a scheduler works through it. A dry run only counts.
func (h replays) create(c *gin.Context) error {
	in, err := decode[replayInput](c, limitOther)
	if err != nil {
		return err
	}
	o, err := in.order()
	if err != nil {
		return err
	}
	if in.DryRun {
		n, err := h.store.CountDeadLetters(c.Request.Context(), o.Filter)
		if err != nil {
			return err
		}
		c.PureJSON(http.StatusOK, gin.H{"dry_run": true, "matched": n})
		return nil
	}
	r, err := h.store.CreateDeadReplay(c.Request.Context(), o)
	if err != nil {
		return err
	}
	c.Header("Location", c.Request.URL.Path+"/"+r.UID.String())
	c.PureJSON(http.StatusAccepted, showReplay(r))
	return nil
}

// list is newest first.
func (h replays) list(c *gin.Context) error {
	p, err := readPage(c, "replays")
	if err != nil {
		return err
	}
	rows, err := h.store.DeadReplays(c.Request.Context(), p.After, p.Limit+1)
	if err != nil {
		return err
	}
	return answerPage(c, "replays", p, rows, func(r delivery.Replay) int64 { return r.ID }, showReplay)
}

func (h replays) get(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	r, err := h.store.DeadReplay(c.Request.Context(), uid)
	if err != nil {
		return err
	}
	c.PureJSON(http.StatusOK, showReplay(r))
	return nil
}

func (h replays) cancel(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	r, err := h.store.CancelDeadReplay(c.Request.Context(), uid)
	if err != nil {
		return err
	}
	c.PureJSON(http.StatusOK, showReplay(r))
	return nil
}
