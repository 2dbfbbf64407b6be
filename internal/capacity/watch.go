package capacity

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Record is what PostgreSQL knows.
type Record interface {
	// Load reads all but Rates and Tasks. What is due within the horizon counts as due soon. It does not read the ledger:
	// its cost grows with the open batches, a two-hundredth of the recipients.
	Load(ctx context.Context, horizon time.Duration) (Load, error)
	// Want notes what is wanted of each pool now, and returns the most that anybody noted within the window.
	Want(ctx context.Context, wanted map[string]int, window time.Duration) (map[string]int, error)
}

// Rates says how many messages a second the providers of each kind of channel take just now; absent: no limit is known.
type Rates func(ctx context.Context) (map[string]float64, error)

// Queue says how full queues are.
type Queue func(ctx context.Context, names []string) (map[string]Tasks, error)

// Watch answers how the pools are. Every process of the roles api and scheduler may: what they have to agree on is in the
// record.
type Watch struct {
	settings Settings
	record   Record
	rates    Rates // nil: no limit is known
	queue    Queue

	mu    sync.Mutex
	list  []Status
	until time.Time
}

// NewWatch makes a Watch. rates may be nil.
func NewWatch(s Settings, record Record, rates Rates, queue Queue) *Watch {
	return &Watch{settings: s, record: record, rates: rates, queue: queue}
}

// An answer is good for a second. One that took long is good for longer, so that asking takes a fiftieth of the time of
// one connection at most; but not for longer than a sixth of the objective, or nobody could keep to that.
const (
	fresh  = time.Second
	rest   = 50
	atMost = 6 // of these make an objective
)

// Pools is every pool, in the order of the settings. With PostgreSQL away it is an error; with Redis away there is no
// Status.Tasks and no provider's rate is known.
func (w *Watch) Pools(ctx context.Context) ([]Status, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	began := time.Now()
	if began.Before(w.until) {
		return w.list, nil
	}
	list, err := w.look(ctx)
	if err != nil {
		return nil, err
	}
	took := time.Since(began)
	w.list, w.until = list, began.Add(took+max(fresh, min(rest*took, w.settings.Objective/atMost)))
	return list, nil
}

func (w *Watch) look(ctx context.Context) ([]Status, error) {
	l, err := w.record.Load(ctx, w.settings.Objective)
	if err != nil {
		return nil, fmt.Errorf("read what is owed: %w", err)
	}
	if w.rates != nil {
		if rates, err := w.rates(ctx); err == nil { // else unlimited: what is asked for is bounded all the same
			l.Rates = rates
		}
	}
	if tasks, err := w.queue(ctx, w.queues()); err == nil {
		l.Tasks = tasks
	}
	list := make([]Status, 0, len(w.settings.Pools))
	wanted := make(map[string]int, len(w.settings.Pools))
	for _, p := range w.settings.Pools {
		s := l.assess(p, w.settings)
		list = append(list, s)
		wanted[p.Name] = s.Wanted
		l.promised += max(s.Wanted-s.Replicas, 0)
	}
	most, err := w.record.Want(ctx, wanted, w.settings.Stable)
	if err != nil {
		return nil, fmt.Errorf("note what is wanted: %w", err)
	}
	l.promised = 0
	for i := range list {
		s := &list[i]
		s.settle(most[s.Pool], l.affordable(w.settings.Pools[i], s.Replicas, w.settings))
		l.promised += max(s.Desired-s.Replicas, 0)
	}
	return list, nil
}

// queues is every queue of a pool, once.
func (w *Watch) queues() []string {
	var names []string
	seen := map[string]bool{}
	for _, p := range w.settings.Pools {
		for _, name := range p.Queues {
			if !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}
