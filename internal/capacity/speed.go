package capacity

import (
	"math"
	"slices"

	"github.com/presswork/presswork/tasks"
)

// PerSecond is how many messages of a kind of channel leave a second, if there is enough to send: what the workers that take
// them were measured to do, bounded by what the providers let through. It is false if that is not known: nobody takes them,
// or nothing was sent yet and the providers have no limit.
func (l Load) PerSecond(kind string) (rate float64, known bool) {
	queue, ok := SendQueue(kind, tasks.LaneNormal)
	if !ok {
		return 0, false
	}
	live := 0
	for _, w := range l.Workers {
		if !w.Draining && slices.Contains(w.Queues, queue) {
			live++
		}
	}
	rate = l.rate(kind)
	if c, measured := l.Costs[kind]; measured && c.Worker > 0 {
		rate = min(rate, float64(live)/c.Worker)
	}
	return rate, live > 0 && !math.IsInf(rate, 1)
}
