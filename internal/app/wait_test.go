package app

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
)

var errNotYet = errors.New("not yet")

// waitIn waits in a world whose clock is ours, and says how long that took there.
func waitIn(ctx context.Context, t *testing.T, each time.Duration, try func(context.Context) error) (time.Duration, error) {
	t.Helper()
	began := time.Now()
	err := waitFor(ctx, zap.NewNop(), "Teapot", each, try)
	return time.Since(began), err
}

func TestWaitUntilItWorks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		took, err := waitIn(t.Context(), t, tryTime, func(context.Context) error {
			if tries++; tries < 5 {
				return errNotYet
			}
			return nil
		})
		if err != nil || tries != 5 || took != 15*time.Second {
			t.Errorf("%v after %d tries and %s", err, tries, took)
		}
	})
}

func TestWaitEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		took, err := waitIn(t.Context(), t, tryTime, func(context.Context) error { tries++; return errNotYet })
		// 1 + 2 + 4 + 8 + 16 seconds, then 30 each.
		if !errors.Is(err, errNotYet) || !strings.Contains(err.Error(), "Teapot") || tries != 30 || took != (31+24*30)*time.Second {
			t.Errorf("%v after %d tries and %s", err, tries, took)
		}
	})
}

func TestWaitIsInterrupted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if took, err := waitIn(ctx, t, tryTime, func(context.Context) error { return errNotYet }); !errors.Is(err, context.DeadlineExceeded) || took != 10*time.Second {
			t.Errorf("%v after %s", err, took)
		}
	})
}

// TestTriesThatHangAreCut as long as they may take: a migration may take longer than a ping.
func TestTriesThatHangAreCut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, each := range []time.Duration{tryTime, schemaTime} {
			tries := 0
			took, err := waitIn(t.Context(), t, each, func(ctx context.Context) error {
				if tries++; tries > 1 {
					return nil
				}
				<-ctx.Done()
				return ctx.Err()
			})
			if err != nil || took != each+waitFirst {
				t.Errorf("%v after %s", err, took)
			}
		}
	})
}
