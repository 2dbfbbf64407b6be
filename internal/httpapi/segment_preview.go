package httpapi

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/segment"
)

// How many readers a preview shows.
const (
	sampleSize = 5
	maxSample  = 20
)

// trial is a rule that is tried.
type trial struct {
	rule   segment.Rule
	names  []segment.Name // nil: of a segment that is stored
	sample int
}

func trialOf(in wire.SegmentTrial) (trial, error) {
	t := trial{sample: sampleSize}
	var f fault.Fields
	if in.Sample != nil {
		if t.sample = *in.Sample; t.sample < 0 || t.sample > maxSample {
			f.Add("/sample", "range", "must be from 0 to %d", maxSample)
		}
	}
	if in.Rule == nil {
		f.Add("/rule", "required", "is required")
		return t, f.Err()
	}
	var err error
	if t.rule, err = segment.Parse(segment.Text(in.Rule), "/rule"); err != nil && !fault.Is(err, fault.Invalid) {
		return t, err
	}
	t.names = segment.Names(segment.Text(in.Rule), "/rule")
	f.Join(err)
	return t, f.Err()
}

func (h segments) previewRule(c *gin.Context) error {
	t, err := parsed[wire.SegmentTrial](c, limitOther, trialOf)
	if err != nil {
		return err
	}
	return h.answerPreview(c, t)
}

func (h segments) preview(c *gin.Context) error {
	if err := knownQuery(c, "sample"); err != nil {
		return err
	}
	t := trial{sample: sampleSize}
	if text := c.Query("sample"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > maxSample {
			return badQuery("sample", "must be a number from 0 to %d", maxSample)
		}
		t.sample = n
	}
	s, err := h.find(c)
	if err != nil {
		return err
	}
	t.rule = s.Rule
	return h.answerPreview(c, t)
}

func (h segments) answerPreview(c *gin.Context, t trial) error {
	ctx := c.Request.Context()
	p, err := h.store.PreviewSegment(ctx, t.rule, t.names, t.sample)
	if err != nil {
		return err
	}
	whole := mayRead(ctx)
	if whole && len(p.Sample) > 0 {
		if err := h.store.RecordAccess(ctx, "list", ident.UID{}, len(p.Sample)); err != nil {
			return err
		}
	}
	body := wire.SegmentPreview{Count: p.Count, CountIsEstimate: p.Estimate, Sample: []wire.SegmentMember{}}
	for _, r := range p.Sample {
		if !whole {
			r.Email = mask(r.Email)
		}
		body.Sample = append(body.Sample, wire.SegmentMember{ID: r.UID, Email: r.Email})
	}
	c.PureJSON(http.StatusOK, body)
	return nil
}

func (h segments) explainRule(c *gin.Context) error {
	t, err := parsed[wire.SegmentTrial](c, limitOther, trialOf)
	if err != nil {
		return err
	}
	return h.answerExplanation(c, t, ident.UID{})
}

func (h segments) explain(c *gin.Context) error {
	if err := knownQuery(c, "subscriber_id"); err != nil {
		return err
	}
	var about ident.UID
	if text := c.Query("subscriber_id"); text != "" {
		var err error
		if about, err = ident.Parse(text); err != nil || about.IsZero() {
			return badQuery("subscriber_id", "must be the id of a subscriber")
		}
		if !mayRead(c.Request.Context()) {
			return fault.New(fault.Forbidden, "forbidden", "Asking about a subscriber needs the permission subscribers:read.")
		}
	}
	s, err := h.find(c)
	if err != nil {
		return err
	}
	return h.answerExplanation(c, trial{rule: s.Rule}, about)
}

func (h segments) answerExplanation(c *gin.Context, t trial, about ident.UID) error {
	ctx := c.Request.Context()
	parts, member, err := h.store.ExplainSegment(ctx, t.rule, t.names, about)
	if err != nil {
		return err
	}
	if !about.IsZero() {
		if err := h.store.RecordAccess(ctx, "read", about, 1); err != nil {
			return err
		}
	}
	body := wire.SegmentExplanation{Words: inWords(t.rule), Conditions: []wire.SegmentCondition{}, Belongs: member}
	for _, part := range parts {
		body.Conditions = append(body.Conditions, wire.SegmentCondition{
			Pointer: part.Pointer, Words: segment.Describe(part.Rule), Count: part.Count, Holds: part.Holds,
		})
	}
	c.PureJSON(http.StatusOK, body)
	return nil
}
