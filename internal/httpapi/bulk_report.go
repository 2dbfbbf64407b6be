package httpapi

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/bulk"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/telemetry"
)

// errOf is why an item was not done, nil if it was.
func (b *bulkCall) errOf(n int, o bulk.Outcome) error {
	if known := b.errs[n]; known != nil {
		return known
	}
	return within(o.Err, b.place(n))
}

// report is the answer to a call that was done.
func (b *bulkCall) report(outcomes []bulk.Outcome) (string, error) {
	body := wire.BulkReport{Mode: wire.BulkMode(b.Mode), Items: make([]wire.BulkOutcome, 0, len(outcomes))}
	for n, o := range outcomes {
		item := wire.BulkOutcome{Index: n, Status: b.status(n), ID: o.UID, Version: o.Version, State: o.State}
		if err := b.errOf(n, o); err != nil {
			p, _ := describe(err)
			item.Status = p.Status
			item.Problem = wire.BulkItemProblem{Type: p.Type, Title: p.Title, Detail: p.Detail, Errors: p.Errors}
			body.Failed++
		} else {
			body.Done++
		}
		body.Items = append(body.Items, item)
	}
	text, err := plainJSON(body)
	return string(text), err
}

// status is that of an item that was done.
func (b *bulkCall) status(n int) int {
	switch b.actions[n] {
	case bulk.Create:
		return b.made
	case bulk.Delete:
		return http.StatusNoContent
	default:
		return http.StatusOK
	}
}

// answerEarlier answers a request that was answered before, and reports whether it was.
func (b *bulkCall) answerEarlier(c *gin.Context) (bool, error) {
	if b.Key == "" {
		return false, nil
	}
	r, err := b.store.EarlierBulk(c.Request.Context(), b.Call)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, b.answer(c, r)
}

// answer answers with what became of the call.
func (b *bulkCall) answer(c *gin.Context, r bulk.Result) error {
	for n, o := range r.Outcomes {
		if o.Err != nil && fault.Is(o.Err, fault.Internal) {
			b.log.Error("an item of a call failed", zap.String("route", c.FullPath()), zap.Int("item", n), zap.Error(o.Err),
				telemetry.CorrelationField(c.Request.Context()))
		}
	}
	if !r.Done {
		b.refused(c, r.Outcomes)
		return nil
	}
	if r.Replay {
		c.Header("Idempotent-Replay", "true")
	}
	c.Data(http.StatusOK, "application/json; charset=utf-8", []byte(r.Answer))
	return nil
}

// refused answers that nothing was written, with what is wrong with each item: 422 if it is so as it stands, else 409.
func (b *bulkCall) refused(c *gin.Context, outcomes []bulk.Outcome) {
	err := fault.New(fault.Invalid, "invalid_input", "The input has errors.")
	if len(b.errs) == 0 {
		err = fault.New(fault.Conflict, "bulk_refused",
			fmt.Sprintf("%d of %d items cannot be done. Nothing was written.", bulk.Failed(outcomes), len(outcomes)))
	}
	p, _ := describe(err)
	p = located(c, p)
	for n := range b.actions {
		var o bulk.Outcome
		if n < len(outcomes) {
			o = outcomes[n]
		}
		p.Errors = append(p.Errors, b.errors(n, o)...)
	}
	answerProblem(c, b.log, p.Status, wire.BulkProblem(p))
}

// errors are those of one item, by pointers into the body.
func (b *bulkCall) errors(n int, o bulk.Outcome) []wire.FieldError {
	err := b.errOf(n, o)
	if err == nil {
		return nil
	}
	p, _ := describe(err)
	if len(p.Errors) > 0 {
		return p.Errors
	}
	return []wire.FieldError{{Pointer: fmt.Sprintf("/items/%d", n), Code: fault.CodeOf(err), Detail: p.Detail}}
}
