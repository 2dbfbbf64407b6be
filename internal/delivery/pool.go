package delivery

import "sync"

// lanes of a pool: critical, normal, bulk.
const laneCount = 3

// pool is the connections of one channel kind. Each takes the next window from the most urgent lane, in turn
// among the runs of a lane, so that a bulk run never keeps an urgent one waiting for more than the windows
// that are under way.
type pool struct {
	mu     sync.Mutex
	lanes  [laneCount][]*run
	active int
	max    int
	// flush and send are how long it takes to list a window and to send to one recipient of this kind of channel.
	flush *average
	send  average
	// stopped pools send nothing of a run that comes now.
	stopped bool
}

func newPool(connections int, flush *average) *pool {
	return &pool{max: max(1, connections), flush: flush}
}

func (p *pool) window() int { return windowOf(p.flush, &p.send) }

// add offers a run and starts as many connections as it can use.
func (p *pool) add(r *run) {
	size := p.window()
	r.pool = p
	p.mu.Lock()
	if p.stopped {
		p.mu.Unlock()
		r.stop(0)
		return
	}
	lane := min(max(int(r.batch.Lane), 0), laneCount-1)
	p.lanes[lane] = append(p.lanes[lane], r)
	start := min((r.left()+size-1)/size, p.max-p.active)
	p.active += max(start, 0)
	p.mu.Unlock()
	for range start {
		go p.connection()
	}
}

// take is the next window, nil if no run has anything left; the last connection to see that ends.
func (p *pool) take(size int) *window {
	p.mu.Lock()
	defer p.mu.Unlock()
	for lane := range p.lanes {
		for tries := len(p.lanes[lane]); tries > 0; tries-- {
			r := p.lanes[lane][0]
			w, held := r.take(size)
			p.lanes[lane] = p.lanes[lane][1:]
			if w != nil || held {
				p.lanes[lane] = append(p.lanes[lane], r)
			}
			if w != nil {
				return w
			}
		}
	}
	return nil
}

// leave ends a connection unless work came in meanwhile.
func (p *pool) leave() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ready() > 0 {
		return false
	}
	p.active--
	return true
}

// ready is how many recipients could be handed out now, with the lock held.
func (p *pool) ready() int {
	n := 0
	for _, runs := range p.lanes {
		for _, r := range runs {
			n += r.ready()
		}
	}
	return n
}

// wake starts connections for up to n recipients, for as many as there are if n is negative: a gate opened, or shut.
func (p *pool) wake(n int) {
	size := p.window()
	p.mu.Lock()
	start := 0
	if ready := p.ready(); ready > 0 {
		if n < 0 || n > ready {
			n = ready
		}
		start = max(0, min((n+size-1)/size, p.max-p.active))
	}
	p.active += start
	p.mu.Unlock()
	for range start {
		go p.connection()
	}
}

// connection sends windows until there are none. While one is being sent, the next is being listed.
func (p *pool) connection() {
	for {
		next := p.take(p.window())
		if next == nil {
			if p.leave() {
				return
			}
			continue
		}
		next.run.session.admit(next)
		for next != nil {
			current := next
			next = p.take(p.window())
			if next != nil {
				next.run.session.admit(next)
			}
			current.work()
		}
	}
}

// stop ends every run as soon as its windows under way are finished, and those that come at once.
func (p *pool) stop() {
	p.mu.Lock()
	p.stopped = true
	var runs []*run
	for _, lane := range p.lanes {
		runs = append(runs, lane...)
	}
	p.mu.Unlock()
	for _, r := range runs {
		r.stop(0)
	}
}
