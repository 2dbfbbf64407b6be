package worker

import (
	"context"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
)

// HealthStore keeps since when places do nothing but fail.
type HealthStore interface {
	// NoteFailure is told of a failure of a version of a channel, and whether its endpoint is gone. It returns why the channel
	// was switched off, if it was by this.
	NoteFailure(ctx context.Context, id int64, version int, gone bool) (channel.Off, error)
	// NoteSuccess is told of a success after failures.
	NoteSuccess(ctx context.Context, id int64, version int) error
}

const (
	// sightings is how many may wait to be stored. What finds no room is seen again.
	sightings = 256
	// notePatience bounds one such note.
	notePatience = 5 * time.Second
)

// Health follows how places fare: Slack, Discord and webhook channels. A success of a place that does not fail costs a look
// at a variable, and nothing is stored but the first failure, the first success, and what may switch a channel off. It is
// safe for concurrent use.
type Health struct {
	store HealthStore
	log   *zap.Logger
	seen  chan sighting
	off   map[channel.Off]*atomic.Int64
}

// sighting is what is to be stored.
type sighting struct {
	*outlet
	failed, gone bool
}

// NewHealth makes one that keeps nothing before Run.
func NewHealth(store HealthStore, log *zap.Logger) *Health {
	return &Health{store: store, log: log, seen: make(chan sighting, sightings),
		off: map[channel.Off]*atomic.Int64{channel.Gone: {}, channel.Failing: {}}}
}

// Run stores what was seen, until ctx ends.
func (h *Health) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-h.seen:
			h.note(ctx, s)
		}
	}
}

// Off is how many channels this process has switched off for a reason.
func (h *Health) Off(why channel.Off) float64 {
	n, known := h.off[why]
	if !known {
		return 0
	}
	return float64(n.Load())
}

// saw is told what a call to a place came to. It never waits. That a place asks for patience says neither that it works nor
// that it does not.
func (h *Health) saw(o *outlet, err error) {
	if h == nil || o.Kind.Personal() || fault.Is(err, fault.Wait) {
		return
	}
	s, since := sighting{outlet: o, failed: err != nil, gone: fault.CodeOf(err) == channel.CodeGone}, o.failing.Load()
	now := time.Now().UnixNano()
	switch {
	case !s.failed && since == 0:
		return
	case !s.failed:
		o.failing.CompareAndSwap(since, 0)
	case s.gone:
	case since == 0:
		o.failing.CompareAndSwap(0, now)
	case time.Duration(now-since) < channel.LastingFailure:
		return
	}
	select {
	case h.seen <- s:
	default:
		o.failing.Store(since)
	}
}

func (h *Health) note(ctx context.Context, s sighting) {
	ctx, cancel := context.WithTimeout(ctx, notePatience)
	defer cancel()
	var off channel.Off
	var err error
	if s.failed {
		off, err = h.store.NoteFailure(ctx, s.ID, s.Version, s.gone)
	} else {
		err = h.store.NoteSuccess(ctx, s.ID, s.Version)
	}
	if err != nil {
		// The next call of the same kind is told again.
		if s.failed {
			s.failing.Store(0)
		} else {
			s.failing.CompareAndSwap(0, time.Now().UnixNano())
		}
		h.log.Info("how a channel fares is not stored", zap.String("channel", s.Name), zap.Error(err))
	}
	if off != channel.NoReason {
		h.off[off].Add(1)
		h.log.Warn("channel switched off", zap.String("channel", s.Name), zap.String("reason", string(off)))
	}
}
