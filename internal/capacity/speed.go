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

// Ahead is how many messages of a kind of channel would go before those of a new publication in a lane, at the most: all that
// is owed or due soon in that lane and in more urgent ones, but for what is paused.
func (l Load) Ahead(kind string, lane tasks.Lane) float64 {
	var queues []string
	for one := tasks.LaneCritical; one <= lane; one++ {
		if queue, ok := SendQueue(kind, one); ok {
			queues = append(queues, queue)
		}
	}
	n := 0.0
	for _, w := range l.Work {
		if w.Kind == kind && w.State < Later && slices.Contains(queues, w.Queue) {
			n += w.Units
		}
	}
	return n
}
