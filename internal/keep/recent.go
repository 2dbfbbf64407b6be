package keep

import (
	"context"
	"sync"
	"time"
)

// Recent remembers values until a time that comes with each. It holds at most limit of them, and forgets those that were
// not asked for lately first. It is safe for concurrent use.
type Recent[K comparable, V any] struct {
	limit int

	mu sync.Mutex
	// Two generations bound the memory without a list: when the young one is full, the old one is forgotten.
	young, old map[K]*recent[V]
}

// recent is a value that is there once done is closed; until is zero before.
type recent[V any] struct {
	done  chan struct{}
	value V
	err   error
	until time.Time
}

// NewRecent remembers at most limit values.
func NewRecent[K comparable, V any](limit int) *Recent[K, V] {
	return &Recent[K, V]{limit: limit, young: make(map[K]*recent[V])}
}

// Get is the value of a key, if it is remembered until a time after now. Otherwise load makes it, and says until when it is
// good: once, however many ask meanwhile, and not cut off when whoever asked first goes away. Its error is returned to
// all who waited and is not remembered.
func (r *Recent[K, V]) Get(ctx context.Context, key K, now time.Time, load func(context.Context) (V, time.Time, error)) (V, error) {
	r.mu.Lock()
	e := r.find(key, now)
	mine := e == nil
	if mine {
		e = &recent[V]{done: make(chan struct{}), err: errPanicked}
		r.put(key, e)
	}
	r.mu.Unlock()
	if mine {
		r.load(context.WithoutCancel(ctx), key, e, load)
	}
	select {
	case <-e.done:
		return e.value, e.err
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	}
}

// find is what is remembered, or being loaded; nil: neither. The lock is held.
func (r *Recent[K, V]) find(key K, now time.Time) *recent[V] {
	e, ok := r.young[key]
	if !ok {
		if e, ok = r.old[key]; !ok {
			return nil
		}
		r.put(key, e)
	}
	if !e.until.IsZero() && !now.Before(e.until) {
		return nil
	}
	return e
}

func (r *Recent[K, V]) put(key K, e *recent[V]) {
	if len(r.young) >= max(r.limit/2, 1) {
		r.old, r.young = r.young, make(map[K]*recent[V])
	}
	r.young[key] = e
}

func (r *Recent[K, V]) load(ctx context.Context, key K, e *recent[V], load func(context.Context) (V, time.Time, error)) {
	var until time.Time
	defer func() {
		r.mu.Lock()
		e.until = until
		if e.err != nil {
			for _, generation := range []map[K]*recent[V]{r.young, r.old} {
				if generation[key] == e {
					delete(generation, key)
				}
			}
		}
		r.mu.Unlock()
		close(e.done)
	}()
	e.value, until, e.err = load(ctx)
}
