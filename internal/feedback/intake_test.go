package feedback

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presswork/presswork/internal/fault"
)

// memory is a store that notes its groups.
type memory struct {
	mu     sync.Mutex
	groups []int
	sweeps int
	err    error
	slow   time.Duration
}

func (m *memory) ApplyFeedback(_ context.Context, events []Event) ([]Result, error) {
	<-time.After(m.slow)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.groups = append(m.groups, len(events))
	results := make([]Result, len(events))
	for i := range results {
		results[i] = Applied
	}
	if m.err != nil {
		return nil, m.err
	}
	return results, nil
}

func (m *memory) SweepFeedback(context.Context, int) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweeps++
	return 0, m.err
}

// inBubble runs an intake on a store while do runs, under a clock of its own.
func inBubble(t *testing.T, store *memory, observe func(Kind, Result), do func(ctx context.Context, i *Intake)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		i := NewIntake(store, Options{Observe: observe})
		go i.Run(ctx)
		do(ctx, i)
		stop()
		synctest.Wait()
		if err := i.Take(t.Context(), make([]Event, 1)); !fault.Is(err, fault.Unavailable) {
			t.Errorf("taken after the end: %v", err)
		}
	})
}

func TestIntakeGroups(t *testing.T) {
	t.Parallel()
	store := &memory{slow: 10 * time.Millisecond}
	seen := 0
	inBubble(t, store, func(k Kind, r Result) {
		if k == Delivered && r == Applied {
			seen++
		}
	}, func(ctx context.Context, i *Intake) {
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if err := i.Take(ctx, []Event{{Kind: Delivered}, {Kind: Delivered}}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if err := i.Take(ctx, nil); err != nil {
			t.Error(err)
		}
		<-time.After(3500 * time.Millisecond)
		synctest.Wait()
	})
	if len(store.groups) > 3 || seen != 100 || store.sweeps != 3 {
		t.Errorf("groups of %v, %d seen, %d sweeps", store.groups, seen, store.sweeps)
	}
}

func TestIntakeFails(t *testing.T) {
	t.Parallel()
	store := &memory{err: errors.New("away"), slow: time.Second}
	inBubble(t, store, nil, func(ctx context.Context, i *Intake) {
		if err := i.Take(ctx, make([]Event, 1)); !fault.Is(err, fault.Unavailable) {
			t.Errorf("not stored, and said: %v", err)
		}
		hurried, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		if err := i.Take(hurried, make([]Event, 1)); !fault.Is(err, fault.Unavailable) {
			t.Errorf("not awaited, and said: %v", err)
		}
		<-time.After(2 * time.Second)
	})
}

func TestKinds(t *testing.T) {
	t.Parallel()
	for _, k := range Kinds() {
		if k.String() == "unknown" || k.String() == "" {
			t.Errorf("kind %d has no name", k)
		}
	}
	if Kind(0).String() != "unknown" || Kind(99).String() != "unknown" {
		t.Error("what is no kind has a name")
	}
	one, other := NewKey("a", "bc"), NewKey("ab", "c")
	if again := NewKey("a", "bc"); one == other || one != again {
		t.Error("keys do not tell words apart, or are not the same twice")
	}
}
