package attempt_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/provider/attempt"
)

// TestGate has room for three of 10 MB; a fourth waits for two seconds, or until one has left.
func TestGate(t *testing.T) {
	t.Parallel()
	const large = 10 << 20
	synctest.Test(t, func(t *testing.T) {
		g := attempt.NewGate()
		var leave []func()
		for range 3 {
			out, err := g.Enter(t.Context(), large)
			if err != nil {
				t.Fatal(err)
			}
			leave = append(leave, out)
		}
		began := time.Now()
		if _, err := g.Enter(t.Context(), large); !fault.Is(err, fault.Wait) || time.Since(began) != 2*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := g.Enter(ctx, large); !fault.Is(err, fault.Wait) {
			t.Errorf("one who left: %v", err)
		}
		out, err := g.Enter(t.Context(), 100<<10)
		if err != nil {
			t.Errorf("a small message: %v", err)
		}
		out()
		entered := make(chan error)
		go func() {
			out, err := g.Enter(t.Context(), 1<<40) // takes all of it
			if err == nil {
				out()
			}
			entered <- err
		}()
		synctest.Wait()
		for _, out := range leave {
			out()
		}
		if err := <-entered; err != nil {
			t.Error(err)
		}
	})
}
