// Package keep remembers values that never change (Values): a compiled edition, what a template's version needs. Such a
// value needs no expiry and no word from other processes, only a key that says everything about it and a bound. Recent
// remembers those that do change, each for a time of its own.
package keep

import (
	"context"
	"errors"
	"sync"
)

// Values remembers values by key, up to a weight; the oldest go first. It is safe for concurrent use.
type Values[K comparable, V any] struct {
	limit int
	weigh func(V) int

	mu    sync.Mutex
	known map[K]*entry[V]
	order []loaded[K] // oldest first; what is being loaded is not in it yet
	total int
}

// entry is a value that is there once done is closed.
type entry[V any] struct {
	done  chan struct{}
	value V
	err   error
}

type loaded[K comparable] struct {
	key    K
	weight int
}

// New remembers values of up to limit in all. weigh is the weight of one, at least 1; nil: each weighs 1.
func New[K comparable, V any](limit int, weigh func(V) int) *Values[K, V] {
	if weigh == nil {
		weigh = func(V) int { return 1 }
	}
	return &Values[K, V]{limit: limit, weigh: weigh, known: make(map[K]*entry[V])}
}

// errPanicked is what those get who waited for a load that panicked.
var errPanicked = errors.New("loading a value panicked")

// Get is the value of a key. If it is not known, load makes it: once, however many ask meanwhile, and not cut off
// when whoever asked first goes away. Its error is returned to all who waited and is not remembered.
func (v *Values[K, V]) Get(ctx context.Context, key K, load func(context.Context) (V, error)) (V, error) {
	v.mu.Lock()
	e, ok := v.known[key]
	if !ok {
		e = &entry[V]{done: make(chan struct{}), err: errPanicked}
		v.known[key] = e
	}
	v.mu.Unlock()
	if !ok {
		v.load(context.WithoutCancel(ctx), key, e, load)
	}
	select {
	case <-e.done:
		return e.value, e.err
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	}
}

func (v *Values[K, V]) load(ctx context.Context, key K, e *entry[V], load func(context.Context) (V, error)) {
	defer func() {
		v.settle(key, e)
		close(e.done)
	}()
	e.value, e.err = load(ctx)
}

// settle makes room for a value that was loaded, or forgets the attempt.
func (v *Values[K, V]) settle(key K, e *entry[V]) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if e.err != nil {
		delete(v.known, key)
		return
	}
	one := loaded[K]{key, max(v.weigh(e.value), 1)}
	v.order = append(v.order, one)
	for v.total += one.weight; v.total > v.limit; v.order = v.order[1:] {
		v.total -= v.order[0].weight
		delete(v.known, v.order[0].key)
	}
}
