package delivery

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/presswork/presswork/internal/backoff"
	"github.com/presswork/presswork/internal/fault"
)

// Times of the protocol. A call may start until sendUntil after the last good flush and takes callTimeout at
// most; the lease is what takeover waits for. All are measured on a monotonic clock here and on the
// database's clock there; neither is ever compared with the other.
const (
	leaseTime   = 15 * time.Second
	sendUntil   = 7 * time.Second
	callTimeout = 10 * time.Second
	heartbeat   = 3 * time.Second
	// holdTime is how long a batch may keep its worker slot before it gives the rest back.
	holdTime = 5 * time.Second
)

// Send makes one attempt to send to one recipient; its error is a fault.
type Send func(ctx context.Context, r *Recipient) error

// Open prepares what a batch's recipients have in common, and returns how to send to one of them, and when.
// A GiveUp error fails the whole batch's rest; any other gives it back for later.
type Open func(ctx context.Context, b *Batch) (Way, error)

// Config of an Engine.
type Config struct {
	// Process names this process in the sessions: "host:pid".
	Process string
	// Connections is how many sends may be under way at once, by channel kind id.
	Connections func(channel int16) int
	// Schedule is how a channel kind is tried again after a transient failure; nil: backoff.Transient for all.
	Schedule func(channel int16) backoff.Schedule
	// Observe is told of each outcome and how long its call took; it must be quick.
	Observe func(channel int16, o Outcome, took time.Duration)
	// Notice is told of what an operator should know; err may be nil.
	Notice func(message string, err error)
}

// Engine sends batches. One engine serves a process; it is safe for concurrent use.
type Engine struct {
	ledger  Ledger
	config  Config
	control *control

	mu      sync.Mutex
	session *session
	ended   []*session // lost ones, which may still have evidence to give
	pools   map[int16]*pool
	closing bool
	claims  atomic.Int32 // tokens given out
	runs    sync.WaitGroup
	flush   average // how long a flush takes

	abandon context.Context // ends when Close gives up waiting
	giveUp  context.CancelFunc
}

// NewEngine makes an engine. Close it to end its session.
func NewEngine(ledger Ledger, config Config) *Engine {
	if config.Schedule == nil {
		config.Schedule = func(int16) backoff.Schedule { return backoff.Transient }
	}
	e := &Engine{ledger: ledger, config: config, pools: make(map[int16]*pool)}
	e.control = newControl(ledger)
	e.abandon, e.giveUp = context.WithCancel(context.Background())
	return e
}

// errClosing is returned for batches that arrive while the engine closes: they stay claimable, for others.
func errClosing() error {
	return fault.WaitFor(time.Second, "closing", errors.New("the sending engine is closing"))
}

// Report is what a run came to.
type Report struct {
	// Stale nudges did nothing.
	Stale bool
	// PutOff: it may not be sent now, and nothing of it was. The nudge has to come again, as Run's error says.
	PutOff bool
	Released
}

// Run claims a batch and sends to everyone in it who is still owed, then gives it back. It may be called
// for the same batch any number of times, by any number of processes: the claim lets one through. An error of kind
// fault.Wait asks for the same nudge again, after its time.
func (e *Engine) Run(ctx context.Context, batch int64, gen int, open Open) (Report, error) {
	if !e.enter() {
		return Report{}, errClosing()
	}
	defer e.runs.Done()
	s, err := e.currentSession(ctx)
	if err != nil {
		return Report{}, err
	}
	b, err := e.claim(ctx, s, batch, gen)
	if err != nil {
		return Report{}, fmt.Errorf("claim batch %d: %w", batch, err)
	}
	if b == nil {
		return Report{Stale: true}, nil
	}
	wait, err := e.work(ctx, s, b, open)
	if errors.Is(err, ErrFenced) {
		return Report{Stale: true}, nil // whoever took over has nudged it again
	}
	var turned turnedAway
	if errors.As(err, &turned) {
		return e.putOff(ctx, b, turned)
	}
	if err != nil {
		e.config.Notice("batch given back", err)
	}
	return e.release(ctx, b, wait)
}

// claim repeats a claim whose answer was lost until its fate is known: a batch that is claimed under a living
// session, and that nobody works on, would be nobody's to mend.
func (e *Engine) claim(ctx context.Context, s *session, batch int64, gen int) (*Batch, error) {
	ctx = context.WithoutCancel(ctx)
	token := int(e.claims.Add(1))
	var b *Batch
	var refused error
	err := untilDone(e.abandon, func() (err error) {
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		b, err = e.ledger.Claim(ctx, s.id, batch, gen, token)
		if err != nil && !fault.Is(err, fault.Unavailable) && !fault.Is(err, fault.Timeout) {
			refused, err = err, nil // the ledger's own word: nothing is claimed
		}
		return err
	})
	return b, errors.Join(err, refused)
}

