package httpapi

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
)

type replays struct{ store DeadLetterStore }

func registerReplays(r gin.IRouter, d Deps) {
	h := replays{d.DeadLetters}
	r.POST("/dead-letters/replays", handle(h.create))
	r.GET("/dead-letters/replays", handle(h.list))
	r.GET("/dead-letters/replays/:id", handle(h.get))
	r.POST("/dead-letters/replays/:id/cancel", handle(h.cancel))
}

// deadFilter reads the filter of a replay, of those that are dead still.
func deadFilter(f *fault.Fields, in wire.DeadLetterFilter) delivery.DeadFilter {
	filter := delivery.DeadFilter{
		Publication: in.PublicationID, Channel: filled(f, "/filter/channel", in.Channel), Queue: filled(f, "/filter/queue", in.Queue),
		Fingerprint: filled(f, "/filter/fingerprint", in.Fingerprint), Code: filled(f, "/filter/code", in.Code),
		Since: in.Since, Until: in.Until, IDs: in.IDs,
	}
	if in.IDs != nil && len(in.IDs) == 0 {
		f.Add("/filter/ids", "empty", "must not be empty: leave it out")
	}
	checkDeadFilter(f, "/filter", filter)
	return filter
}

// replayOrder reads an order. Left out, rate_per_second and max_failing have their defaults. Every dead letter is chosen only by
// "all".
func replayOrder(in wire.ReplayInput) (delivery.ReplayOrder, error) {
	var f fault.Fields
	o := delivery.ReplayOrder{Filter: deadFilter(&f, in.Filter), Canary: in.Canary, Rate: delivery.DefaultReplayRate, MaxFailing: delivery.DefaultReplayFailing}
	if in.RatePerSecond != nil {
		o.Rate = *in.RatePerSecond
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

// meaningOfReplay says nothing of "all": whether a filter that cannot be read restricts something is not known, and nobody shall be
// asked to replay everything.
func meaningOfReplay(in wire.ReplayInput) error {
	var f fault.Fields
	in.All = deadFilter(&f, in.Filter).Empty()
	_, err := replayOrder(in)
	return err
}

func showReplay(r delivery.Replay) wire.Replay {
	return wire.Replay{
		ID: r.UID, State: wire.ReplayState(r.State), Filter: showDeadFilter(r.Filter), Canary: r.Canary, RatePerSecond: r.Rate, MaxFailing: r.MaxFailing,
		Matched: r.Matched, Reopened: r.Reopened, Refused: r.Refused, Waiting: r.Waiting(), Sent: r.Sent, Failed: r.Failed,
		Uncertain: r.Uncertain, Skipped: r.Skipped, Note: r.Note, CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(),
		EndedAt: utc(r.EndedAt),
	}
}

func showDeadFilter(f delivery.DeadFilter) wire.ReplayFilter {
	return wire.ReplayFilter{
		PublicationID: orZero(f.Publication), Channel: wire.ChannelKind(f.Channel), Queue: f.Queue, Fingerprint: f.Fingerprint, Code: f.Code,
		Since: orZero(f.Since).UTC(), Until: orZero(f.Until).UTC(), IDs: f.IDs,
	}
}

// create answers 202: a scheduler works through it. A dry run only counts.
func (h replays) create(c *gin.Context) error {
	in, err := decode[wire.ReplayInput](c, limitOther, meaningOfReplay)
	if err != nil {
		return err
	}
	o, err := replayOrder(in)
	if err != nil {
		return err
	}
	if in.DryRun {
		n, err := h.store.CountDeadLetters(c.Request.Context(), o.Filter)
		if err != nil {
			return err
		}
		c.PureJSON(http.StatusOK, wire.ReplayDryRun{DryRun: true, Matched: n})
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
	if err := p.count(c, h.store.TotalReplays); err != nil {
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
	return shownWhole(c, showReplay(r))
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
