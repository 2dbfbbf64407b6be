package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/presswork/presswork/internal/fault"
)

// work sends to the window's recipients in order, once it is listed. Whoever is not reached was certainly not
// sent and stays pending.
func (w *window) work() {
	r := w.run
	complete, taken := false, len(w.recipients)
	defer func() { r.finished(w, complete) }()
	defer func() { r.giveBack(taken) }() // first: the run may leave its gate once the window is finished
	select {
	case <-w.ready:
	case <-r.session.gone:
		return
	}
	for i := range w.recipients {
		recipient := &w.recipients[i]
		if !w.mayStart(recipient) {
			return
		}
		recipient.lapse(time.Now())
		if recipient.Skip == NoReason && recipient.HeldFor == NoReason {
			taken--
		}
		outcome, wait := w.attempt(recipient)
		r.settle(w, outcome, wait)
		if outcome.State == Pending && outcome.Attempt == recipient.Attempt {
			r.stop(wait) // told to wait: no one else of this batch either
			return
		}
	}
	complete = true
}

// mayStart looks at everything that may have changed since the batch was read.
func (w *window) mayStart(recipient *Recipient) bool {
	r := w.run
	switch {
	case r.halted():
		return false
	case !r.session.maySend():
		r.stop(0)
		return false
	case r.pass != nil && r.pass.Shut() != nil:
		r.stop(0) // at the gate it will be told for how long
		return false
	case r.engine.control.stopped(r.batch):
		r.stop(0)
		return false
	case recipient.Email != "" && r.engine.control.revoked(recipient):
		r.stop(0) // the next claim reads the row anew and decides
		return false
	case !recipient.Closes.IsZero() && !time.Now().Before(recipient.Closes):
		r.stop(0) // likewise: quiet hours began
		return false
	}
	return true
}

func (w *window) attempt(recipient *Recipient) (Outcome, time.Duration) {
	r := w.run
	if recipient.Skip != NoReason {
		state := Skipped
		if recipient.Skip.Suppressed() {
			state = Suppressed
		}
		return stillInDoubt(recipient, Outcome{Publication: r.batch.Publication, Channel: r.batch.Channel, Recipient: recipient.ID,
			State: state, Attempt: recipient.Attempt, Reason: recipient.Skip}), 0
	}
	if recipient.HeldFor != NoReason {
		return Outcome{Publication: r.batch.Publication, Channel: r.batch.Channel, Recipient: recipient.ID,
			State: Deferred, Attempt: recipient.Attempt, Reason: recipient.HeldFor, Until: recipient.HeldUntil}, 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	began := time.Now()
	err := guarded(ctx, r.send, recipient)
	took := time.Since(began)
	r.pool.send.add(took)
	outcome, wait := verdict(r.batch, recipient, r.engine.config.Schedule(r.batch.Channel), err)
	outcome = stillInDoubt(recipient, outcome)
	if r.engine.config.Observe != nil {
		r.engine.config.Observe(r.batch.Channel, outcome, took)
	}
	return outcome, wait
}

// guarded keeps a panic below from taking the process, and everybody's sends, with it. What became of this one
// recipient is not known then.
func guarded(ctx context.Context, send Send, recipient *Recipient) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = &fault.Error{Kind: fault.Uncertain, Code: "panic", Err: fmt.Errorf("panic: %v", cause)}
		}
	}()
	return send(ctx, recipient)
}