// pauseAfterError is how long a batch waits after an error that was nobody's in particular.
const pauseAfterError = 5 * time.Second

// work sends the batch's rest and says how long what is left should wait.
func (e *Engine) work(ctx context.Context, s *session, b *Batch, open Open) (time.Duration, error) {
	owed, err := e.ledger.Owed(ctx, b)
	if err != nil {
		return pauseAfterError, fmt.Errorf("read what batch %d owes: %w", b.ID, err)
	}
	if len(owed) == 0 {
		return 0, nil
	}
	e.control.watch(b, owed)
	defer e.control.unwatch(b)
	way, err := open(ctx, b)
	if err != nil {
		if !fault.Is(err, fault.GiveUp) {
			return pauseAfterError, fmt.Errorf("open batch %d: %w", b.ID, err)
		}
		gaveUp := err
		way = Way{Send: func(context.Context, *Recipient) error { return gaveUp }}
	}
	r, p := newRun(e, s, b, owed, way.Send), e.poolOf(b.Channel)
	if way.Gate != nil {
		// A gate may wake out of Take, which the pool calls under its lock: what the second of two does not let through goes
		// back to the first.
		wake := func(n int) { go p.wake(n) }
		if r.pass, err = way.Gate.Enter(ctx, b.Lane, len(owed), wake); err != nil {
			return 0, turnedAway{err}
		}
		defer r.pass.Leave()
	}
	p.add(r)
	r.waitUntilDone(ctx)
	return r.outcome()
}

// release gives the batch back. It outlasts a cancelled ctx and an absent database, since a claim under a
// living session is nobody else's to mend.
func (e *Engine) release(ctx context.Context, b *Batch, wait time.Duration) (Report, error) {
	ctx = context.WithoutCancel(ctx)
	var released Released
	err := untilDone(e.abandon, func() (err error) {
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		released, err = e.ledger.Release(ctx, b, wait)
		return err
	})
	if errors.Is(err, ErrFenced) {
		return Report{Stale: true}, nil
	}
	if err != nil {
		return Report{}, fmt.Errorf("release batch %d: %w", b.ID, err)
	}
	if released.Done || released.Stopped {
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		if err := e.ledger.Advance(ctx, b.Publication); err != nil {
			e.config.Notice("publication not advanced now, the reconciler will", err)
		}
	}
	return Report{Released: released}, nil
}

// untilDone repeats fn while it fails, unless it was fenced, until ctx ends.
func untilDone(ctx context.Context, fn func() error) error {
	pause := 50 * time.Millisecond
	for {
		err := fn()
		if err == nil || errors.Is(err, ErrFenced) || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
			pause = min(2*pause, time.Second)
		}
	}
}

func (e *Engine) enter() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closing {
		return false
	}
	e.runs.Add(1)
	return true
}

func (e *Engine) poolOf(channel int16) *pool {
	e.mu.Lock()
	defer e.mu.Unlock()
	p, ok := e.pools[channel]
	if !ok {
		p = newPool(e.config.Connections(channel), &e.flush)
		p.stopped = e.closing
		e.pools[channel] = p
	}
	return p
}

// currentSession is the open session, or a new one after the last was lost.
func (e *Engine) currentSession(ctx context.Context) (*session, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.session != nil && !e.session.lost() {
		return e.session, nil
	}
	if e.closing {
		return nil, errClosing()
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout) // others wait for the lock, Close among them
	defer cancel()
	opened := time.Now()
	id, err := e.ledger.OpenSession(ctx, e.config.Process, leaseTime)
	if err != nil {
		return nil, fmt.Errorf("open a sender session: %w", err)
	}
	e.ended = slices.DeleteFunc(e.ended, (*session).hasEnded)
	if e.session != nil {
		e.ended = append(e.ended, e.session)
	}
	e.session = startSession(id, opened, e.ledger, &e.flush, e.config.Notice)
	return e.session, nil
}

// Close lets calls that are under way finish, gives every batch back and ends the session. Work that is still
// under way when ctx ends is left to takeover.
func (e *Engine) Close(ctx context.Context) error {
	e.mu.Lock()
	e.closing = true
	s, pools, ended := e.session, slices.Collect(maps.Values(e.pools)), e.ended // runs that entered may still add pools
	e.mu.Unlock()
	for _, p := range pools {
		p.stop()
	}
	idle := make(chan struct{})
	go func() { e.runs.Wait(); close(idle) }()
	var err error
	select {
	case <-idle:
	case <-ctx.Done():
		err = fmt.Errorf("close the sending engine: %w", ctx.Err())
	}
	e.giveUp()
	e.control.close()
	for _, lost := range ended {
		lost.close(ctx)
	}
	if s == nil {
		return err
	}
	if held := s.close(ctx); err == nil && held {
		err = e.ledger.CloseSession(ctx, s.id)
	}
	return err
}
