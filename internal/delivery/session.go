package delivery

import (
	"context"
	"errors"
	"sync"
	"time"
)

// session is this process's open sender session and its committer: one goroutine writes outcomes and the
// next in-flight list in one statement, so that many sends share one durable commit.
type session struct {
	id     int64
	ledger Ledger
	took   *average // by flushes
	notice func(string, error)

	mu       sync.Mutex
	listed   map[*window]struct{} // what the next flush lists
	admitted []*window            // waiting for a flush that lists them
	outcomes []settled            // waiting to be written
	dropped  []*run               // have a window that left the list unfinished, not written yet
	lastGood time.Time            // when the last good flush began
	number   int64

	wake   chan struct{}
	gone   chan struct{} // closed when the session is lost, or closed
	ctx    context.Context
	cancel context.CancelFunc
	quit   context.Context // ends when the committer is to end after what it is doing
	stop   context.CancelFunc
	ended  chan struct{}
}

// settled is an outcome on its way to the ledger, with the run that waits for it to be written.
type settled struct {
	Outcome
	run *run
}

func startSession(id int64, opened time.Time, ledger Ledger, took *average, notice func(string, error)) *session {
	s := &session{
		id: id, ledger: ledger, took: took, notice: notice, lastGood: opened,
		listed: make(map[*window]struct{}),
		wake:   make(chan struct{}, 1), gone: make(chan struct{}), ended: make(chan struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.quit, s.stop = context.WithCancel(s.ctx)
	go s.commit()
	return s
}

func (s *session) lost() bool {
	select {
	case <-s.gone:
		return true
	default:
		return false
	}
}

// hasEnded reports that the session is lost and has given all the evidence it had.
func (s *session) hasEnded() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// maySend reports whether a call may still start. It may end after the lease, with whoever is on the list uncertain
// by then: what came of it is late evidence.
func (s *session) maySend() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.lost() && time.Since(s.lastGood) < sendUntil
}

// admit asks for a window to be listed. Its ready channel is closed once that is durable.
func (s *session) admit(w *window) {
	s.mu.Lock()
	s.listed[w] = struct{}{}
	s.admitted = append(s.admitted, w)
	s.mu.Unlock()
	s.poke()
}

// settle notes what came of the window's next recipient; the list shrinks with the same flush.
func (s *session) settle(w *window, o Outcome) {
	s.mu.Lock()
	w.after = o.Recipient
	s.outcomes = append(s.outcomes, settled{o, w.run})
	s.mu.Unlock()
	s.poke()
}

// drop takes an unfinished window off the list: the rest of it was certainly not sent. The run is told once
// that is durable, since until then the batch may not pass to another session.
func (s *session) drop(w *window) {
	s.mu.Lock()
	delete(s.listed, w)
	s.dropped = append(s.dropped, w.run)
	s.mu.Unlock()
	s.poke()
}

func (s *session) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *session) commit() {
	defer close(s.ended)
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		force := false
		select {
		case <-s.quit.Done():
			return
		case <-beat.C:
			force = true
		case <-s.wake:
		}
		step := s.take(force)
		if step == nil {
			continue
		}
		if err := s.flush(step); err != nil {
			if s.ctx.Err() != nil {
				return // cut short by close, and not lost to anybody
			}
			s.lose(err)
			s.giveEvidence(step.outcomes)
			return
		}
	}
}

// step is one flush and who waits for it.
type step struct {
	Flush
	outcomes []settled
	admitted []*window
	dropped  []*run
}

// take collects the next step; nil if there is nothing to write.
func (s *session) take(force bool) *step {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !force && len(s.outcomes) == 0 && len(s.admitted) == 0 && len(s.dropped) == 0 {
		return nil
	}
	s.number++
	next := &step{outcomes: s.outcomes, admitted: s.admitted, dropped: s.dropped}
	next.Flush = Flush{Session: s.id, Number: s.number, Lease: leaseTime,
		InFlight: make([]Window, 0, len(s.listed)), Outcomes: make([]Outcome, len(s.outcomes))}
	for w := range s.listed {
		if w.after >= w.through {
			delete(s.listed, w)
			continue
		}
		next.InFlight = append(next.InFlight, Window{Batch: w.run.batch.ID, After: w.after, Through: w.through})
	}
	for i := range s.outcomes {
		next.Flush.Outcomes[i] = s.outcomes[i].Outcome
	}
	s.outcomes, s.admitted, s.dropped = nil, nil, nil
	return next
}

// flush writes a step, and repeats it until its fate is known: nil once written, an error if the session was
// taken over or is closing. While the database is away nothing is sent, and nothing is lost.
func (s *session) flush(next *step) error {
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		began := time.Now()
		ctx, cancel := context.WithTimeout(s.ctx, callTimeout)
		err := s.ledger.Flush(ctx, next.Flush)
		cancel()
		if err == nil {
			s.took.add(time.Since(began))
			s.written(began, next)
			return nil
		}
		if errors.Is(err, ErrFenced) || s.ctx.Err() != nil {
			return err
		}
		s.notice("flush of the sender session failed, repeating it", err)
		select {
		case <-s.ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

func (s *session) written(began time.Time, done *step) {
	s.mu.Lock()
	s.lastGood = began
	s.mu.Unlock()
	for _, w := range done.admitted {
		close(w.ready)
	}
	for _, o := range done.outcomes {
		o.run.stored()
	}
	for _, r := range done.dropped {
		r.stored()
	}
}

// lose ends the session for good; every run of it stops and leaves its batch to takeover.
func (s *session) lose(err error) {
	s.notice("sender session lost", err)
	close(s.gone)
}

// Late evidence is offered for a while: calls that were under way end within callTimeout.
const (
	evidencePause = time.Second
	evidenceTries = 30
)

// giveEvidence offers the outcomes that came too late to whoever took the session over: rows left uncertain
// under it are settled by what really happened. It is repeated, since takeover may be going on just now; the last
// offer is made when the session is told to close, with what was known by then.
func (s *session) giveEvidence(outcomes []settled) {
	late := knownOf(outcomes)
	for range evidenceTries {
		s.mu.Lock()
		late = append(late, knownOf(s.outcomes)...)
		s.outcomes = nil
		s.mu.Unlock()
		if len(late) > 0 {
			ctx, cancel := context.WithTimeout(s.ctx, callTimeout)
			if err := s.ledger.SettleLate(ctx, s.id, late); err != nil {
				s.notice("late outcomes not stored yet", err)
			}
			cancel()
		}
		if s.quit.Err() != nil {
			return
		}
		select {
		case <-s.quit.Done():
		case <-time.After(evidencePause):
		}
	}
}

// knownOf keeps the outcomes that say something: what stays pending or uncertain is no evidence.
func knownOf(outcomes []settled) []Outcome {
	var known []Outcome
	for _, o := range outcomes {
		if o.State.Settled() && o.State != Uncertain {
			known = append(known, o.Outcome)
		}
	}
	return known
}

// close ends the committer after the flush under way, which is cut short when ctx ends, and reports whether the session
// is still this process's to end. Runs that still wait for it stop. It may be repeated.
func (s *session) close(ctx context.Context) (held bool) {
	s.stop()
	defer context.AfterFunc(ctx, s.cancel)()
	<-s.ended
	s.cancel()
	if s.lost() {
		return false
	}
	close(s.gone)
	return true
}
