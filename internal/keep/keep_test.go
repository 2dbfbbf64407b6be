package keep

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestManyAskOneLoads(t *testing.T) {
	t.Parallel()
	values := New[string, int](10, nil)
	var loads atomic.Int64
	began, hold := make(chan struct{}), make(chan struct{})
	load := func(context.Context) (int, error) {
		loads.Add(1)
		close(began)
		<-hold
		return 7, nil
	}
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if got, err := values.Get(t.Context(), "k", load); got != 7 || err != nil {
				t.Errorf("%d, %v", got, err)
			}
		})
	}
	<-began
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := values.Get(gone, "k", load); !errors.Is(err, context.Canceled) {
		t.Errorf("one who left got %v", err)
	}
	close(hold)
	group.Wait()
	if n := loads.Load(); n != 1 {
		t.Errorf("%d loads", n)
	}
}

// Whoever asks first may leave: the others get what was begun for them.
func TestLoadingOutlivesWhoAskedFirst(t *testing.T) {
	t.Parallel()
	values := New[string, int](10, nil)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, _ = values.Get(gone, "k", func(ctx context.Context) (int, error) { return 1, ctx.Err() })
	got, err := values.Get(t.Context(), "k", func(context.Context) (int, error) { return 0, errors.New("asked again") })
	if got != 1 || err != nil {
		t.Errorf("%d, %v", got, err)
	}
}

func TestErrorsAndPanicsAreForgotten(t *testing.T) {
	t.Parallel()
	values := New[string, int](10, nil)
	broken := errors.New("broken")
	if _, err := values.Get(t.Context(), "k", func(context.Context) (int, error) { return 0, broken }); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = values.Get(t.Context(), "k", func(context.Context) (int, error) { panic("no") })
	}()
	if got, err := values.Get(t.Context(), "k", func(context.Context) (int, error) { return 3, nil }); got != 3 || err != nil {
		t.Errorf("%d, %v", got, err)
	}
}

// Whatever is asked for, each answer is the key's own, and what is kept stays within the limit.
func TestBounded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 20).Draw(t, "limit")
		values := New[int](limit, func(n int) int { return n })
		last, fits := -1, false
		for _, key := range rapid.SliceOf(rapid.IntRange(0, 25)).Draw(t, "keys") {
			loads := 0
			got, err := values.Get(t.Context(), key, func(context.Context) (int, error) { loads++; return key, nil })
			if got != key || err != nil {
				t.Fatalf("%d is %d, %v", key, got, err)
			}
			if key == last && fits && loads != 0 {
				t.Fatalf("%d was forgotten at once", key)
			}
			last, fits = key, max(key, 1) <= limit
			total := 0
			for _, one := range values.order {
				total += one.weight
			}
			if total != values.total || total > limit || len(values.known) != len(values.order) {
				t.Fatalf("%d of %d, %d known, %d in order", total, limit, len(values.known), len(values.order))
			}
		}
	})
}
