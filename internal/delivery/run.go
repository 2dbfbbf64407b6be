package delivery

import (
	"context"
	"sync"
	"time"
)

// run is one claimed batch being sent. Connections take windows of its recipients; it is done when no window
// is open and every outcome is stored.
type run struct {
	engine  *Engine
	session *session
	batch   *Batch
	send    Send
	pass    Pass      // nil: nothing limits it
	pool    *pool     // where it is offered
	ends    time.Time // when the slot must be given back

	mu         sync.Mutex
	recipients []Recipient // not handed out yet
	open       int         // windows handed out and not finished
	unstored   int         // outcomes, and windows taken off the list, that are not stored yet
	stopped    bool
	wait       time.Duration // before what is left may be tried again
	done       chan struct{}
	isDone     bool
}

func newRun(e *Engine, s *session, b *Batch, owed []Recipient, send Send) *run {
	return &run{engine: e, session: s, batch: b, send: send, recipients: owed,
		ends: time.Now().Add(holdTime), done: make(chan struct{})}
}

// window is the next few recipients of a run, handed to one connection, which sends to them in order.
type window struct {
	run        *run
	recipients []Recipient
	// after and through are the session's: it lists recipients after `after` up to `through`.
	after, through int64
	ready          chan struct{} // closed when the window is durably listed
}

// take hands out a window of at most n recipients; nil if there is nothing to hand out, or nothing now: held says so.
func (r *run) take(n int) (w *window, held bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped || len(r.recipients) == 0 {
		return nil, false
	}
	n = min(n, len(r.recipients))
	if r.pass != nil {
		granted, err := r.pass.Take(n)
		if err != nil {
			r.halt(0) // at the gate it will be told for how long
			return nil, false
		}
		if granted == 0 {
			return nil, true
		}
		n = granted
	}
	w = &window{run: r, recipients: r.recipients[:n:n], ready: make(chan struct{})}
	r.recipients = r.recipients[n:]
	w.after, w.through = w.recipients[0].ID-1, w.recipients[n-1].ID
	r.open++
	return w, false
}

// halted reports that nothing more of the run is to be sent now.
func (r *run) halted() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopped
}

// ready is how many recipients could be handed out now.
func (r *run) ready() int {
	n := r.left()
	if n > 0 && r.pass != nil && !r.pass.Ready() {
		return 0
	}
	return n
}

// left is how many recipients are still to be handed out.
func (r *run) left() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return 0
	}
	return len(r.recipients)
}

// finished says that a connection is through with a window: with all of it, or with a part only.
func (r *run) finished(w *window, complete bool) {
	r.mu.Lock()
	r.open--
	if !complete {
		r.unstored++
	}
	r.check()
	r.mu.Unlock()
	if !complete {
		r.session.drop(w)
	}
}

// settle notes an outcome; wait is for what stays pending.
func (r *run) settle(w *window, o Outcome, wait time.Duration) {
	r.mu.Lock()
	r.unstored++
	r.wait = max(r.wait, wait)
	r.mu.Unlock()
	r.session.settle(w, o)
}

// stored says that one outcome, or one window taken off the list, is in the ledger.
func (r *run) stored() {
	r.mu.Lock()
	r.unstored--
	r.check()
	r.mu.Unlock()
}

// stop hands out nothing more; what is left waits.
func (r *run) stop(wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.halt(wait)
}

// halt is stop, with the lock held.
func (r *run) halt(wait time.Duration) {
	r.stopped = true
	r.wait = max(r.wait, wait)
	r.check()
}

// giveBack returns to the gate what was taken for n recipients who were not sent to.
func (r *run) giveBack(n int) {
	if r.pass != nil && n > 0 {
		r.pass.Give(n)
	}
}

func (r *run) check() {
	if !r.isDone && (r.stopped || len(r.recipients) == 0) && r.open == 0 && r.unstored == 0 {
		r.isDone = true
		close(r.done)
	}
}

// waitUntilDone returns when the run is done or its session is lost.
func (r *run) waitUntilDone(ctx context.Context) {
	hold := time.NewTimer(time.Until(r.ends))
	defer hold.Stop()
	cancelled := ctx.Done()
	for {
		select {
		case <-r.done:
			return
		case <-r.session.gone:
			r.stop(0)
			return
		case <-hold.C:
			r.stop(0)
		case <-cancelled:
			r.stop(0)
			cancelled = nil
		}
	}
}

// outcome is how long what is left has to wait, or ErrFenced.
func (r *run) outcome() (time.Duration, error) {
	if r.session.lost() {
		return 0, ErrFenced
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wait, nil
}
