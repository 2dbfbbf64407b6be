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
	return map[string]int{"mail": f.most, "chat": wanted["chat"]}, f.wants
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
		<-time.After(rest * r.takes)
		r.takes = time.Minute
		if pools(t, w); r.reads != 4 {
			t.Error("it is never read again")
		}
		<-time.After(w.settings.Objective / atMost)
		if pools(t, w); r.reads != 5 {
			t.Error("a look that took long keeps an answer alive for longer than the objective allows")
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

// TestPoolsShareTheDatabase: what one may start, and what another's workers may yet open, is not there for the next.
func TestPoolsShareTheDatabase(t *testing.T) {
	t.Parallel()
	chat := Pool{Name: "chat", Queues: []string{"slack"}, Max: 10}
	for name, tc := range map[string]struct {
		mailers, wantMail, wantChat int // there are 9 workers' worth of connections
		backlog                     float64
	}{
		"the first takes all but one": {0, 9, 1, 1e6},
		"both have room":              {0, 4, 5, 20_000},
		"those that live keep theirs": {6, 6, 3, 20_000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := send(Ready, tc.backlog).room(100, 2*tc.mailers)
			l.Work = append(l.Work, Work{Queue: "slack", Kind: "slack", Units: 1e6})
			for range tc.mailers {
				l.Workers = append(l.Workers, Worker{Queues: []string{"email"}, Busy: 0.8, DatabasePool: 10, DatabaseOpen: 2})
			}
			s := settings(mail(0, 10))
			s.Pools = append(s.Pools, chat)
			list, err := NewWatch(s, &fakeRecord{load: l}, nil, noTasks).Pools(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if list[0].Desired != tc.wantMail || list[1].Desired != tc.wantChat || list[1].LimitedBy != ByDatabase {
				t.Errorf("%d and %d by %s, want %d and %d", list[0].Desired, list[1].Desired, list[1].LimitedBy, tc.wantMail, tc.wantChat)
			}
		})
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
