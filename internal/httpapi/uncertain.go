package httpapi

import (
	"context"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/tally"
)

// UncertainStore knows the recipients of whom nobody knows whether they were reached, and changes that.
type UncertainStore interface {
	TotalUncertain(ctx context.Context, f delivery.UncertainFilter) (tally.Total, error)
	Uncertain(ctx context.Context, f delivery.UncertainFilter, after int64, limit int) ([]delivery.UncertainRow, error)
	CountUncertain(ctx context.Context, f delivery.UncertainFilter, limit int) ([]delivery.UncertainCount, error)
	DecideUncertain(ctx context.Context, f delivery.UncertainFilter, d delivery.Decision, after int64) (all delivery.Fates, next int64, more bool, err error)
}

type uncertain struct {
	store UncertainStore
	poke  func()
}

func registerUncertain(r gin.IRouter, d Deps) {
	h := uncertain{d.Uncertain, d.Poke}
	if h.poke == nil {
		h.poke = func() {}
	}
	r.GET("/uncertain", handle(h.list))
	r.GET("/uncertain/counts", handle(h.counts))
	r.POST("/uncertain/decide", handle(h.decide))
	r.GET("/publications/:id/uncertain", handle(h.ofPublication))
}

func showUncertain(u delivery.UncertainRow) wire.UncertainRecipient {
	return wire.UncertainRecipient{ID: u.ID, PublicationID: u.Publication, Channel: channelName(u.Channel), RecipientID: optionalID(u.Recipient),
		Reason: u.Reason.String(), Attempts: int(u.Attempts), Since: u.Since.UTC(), PolicyAt: utc(u.Due), Resends: u.Resends}
}

func (h uncertain) list(c *gin.Context) error {
	p, err := readPage(c, "uncertain", uncertainNames()...)
	if err != nil {
		return err
	}
	f, err := uncertainFilterOf(c)
	if err != nil {
		return err
	}
	return h.answer(c, "uncertain", p, f)
}

func (h uncertain) ofPublication(c *gin.Context) error {
	p, err := readPage(c, "uncertain of one", uncertainNames()[1:]...)
	if err != nil {
		return err
	}
	f, err := uncertainFilterOf(c)
	if err != nil {
		return err
	}
	if f.Publication, err = pathID(c); err != nil {
		return err
	}
	return h.answer(c, "uncertain of one", p, f)
}

func (h uncertain) answer(c *gin.Context, name string, p page, f delivery.UncertainFilter) error {
	rows, err := h.store.Uncertain(c.Request.Context(), f, p.After, p.Limit+1)
	if err != nil {
		return err
	}
	if err := p.count(c, func(ctx context.Context) (tally.Total, error) { return h.store.TotalUncertain(ctx, f) }); err != nil {
		return err
	}
	return answerPage(c, name, p, rows, func(u delivery.UncertainRow) int64 { return u.ID }, showUncertain)
}

// counts is by publication, channel and reason, of the newest publications.
func (h uncertain) counts(c *gin.Context) error {
	return answerCounts(c, readUncertainFilter, h.store.CountUncertain, func(n delivery.UncertainCount) wire.UncertainCount {
		return wire.UncertainCount{PublicationID: n.Publication, Channel: channelName(n.Channel), Reason: n.Reason.String(), Count: n.Count,
			Oldest: n.Oldest.UTC()}
	})
}

// whoIsMeant is the filter of a decision. Everybody is chosen only by "all".
func whoIsMeant(in wire.DecisionInput) (delivery.UncertainFilter, error) {
	filter := delivery.UncertainFilter{IDs: in.IDs}
	var f fault.Fields
	if !slices.Contains(delivery.Decisions(), delivery.Decision(in.Decision)) {
		f.Add("/decision", "unknown_decision", "must be one of %v", delivery.Decisions())
	}
	if name := filled(&f, "/channel", in.Channel); name != "" {
		kind, err := channel.ParseKind(name)
		if err != nil {
			f.Add("/channel", "unknown_channel", "must be one of %v", channel.Kinds())
		}
		filter.Channel = kind.ID()
	}
	var known bool
	if filter.Reason, known = doubtBy(filled(&f, "/reason", in.Reason)); !known {
		f.Add("/reason", "unknown_reason", "must be no_answer or process_died")
	}
	if in.PublicationID != nil {
		if filter.Publication = *in.PublicationID; filter.Publication.IsZero() { // which would be any
			f.Add("/publication_id", "format", "must be that of a publication")
		}
	}
	if in.Before != nil {
		if filter.Before = *in.Before; filter.Before.IsZero() {
			f.Add("/before", "out_of_range", "must be later")
		}
	}
	if len(in.IDs) > 1000 {
		f.Add("/ids", "too_many", "must be at most 1000")
	}
	if choosing(in) == in.All {
		f.Add("/all", "filter_required", "must be true, or something must say who is meant, and not both")
	}
	return filter, f.Err()
}

func choosing(in wire.DecisionInput) bool {
	return in.PublicationID != nil || in.Channel != nil || in.Reason != nil || in.Before != nil || len(in.IDs) > 0
}

// meaningOfDecision says nothing of "all", as meaningOfReplay.
func meaningOfDecision(in wire.DecisionInput) error {
	in.All = !choosing(in)
	_, err := whoIsMeant(in)
	return err
}

// doubtBy is the reason with a code; the empty one is any.
func doubtBy(code string) (delivery.Reason, bool) {
	for _, r := range []delivery.Reason{delivery.NoReason, delivery.NoAnswer, delivery.ProcessDied} {
		if r.String() == code {
			return r, true
		}
	}
	return delivery.NoReason, false
}

// decide answers what became of them. It may be repeated: who is not uncertain any more stays as they are.
func (h uncertain) decide(c *gin.Context) error {
	in, err := decode[wire.DecisionInput](c, limitOther, meaningOfDecision)
	if err != nil {
		return err
	}
	f, err := whoIsMeant(in)
	if err != nil {
		return err
	}
	decision := delivery.Decision(in.Decision)
	fates, next, more, err := h.store.DecideUncertain(c.Request.Context(), f, decision, in.After)
	if err != nil {
		return err
	}
	if decision == delivery.DecideResend && fates.Changed > 0 {
		h.poke()
	}
	body := wire.Fates{Changed: fates.Changed, Refused: fates.Refused, Busy: fates.Busy, TooSoon: fates.TooSoon, Unchanged: fates.Unchanged}
	if more {
		body.Next = next
	}
	c.PureJSON(http.StatusOK, body)
	return nil
}

func uncertainNames() []string { return []string{"publication_id", "channel", "reason", "before"} }

// readUncertainFilter reads a filter of a query that has nothing else.
func readUncertainFilter(c *gin.Context) (delivery.UncertainFilter, error) {
	if err := knownQuery(c, uncertainNames()...); err != nil {
		return delivery.UncertainFilter{}, err
	}
	return uncertainFilterOf(c)
}

func uncertainFilterOf(c *gin.Context) (delivery.UncertainFilter, error) {
	q := queryReader{c: c}
	var f delivery.UncertainFilter
	if uid := q.id("publication_id"); uid != nil {
		f.Publication = *uid
	}
	f.Channel = q.kind("channel").ID()
	var known bool
	if f.Reason, known = doubtBy(q.text("reason")); !known {
		q.refuse(badQuery("reason", "must be no_answer or process_died"))
	}
	if before := q.time("before"); before != nil {
		f.Before = *before
	}
	return f, q.err
}
