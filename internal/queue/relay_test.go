package queue

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/testkit/redistest"
	"github.com/presswork/presswork/tasks"
)

// memoryOutbox holds rows until they are deleted.
type memoryOutbox struct {
	mu      sync.Mutex
	rows    []tasks.Committed
	failing error // of the next deletion
	reading error // of every read
	changed chan struct{}
}

func newOutbox(t testing.TB, n int) *memoryOutbox {
	t.Helper()
	o := &memoryOutbox{changed: make(chan struct{}, 1000)}
	for i := range int64(n) {
		o.rows = append(o.rows, tasks.Committed{Row: i, Task: batch(t, i, tasks.LaneNormal)})
	}
	return o
}

func (o *memoryOutbox) Outbox(_ context.Context, limit int) ([]tasks.Committed, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.rows[:min(limit, len(o.rows))]), o.reading
}

func (o *memoryOutbox) DeleteOutbox(_ context.Context, rows []int64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	defer func() { o.changed <- struct{}{} }()
	if err := o.failing; err != nil {
		o.failing = nil
		return err
	}
	o.rows = slices.DeleteFunc(o.rows, func(c tasks.Committed) bool { return slices.Contains(rows, c.Row) })
	return nil
}

func (o *memoryOutbox) left() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.rows)
}

// emptied waits until no row is left.
func (o *memoryOutbox) emptied() {
	for o.left() > 0 {
		<-o.changed
	}
}

// relay runs one until the test ends.
func relay(t testing.TB, o Outbox, q *Queue, every time.Duration, log *zap.Logger) *Relay {
	t.Helper()
	r := NewRelay(o, q, every, log)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { r.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	return r
}

// TestRelay moves more than a page, with nothing but the first poke to start it.
func TestRelay(t *testing.T) {
	t.Parallel()
	q := open(t)
	n := relayPage + 200
	o := newOutbox(t, n)
	r := relay(t, o, q, time.Hour, zap.NewNop())
	r.Poke()
	r.Poke() // never blocks
	r.Poke()
	o.emptied()
	if d := depth(t, q, tasks.QueueEmail); d.Pending != n {
		t.Errorf("%d tasks of %d rows", d.Pending, n)
	}
}

func TestTwoRelaysAtOnce(t *testing.T) {
	t.Parallel()
	q := open(t)
	o := newOutbox(t, 300)
	for range 2 {
		relay(t, o, q, time.Millisecond, zap.NewNop())
	}
	o.emptied()
	if d := depth(t, q, tasks.QueueEmail); d.Pending != 300 {
		t.Errorf("%d tasks of 300 rows", d.Pending)
	}
}

// TestRelayThatDiesBetweenEnqueuingAndDeleting leaves rows whose tasks are queued already.
func TestRelayThatDiesBetweenEnqueuingAndDeleting(t *testing.T) {
	t.Parallel()
	q := open(t)
	o := newOutbox(t, 20)
	o.failing = errors.New("the connection was lost")
	r := NewRelay(o, q, time.Hour, zap.NewNop())
	if n, err := r.step(t.Context()); err == nil || n != 0 || o.left() != 20 {
		t.Errorf("%d, %v, %d rows left", n, err, o.left())
	}
	if n, err := r.step(t.Context()); err != nil || n != 20 || o.left() != 0 {
		t.Errorf("%d, %v, %d rows left", n, err, o.left())
	}
	if d := depth(t, q, tasks.QueueEmail); d.Pending != 20 {
		t.Errorf("%d tasks, want 20", d.Pending)
	}
}

func TestRedisAwayLosesNothing(t *testing.T) {
	t.Parallel()
	g := newGate(t, redistest.New(t))
	q := openAt(t, g.address)
	g.set(true)
	o := newOutbox(t, 50)
	failed := make(chan struct{}, 1000)
	log := zap.NewNop().WithOptions(zap.WrapCore(func(zapcore.Core) zapcore.Core {
		return zapcore.RegisterHooks(zapcore.NewCore(zapcore.NewJSONEncoder(zapcore.EncoderConfig{}), zapcore.AddSync(discard{}), zap.WarnLevel),
			func(zapcore.Entry) error { failed <- struct{}{}; return nil })
	}))
	relay(t, o, q, time.Millisecond, log)
	<-failed
	<-failed
	if o.left() != 50 {
		t.Errorf("%d rows are left while Redis is away", o.left())
	}
	g.set(false)
	o.emptied()
	if d := depth(t, q, tasks.QueueEmail); d.Pending != 50 {
		t.Errorf("%d tasks, want 50", d.Pending)
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func TestRelayStepSaysWhatFailed(t *testing.T) {
	t.Parallel()
	g := newGate(t, redistest.New(t))
	q := openAt(t, g.address)
	g.set(true)
	o := newOutbox(t, 3)
	if n, err := NewRelay(o, q, time.Hour, zap.NewNop()).step(t.Context()); n != 0 || !fault.Is(err, fault.Unavailable) {
		t.Errorf("%d, %v", n, err)
	}
	o.reading = errors.New("no database")
	if n, err := NewRelay(o, q, time.Hour, zap.NewNop()).step(t.Context()); n != 0 || !errors.Is(err, o.reading) {
		t.Errorf("%d, %v", n, err)
	}
}

// What nobody waits for is gathered: the relay looks once for several, long before its period is over.
func TestRelayGathersWhatIsExpected(t *testing.T) {
	t.Parallel()
	q := open(t)
	o := newOutbox(t, 0)
	r := relay(t, o, q, time.Hour, zap.NewNop())
	for n := range int64(3) {
		o.mu.Lock()
		o.rows = append(o.rows, tasks.Committed{Row: n, Task: batch(t, n, tasks.LaneNormal)})
		o.mu.Unlock()
		r.Expect()
	}
	o.emptied()
	o.mu.Lock()
	o.rows = append(o.rows, tasks.Committed{Row: 9, Task: batch(t, 9, tasks.LaneNormal)})
	o.mu.Unlock()
	r.Expect()
	o.emptied()
}
