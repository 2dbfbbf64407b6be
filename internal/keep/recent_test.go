package keep

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// until is a load of a value that is good until a time.
func until[V any](v V, at time.Time) func(context.Context) (V, time.Time, error) {
	return func(context.Context) (V, time.Time, error) { return v, at, nil }
}

func TestRecentEnds(t *testing.T) {
	t.Parallel()
	start := time.Unix(1000, 0)
	r := NewRecent[string, int](10)
	get := func(now time.Time, fresh int) int {
		t.Helper()
		v, err := r.Get(t.Context(), "k", now, until(fresh, now.Add(time.Second)))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, step := range []struct {
		after       time.Duration
		fresh, want int
	}{{0, 1, 1}, {999 * time.Millisecond, 2, 1}, {time.Second, 3, 3}, {1999 * time.Millisecond, 4, 3}, {2 * time.Second, 5, 5}} {
		if got := get(start.Add(step.after), step.fresh); got != step.want {
			t.Errorf("after %s: %d, want %d", step.after, got, step.want)
		}
	}
}

func TestRecentForgetsErrors(t *testing.T) {
	t.Parallel()
	r, now, wrong := NewRecent[string, int](10), time.Unix(1000, 0), errors.New("no")
	if _, err := r.Get(t.Context(), "k", now, func(context.Context) (int, time.Time, error) { return 7, now.Add(time.Hour), wrong }); !errors.Is(err, wrong) {
		t.Error(err)
	}
	if v, err := r.Get(t.Context(), "k", now, until(8, now.Add(time.Hour))); v != 8 || err != nil {
		t.Errorf("%d, %v", v, err)
	}
}

// TestRecentIsBounded: never more than the limit, what is asked for often stays, and every answer is the key's own.
func TestRecentIsBounded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(2, 12).Draw(t, "limit")
		r, now := NewRecent[int, string](limit), time.Unix(1000, 0)
		for _, key := range rapid.SliceOf(rapid.IntRange(0, 30)).Draw(t, "keys") {
			for _, k := range []int{-1, key} {
				want := fmt.Sprint(k)
				got, err := r.Get(context.Background(), k, now, func(context.Context) (string, time.Time, error) {
					if k == -1 && len(r.young)+len(r.old) > 1 {
						t.Error("what is asked for each time was forgotten")
					}
					return want, now.Add(time.Hour), nil
				})
				if got != want || err != nil {
					t.Fatalf("%d: %q, %v", k, got, err)
				}
				if n := len(r.young) + len(r.old); n > limit+1 {
					t.Fatalf("%d are remembered of %d", n, limit)
				}
			}
		}
	})
}

// TestRecentLoadsOnce, however many ask; who leaves does not wait, and takes nothing away from the others.
func TestRecentLoadsOnce(t *testing.T) {
	t.Parallel()
	r, now := NewRecent[string, int](10), time.Unix(1000, 0)
	begun, finish := make(chan struct{}), make(chan struct{})
	first, leave := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() {
		_, _ = r.Get(first, "k", now, func(ctx context.Context) (int, time.Time, error) {
			close(begun)
			<-finish
			return 1, now.Add(time.Hour), ctx.Err()
		})
	})
	<-begun
	for range 20 {
		group.Go(func() {
			if v, err := r.Get(t.Context(), "k", now, until(2, now)); v != 1 || err != nil {
				t.Errorf("%d, %v", v, err)
			}
		})
	}
	gone, goNow := context.WithCancel(t.Context())
	goNow()
	if _, err := r.Get(gone, "k", now, until(3, now)); !errors.Is(err, context.Canceled) {
		t.Errorf("who left got %v", err)
	}
	leave()
	close(finish)
	group.Wait()
}
