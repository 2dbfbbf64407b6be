package reconcile

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/subscriber"
)

var errSearch = errors.New("the search failed")

// erasing is a record whose search takes a second a range.
type erasing struct {
	Record
	ranges, searched int
	settle           time.Duration
	err              error
}

func (e *erasing) SearchErased(_ context.Context, settle time.Duration) (bool, error) {
	e.searched++
	e.settle = settle
	<-time.After(time.Second) // of the bubble that synctest makes
	return e.searched <= e.ranges, e.err
}

func (e *erasing) RunningErasures(context.Context) (subscriber.Erasures, error) {
	return subscriber.Erasures{Running: int64(e.searched), Oldest: time.Hour}, nil
}

// TestErasing goes on while there is something to be searched, rests three times as long as each range took, gives way to the next
// round after a while, and says what is left, also when it fails.
func TestErasing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		record   erasing
		searched int
		took     time.Duration
	}{
		"all of it":   {erasing{ranges: 2}, 3, 9 * time.Second},
		"a turn":      {erasing{ranges: 100}, 5, 20 * time.Second},
		"it fails":    {erasing{ranges: 2, err: errSearch}, 1, time.Second},
		"nothing yet": {erasing{}, 1, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				record := c.record
				r := New(nil, nil, func() {}, zap.NewNop())
				r.record = &record
				if r.Erasures() != (subscriber.Erasures{}) {
					t.Error("something is left before the first look")
				}
				began := time.Now()
				if err := r.erase(t.Context()); !errors.Is(err, c.record.err) {
					t.Error(err)
				}
				if took := time.Since(began); took != c.took || record.searched != c.searched || record.settle != 6*time.Minute {
					t.Errorf("%d ranges in %v, settled for %v", record.searched, took, record.settle)
				}
				if left := r.Erasures(); left.Running != int64(c.searched) || left.Oldest != time.Hour {
					t.Errorf("%+v is left", left)
				}
			})
		})
	}
}

// TestErasingEnds with the process, in the middle of a rest.
func TestErasingEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithTimeout(t.Context(), 2*time.Second)
		defer end()
		record := erasing{ranges: 100}
		r := New(nil, nil, func() {}, zap.NewNop())
		r.record = &record
		if err := r.erase(ctx); !errors.Is(err, context.DeadlineExceeded) || record.searched != 1 {
			t.Errorf("%d ranges, %v", record.searched, err)
		}
	})
}
