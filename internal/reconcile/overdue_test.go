package reconcile

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/queue"
	"github.com/presswork/presswork/tasks"
)

// sightings is a queue that sees of each task what a test wants.
type sightings struct {
	Queue
	sight map[string]queue.Sight
	found []queue.Findings
}

func (s *sightings) Look(_ context.Context, t tasks.Task) (queue.Sight, error) {
	return s.sight[t.ID], nil
}

func (s *sightings) Audit(context.Context) (queue.Findings, error) {
	first := s.found[0]
	s.found = s.found[1:]
	return first, nil
}

// nudged is a record that keeps what was decided about overdue work.
type nudged struct {
	Record
	overdue             []delivery.Overdue
	gone, waiting, died []string
}

func (n *nudged) Overdue(context.Context, time.Duration, int) ([]delivery.Overdue, error) {
	return n.overdue, nil
}

func (n *nudged) NoteCrashes(_ context.Context, died []delivery.Overdue) (int, error) {
	n.died = append(n.died, ids(died)...)
	return len(died), nil
}

func (n *nudged) Renudge(_ context.Context, gone, waiting []delivery.Overdue) error {
	n.gone, n.waiting = append(n.gone, ids(gone)...), append(n.waiting, ids(waiting)...)
	return nil
}

func ids(list []delivery.Overdue) []string {
	names := make([]string, 0, len(list))
	for _, o := range list {
		names = append(names, o.Task.ID)
	}
	return names
}

func TestOverdueWorkIsLookedUp(t *testing.T) {
	t.Parallel()
	q := &sightings{sight: map[string]queue.Sight{"gone": queue.Gone, "blocked": queue.Blocked, "waiting": queue.Waiting,
		"running": queue.Running, "abandoned": queue.Abandoned}}
	record := &nudged{}
	for id := range q.sight {
		record.overdue = append(record.overdue, delivery.Overdue{Task: tasks.Task{ID: id}})
	}
	r := New(record, q, func() {}, zap.NewNop())
	if err := r.overdue(t.Context()); err != nil {
		t.Fatal(err)
	}
	slices.Sort(record.gone)
	if got := fmt.Sprint(record.gone, record.waiting, record.died); got != "[abandoned blocked gone] [waiting] [abandoned]" {
		t.Errorf("nudged, marked and counted: %s", got)
	}
	if r.Behind() != 3 || r.Findings() != 1 {
		t.Errorf("behind by %d, %d findings", r.Behind(), r.Findings())
	}
	record.overdue = nil
	if err := r.overdue(t.Context()); err != nil || r.Behind() != 0 || r.Findings() != 0 {
		t.Errorf("at rest: behind by %d, %d findings, %v", r.Behind(), r.Findings(), err)
	}
}

func TestFindingsAreThoseOfTheLastRound(t *testing.T) {
	t.Parallel()
	q := &sightings{found: []queue.Findings{{Leaseless: 1, Bodiless: 2, Stray: 3}, {}}}
	poked := 0
	r := New(nil, q, func() { poked++ }, zap.NewNop())
	for _, want := range []int64{6, 0} {
		if err := r.audit(t.Context()); err != nil || r.Findings() != want {
			t.Errorf("%d findings, %v; want %d", r.Findings(), err, want)
		}
	}
	if poked != 1 || r.Mended() != 6 {
		t.Errorf("poked %d times, %d mended", poked, r.Mended())
	}
}
