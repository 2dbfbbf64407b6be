package httpapi

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

// UncertainStore knows the recipients of whom nobody knows whether they were reached, and changes that.
type UncertainStore interface {
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

type uncertainBody struct {
	ID            int64     `json:"id"`
	PublicationID ident.UID `json:"publication_id"`
	Channel       string    `json:"channel"`
	// RecipientID is a subscriber's or a channel's; null if it is gone.
	RecipientID *ident.UID `json:"recipient_id"`
	Reason      string     `json:"reason"`
	Attempts    int16      `json:"attempts"`
	Since       time.Time  `json:"since"`
	// PolicyAt is when the channel's policy is asked; null: it was, and holds.
	PolicyAt *time.Time `json:"policy_at"`
	Resends  int        `json:"resends"`
}

func showUncertain(u delivery.UncertainRow) uncertainBody {
	return uncertainBody{ID: u.ID, PublicationID: u.Publication, Channel: channelName(u.Channel), RecipientID: optionalID(u.Recipient),
		Reason: u.Reason.String(), Attempts: u.Attempts, Since: u.Since.UTC(), PolicyAt: utc(u.Due), Resends: u.Resends}
}

func (h uncertain) list(c *gin.Context) error {
	p, err := readPage(c, "uncertain", uncertainNames()...)
	if err != nil {
		return err
	}
	f, err := readUncertainFilter(c)
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
	f, err := readUncertainFilter(c)
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
	return answerPage(c, name, p, rows, func(u delivery.UncertainRow) int64 { return u.ID }, showUncertain)
}

type uncertainCountBody struct {
	PublicationID ident.UID `json:"publication_id"`
	Channel       string    `json:"channel"`
	Reason        string    `json:"reason"`
	Count         int64     `json:"count"`
	Oldest        time.Time `json:"oldest"`
}

// counts is by publication, channel and reason, of the newest publications. It has one page.
func (h uncertain) counts(c *gin.Context) error {
	if err := knownQuery(c, uncertainNames()...); err != nil {
		return err
	}
	f, err := readUncertainFilter(c)
	if err != nil {
		return err
	}
	rows, err := h.store.CountUncertain(c.Request.Context(), f, maxGroups)
	if err != nil {
		return err
	}
	items := make([]uncertainCountBody, 0, len(rows))
	for _, n := range rows {
		items = append(items, uncertainCountBody{n.Publication, channelName(n.Channel), n.Reason.String(), n.Count, n.Oldest.UTC()})
	}
	c.PureJSON(http.StatusOK, list[uncertainCountBody]{Items: items})
	return nil
}

// decisionInput says what is to become of whom. Everybody is chosen only by "all".
type decisionInput struct {
	Decision    delivery.Decision `json:"decision"`
	All         bool              `json:"all"`
	Publication *ident.UID        `json:"publication_id"`
	Channel     string            `json:"channel"`
	Reason      string            `json:"reason"`
	Before      *time.Time        `json:"before"`
	IDs         []int64           `json:"ids"`
	// After goes on behind an answer's "next".
	After int64 `json:"after"`
}

func (in decisionInput) filter() (delivery.UncertainFilter, error) {
	filter := delivery.UncertainFilter{IDs: in.IDs}
	var f fault.Fields
	if !slices.Contains(delivery.Decisions(), in.Decision) {
		f.Add("/decision", "unknown_decision", "must be one of %v", delivery.Decisions())
	}
	var err error
	if in.Channel != "" {
		var kind channel.Kind
		if kind, err = channel.ParseKind(in.Channel); err != nil {
			f.Add("/channel", "unknown_channel", "must be one of %v", channel.Kinds())
		}
		filter.Channel = kind.ID()
	}
	var known bool
	if filter.Reason, known = doubtBy(in.Reason); !known {
		f.Add("/reason", "unknown_reason", "must be no_answer or process_died")
	}
	if in.Publication != nil {
		filter.Publication = *in.Publication
	}
	if in.Before != nil {
		filter.Before = *in.Before
	}
	if len(in.IDs) > 1000 {
		f.Add("/ids", "too_many", "must be at most 1000")
	}
	chosen := in.Publication != nil || in.Channel != "" || in.Reason != "" || in.Before != nil || len(in.IDs) > 0
	if chosen == in.All {
		f.Add("/all", "filter_required", "must be true, or something must say who is meant, and not both")
	}
	return filter, f.Err()
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
	in, err := decode[decisionInput](c, limitOther)
	if err != nil {
		return err
	}
	f, err := in.filter()
	if err != nil {
		return err
	}
	fates, next, more, err := h.store.DecideUncertain(c.Request.Context(), f, in.Decision, in.After)
	if err != nil {
		return err
	}
	if in.Decision == delivery.DecideResend && fates.Changed > 0 {
		h.poke()
	}
	body := gin.H{"changed": fates.Changed, "refused": fates.Refused, "busy": fates.Busy, "too_soon": fates.TooSoon, "unchanged": fates.Unchanged}
	if more {
		body["next"] = next
	}
	c.PureJSON(http.StatusOK, body)
	return nil
}

func uncertainNames() []string { return []string{"publication_id", "channel", "reason", "before"} }

func readUncertainFilter(c *gin.Context) (delivery.UncertainFilter, error) {
	var f delivery.UncertainFilter
	var err error
	if text, given := c.GetQuery("publication_id"); given {
		if f.Publication, err = ident.Parse(text); err != nil {
			return f, badQuery("publication_id", "must be a UUID")
		}
	}
	if text, given := c.GetQuery("channel"); given {
		kind, err := channel.ParseKind(text)
		if err != nil {
			return f, badQuery("channel", "must be one of %v", channel.Kinds())
		}
		f.Channel = kind.ID()
	}
	var known bool
	if f.Reason, known = doubtBy(c.Query("reason")); !known {
		return f, badQuery("reason", "must be no_answer or process_died")
	}
	if text, given := c.GetQuery("before"); given {
		if f.Before, err = time.Parse(time.RFC3339, text); err != nil {
			return f, badQuery("before", "must be an RFC 3339 time")
		}
	}
	return f, nil
}
