package budget

import (
	"fmt"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/testkit/redistest"
	"github.com/presswork/presswork/tasks"
)

// TestWarmUp sends the day's number and no more, all processes together.
func TestWarmUp(t *testing.T) {
	t.Parallel()
	client := redistest.Client(t)
	c := outlet("warmup_start", time.Now().UTC().Format(time.DateOnly), "warmup_plan", "25,100")
	var total int
	for i := range 2 {
		target := process(t, client, fmt.Sprint(i)).Channel(c)
		w := newWoken()
		p, err := target.Enter(t.Context(), tasks.LaneBulk, 20, w.wake)
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		until(t, "what there is", func() bool {
			n, err := p.Take(20 - got)
			got += n
			return got == 20 || fault.CodeOf(err) == codeDay
		})
		total += got
		p.Leave()
		if i == 1 {
			_, err := target.Enter(t.Context(), tasks.LaneCritical, 1, w.wake)
			if _, err2 := target.Enter(t.Context(), tasks.LaneBulk, 1, w.wake); fault.CodeOf(err2) != codeDay {
				t.Errorf("once more: %v, %v", err, err2)
			}
		}
	}
	if total != 25 {
		t.Errorf("%d were sent, the plan says 25", total)
	}
}

// TestWarmUpLosesNothing that was taken for somebody and not used in time: it counts only who was sent to.
func TestWarmUpLosesNothing(t *testing.T) {
	t.Parallel()
	b := process(t, redistest.Client(t), "one")
	target := b.Channel(outlet("warmup_start", time.Now().UTC().Format(time.DateOnly), "warmup_plan", "25,25"))
	p, err := target.Enter(t.Context(), tasks.LaneBulk, 100, newWoken().wake)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Leave()
	total := 0
	until(t, "the day's number", func() bool {
		n, err := p.Take(1)
		total += n
		if n > 0 {
			target.mu.Lock()
			target.expires = 0 // a slow provider: the rest is void by now
			target.mu.Unlock()
		}
		return fault.CodeOf(err) == codeDay
	})
	if total != 25 {
		t.Errorf("%d were sent, the plan says 25", total)
	}
}

// TestAShareOfADayIsNeverNone, which would be no limit.
func TestAShareOfADayIsNeverNone(t *testing.T) {
	t.Parallel()
	b := process(t, goneRedis(t), "one")
	target := b.Channel(outlet("warmup_start", time.Now().UTC().Format(time.DateOnly), "warmup_plan", "5,5"))
	target.mu.Lock()
	target.workers = 9
	target.mu.Unlock()
	if n, _, _ := target.shared(2, 100); n != 1 {
		t.Errorf("%d of 5 for one of 9", n)
	}
	if n, _, why := target.shared(2, 100); n != 0 || why != "day" {
		t.Errorf("then %d, %q", n, why)
	}
}
