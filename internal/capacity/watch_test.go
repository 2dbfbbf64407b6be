package capacity

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

var errAway = errors.New("away")

// fakeRecord knows what a test says.
type fakeRecord struct {
	load  Load
	takes time.Duration
	reads int
	most  int
	err   error
	wants error
}

func (f *fakeRecord) Load(context.Context, time.Duration) (Load, error) {
	f.reads++
	<-time.After(f.takes)
	return f.load, f.err
}

func (f *fakeRecord) Want(_ context.Context, wanted map[string]int, _ time.Duration) (map[string]int, error) {
	f.most = max(f.most, wanted["mail"])
	return map[string]int{"mail": f.most}, f.wants
}

func noTasks(context.Context, []string) (map[string]Tasks, error) { return nil, errAway }

func pools(t *testing.T, w *Watch) Status {
	t.Helper()
	list, err := w.Pools(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	return list[0]
}

func TestWatchAnswersFromMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &fakeRecord{load: send(Ready, 12_000)}
		w := NewWatch(settings(mail(0, 10)), r, nil, noTasks)
		if s := pools(t, w); s.Desired != 2 || s.Tasks != nil {
			t.Errorf("%+v", s)
		}
		pools(t, w)
		<-time.After(fresh)
		r.load, r.takes = send(Ready, 0), 100*time.Millisecond
		if s := pools(t, w); s.Desired != 2 || s.Wanted != 0 || r.reads != 2 {
			t.Errorf("%+v after %d reads", s, r.reads)
		}
		<-time.After(fresh)
		if pools(t, w); r.reads != 2 {
			t.Error("what took long is read again too soon")
		}
		<-time.After(rest * r.takes)
		if pools(t, w); r.reads != 3 {
			t.Error("it is never read again")
		}
	})
}

func TestWatchAsksTheProviders(t *testing.T) {
	t.Parallel()
	r := &fakeRecord{load: send(Ready, 1e6)}
	rates := func(context.Context) (map[string]float64, error) { return map[string]float64{"email": 14}, nil }
	tasks := func(_ context.Context, names []string) (map[string]Tasks, error) {
		return map[string]Tasks{names[0]: {Active: len(names)}}, nil
	}
	if s := pools(t, NewWatch(settings(mail(0, 10)), r, rates, tasks)); s.Desired != 1 || s.LimitedBy != ByProvider || s.Tasks.Active != 1 {
		t.Errorf("%+v", s)
	}
	away := func(context.Context) (map[string]float64, error) { return nil, errAway }
	if s := pools(t, NewWatch(settings(mail(0, 10)), &fakeRecord{load: send(Ready, 1e6)}, away, tasks)); s.Desired != 10 {
		t.Errorf("with the rates away: %+v", s)
	}
}

func TestWatchNeedsTheRecord(t *testing.T) {
	t.Parallel()
	for _, r := range []*fakeRecord{{err: errAway}, {wants: errAway}} {
		if _, err := NewWatch(settings(mail(0, 10)), r, nil, noTasks).Pools(t.Context()); !errors.Is(err, errAway) {
			t.Errorf("got %v", err)
		}
	}
}
