package httpapi

import (
	"context"
	"sync"
	"time"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

const (
	// progressPeriod is how often a publication that is watched is looked at, however many watch it.
	progressPeriod = 500 * time.Millisecond
	// maxStreams bounds the streams of a process: each is a connection and a goroutine.
	maxStreams = 1000
	// maxPaces bounds the publications whose pace is remembered, and paceAge is how long one is that nobody looks at.
	maxPaces = 1000
	paceAge  = time.Minute
)

// watchers looks at publications for those who want to know how far they are: once for all who watch the same one. What
// it remembers is how fast each was; another process, asked in between, comes to the same by itself.
type watchers struct {
	store  ProgressStore
	period time.Duration

	mu      sync.Mutex
	paces   map[ident.UID]*remembered
	watched map[ident.UID]*watched
	streams int
}

type remembered struct {
	publication.Pace
	used time.Time
}

// watched is a publication that somebody watches.
type watched struct {
	cancel context.CancelFunc
	last   *look
	seats  map[chan look]struct{}
}

// look is what one look at a publication came to.
type look struct {
	progress publication.Progress
	err      error
}

func newWatchers(store ProgressStore, period time.Duration) *watchers {
	return &watchers{store: store, period: period, paces: make(map[ident.UID]*remembered), watched: make(map[ident.UID]*watched)}
}

// look counts how far a publication is, and how fast.
func (w *watchers) look(ctx context.Context, uid ident.UID) (publication.Progress, error) {
	p, err := w.store.PublicationProgress(ctx, uid)
	if err != nil {
		return p, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	known, ok := w.paces[uid]
	if !ok {
		w.forget()
		known = &remembered{}
		w.paces[uid] = known
	}
	known.used = time.Now()
	known.Add(&p)
	return p, nil
}

// forget makes room for one more pace.
func (w *watchers) forget() {
	if len(w.paces) < maxPaces {
		return
	}
	for uid, p := range w.paces {
		if time.Since(p.used) > paceAge {
			delete(w.paces, uid)
		}
	}
	for uid := range w.paces {
		if len(w.paces) < maxPaces {
			return
		}
		delete(w.paces, uid) // its rate begins anew
	}
}

// join takes a seat: looks come to it, the newest instead of one that was not taken yet, until leave is called.
func (w *watchers) join(uid ident.UID) (looks <-chan look, leave func(), err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.streams >= maxStreams {
		return nil, nil, fault.New(fault.Unavailable, "too_many_streams", "There are too many streams just now.")
	}
	w.streams++
	t, ok := w.watched[uid]
	if !ok {
		ctx, cancel := context.WithCancel(context.Background()) // those who watch come and go
		t = &watched{cancel: cancel, seats: make(map[chan look]struct{})}
		w.watched[uid] = t
		go w.poll(ctx, uid, t)
	}
	seat := make(chan look, 1)
	t.seats[seat] = struct{}{}
	if t.last != nil {
		seat <- *t.last
	}
	return seat, func() { w.leave(uid, t, seat) }, nil
}

func (w *watchers) leave(uid ident.UID, t *watched, seat chan look) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.streams--
	delete(t.seats, seat)
	if len(t.seats) == 0 {
		t.cancel()
		w.end(uid, t)
	}
}

// end makes room for a new poll: who comes later begins one.
func (w *watchers) end(uid ident.UID, t *watched) {
	if w.watched[uid] == t {
		delete(w.watched, uid)
	}
}

// poll looks until the publication's end, or until nobody watches any more.
func (w *watchers) poll(ctx context.Context, uid ident.UID, t *watched) {
	tick := time.NewTicker(w.period)
	defer tick.Stop()
	for {
		once, cancel := context.WithTimeout(ctx, requestTimeout)
		p, err := w.look(once, uid)
		cancel()
		over := err == nil && p.State.Final() || fault.Is(err, fault.NotFound)
		w.mu.Lock()
		t.show(look{p, err})
		if over {
			w.end(uid, t)
		}
		w.mu.Unlock()
		if over {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (t *watched) show(l look) {
	t.last = &l
	for seat := range t.seats {
		select {
		case <-seat: // nobody has taken the one before
		default:
		}
		seat <- l
	}
}
