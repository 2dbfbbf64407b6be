package queue

import (
	"context"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/capacity"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/testkit/redistest"
	"github.com/presswork/presswork/tasks"
)

func TestTasks(t *testing.T) {
	t.Parallel()
	q := open(t)
	later := batch(t, 3, tasks.LaneNormal)
	later.NotBefore = time.Now().Add(time.Hour)
	enqueue(t, q, batch(t, 1, tasks.LaneNormal), batch(t, 2, tasks.LaneNormal), later, batch(t, 4, tasks.LaneBulk))
	got, err := q.Tasks(t.Context(), []string{tasks.QueueEmail, tasks.QueueEmailBulk, tasks.QueueSlack})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]capacity.Tasks{tasks.QueueEmail: {Pending: 2, Scheduled: 1}, tasks.QueueEmailBulk: {Pending: 1}, tasks.QueueSlack: {}}
	for name, n := range want {
		if got[name] != n {
			t.Errorf("%s: %+v, want %+v", name, got[name], n)
		}
	}
}

func TestTasksWithRedisAway(t *testing.T) {
	t.Parallel()
	way := newGate(t, redistest.New(t))
	q := openAt(t, way.address)
	way.set(true)
	if _, err := q.Tasks(t.Context(), []string{tasks.QueueEmail}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v", err)
	}
}

// TestTasksAreWatched from their beginning to their end, with the slots that they share.
func TestTasksAreWatched(t *testing.T) {
	t.Parallel()
	q := open(t)
	slots := Slots{Urgent: 3, Bulk: 7}
	type seen struct {
		kind  tasks.Kind
		slots int
	}
	begun, ended := make(chan seen, 2), make(chan time.Duration, 2)
	h := NewHandlers(nil)
	h.Watch(func(kind tasks.Kind, queue string) func(time.Duration) {
		begun <- seen{kind, slots.Of(queue)}
		return func(took time.Duration) { ended <- took }
	})
	Handle(h, func(context.Context, tasks.SendEmail) error { return nil })
	enqueue(t, q, batch(t, 1, tasks.LaneCritical), batch(t, 2, tasks.LaneBulk))
	work(t, q, tasks.Queues(), slots, h)
	sum := 0
	for range 2 {
		s := <-begun
		sum += s.slots
		if took := <-ended; took <= 0 || s.kind != tasks.KindSendEmail {
			t.Errorf("%v took %s", s, took)
		}
	}
	if sum != 10 {
		t.Errorf("slots add up to %d, want 3 and 7", sum)
	}
}
