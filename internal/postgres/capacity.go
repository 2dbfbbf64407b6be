package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/presswork/presswork/internal/capacity"
	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/tasks"
)

// Capacity reads what is owed, for autoscaling, and keeps what workers say of themselves. See capacity.Record.
type Capacity struct {
	db *DB

	mu        sync.Mutex
	audiences map[string]audience // estimated lately, by what they are in JSON
}

// NewCapacity makes a Capacity.
func NewCapacity(db *DB) *Capacity { return &Capacity{db: db, audiences: map[string]audience{}} }

// owed is what was read of everything that is owed.
type owed struct {
	batches []openBatches
	fanouts []openFanout
	coming  []coming
	places  map[string]int  // enabled channels by kind
	paused  map[string]bool // scopes
	lanes   map[[2]int16]bool
	readers int64 // the largest id of a subscriber
	events  bool  // some are not counted
}

// openBatches are those of a publication's channel and lane.
type openBatches struct {
	Publication                    int64
	Channel                        int16
	Lane                           tasks.Lane
	Going                          bool // the publication is sending
	Ready, Running, Retrying, Late float64
	Age                            time.Duration
}

// openFanout is a fan-out that goes on.
type openFanout struct {
	Lane     tasks.Lane
	Channels []int16
	Audience string // JSON, without whom it names
	Named    int64  // subscribers that the audience names, -1 if it does not
	Ranges   int64
	IDs      float64 // that are still to be looked at
	Age      time.Duration
}

// coming are publications that are not rendered yet.
type coming struct {
	Priority publication.Priority
	Channels []int16
	Audience string
	Named    int64
	Soon     bool // scheduled
	Count    float64
	Age      time.Duration
}

// expandPage is how many subscribers a task of fan-out takes (internal/worker).
const expandPage = 2000

// Load reads everything but the queue's side; see capacity.Record.
func (c *Capacity) Load(ctx context.Context, horizon time.Duration) (capacity.Load, error) {
	l := capacity.Load{Costs: map[string]capacity.Cost{}}
	o, err := c.read(ctx, horizon, &l)
	if err != nil {
		return l, translate(err, "read what is owed")
	}
	w := worklist{owed: o}
	for _, b := range o.batches {
		w.batches(b)
	}
	for _, f := range o.fanouts {
		size, err := c.sizeOf(ctx, f.Audience, f.Named)
		if err != nil {
			return l, err
		}
		w.fanout(f, size)
	}
	for _, p := range o.coming {
		size, err := c.sizeOf(ctx, p.Audience, p.Named)
		if err != nil {
			return l, err
		}
		w.coming(p, size)
	}
	if o.events {
		w.add(tasks.QueueAnalytics, capacity.Aggregate, w.stateOf(tasks.QueueAnalytics, capacity.Ready), 1, 0)
	}
	l.Work = w.list
	return l, nil
}

// worklist turns what was read into work by queue.
type worklist struct {
	owed *owed
	list []capacity.Work
}

func (w *worklist) add(queue, kind string, state capacity.State, units float64, age time.Duration) {
	if units > 0 {
		w.list = append(w.list, capacity.Work{Queue: queue, Kind: kind, State: state, Units: units, Age: age})
	}
}

// stateOf is the state, or Paused if the queue or everything is.
func (w *worklist) stateOf(queue string, state capacity.State) capacity.State {
	if w.owed.paused["all"] || w.owed.paused["queue:"+queue] {
		return capacity.Paused
	}
	return state
}

// sends adds messages of a channel and lane.
func (w *worklist) sends(channelID int16, lane tasks.Lane, state capacity.State, units float64, age time.Duration) {
	kind, err := channel.KindOf(channelID)
	if err != nil {
		return // of a newer build
	}
	queue, ok := capacity.SendQueue(string(kind), lane)
	if !ok {
		return
	}
	if w.owed.lanes[[2]int16{channelID, int16(lane)}] {
		state = capacity.Paused
	}
	w.add(queue, string(kind), w.stateOf(queue, state), units, age)
}

func (w *worklist) batches(b openBatches) {
	if !b.Going {
		w.sends(b.Channel, b.Lane, capacity.Paused, b.Ready+b.Retrying+b.Late, b.Age)
		w.sends(b.Channel, b.Lane, capacity.Running, b.Running, b.Age)
		return
	}
	w.sends(b.Channel, b.Lane, capacity.Ready, b.Ready, b.Age)
	w.sends(b.Channel, b.Lane, capacity.Running, b.Running, b.Age)
	w.sends(b.Channel, b.Lane, capacity.Retrying, b.Retrying, b.Age)
	w.sends(b.Channel, b.Lane, capacity.Later, b.Late, b.Age)
}

// fanout adds the recipients that are not expanded yet, if they lie as close among the ids that are left as among all.
func (w *worklist) fanout(f openFanout, size float64) {
	left := min(f.IDs/max(float64(w.owed.readers), 1), 1) * size
	queue := capacity.ExpandQueue(f.Lane)
	w.add(queue, capacity.Expand, w.stateOf(queue, capacity.Ready), max(float64(f.Ranges), left/expandPage), f.Age)
	for _, id := range f.Channels {
		if kind, err := channel.KindOf(id); err == nil && kind.Personal() {
			w.sends(id, f.Lane, capacity.Unexpanded, left, f.Age)
		}
	}
}

// coming adds what publications will make once they are rendered.
func (w *worklist) coming(p coming, size float64) {
	state, sending := capacity.Ready, capacity.Unexpanded
	if p.Soon {
		state, sending = capacity.Soon, capacity.Soon
	}
	unknown := publication.LaneOf(p.Priority, -1)
	queue := capacity.RenderQueue(unknown)
	w.add(queue, capacity.Render, w.stateOf(queue, state), p.Count, p.Age)
	lane, personal := publication.LaneOf(p.Priority, int(size)), false
	for _, id := range p.Channels {
		kind, err := channel.KindOf(id)
		if err != nil {
			continue
		}
		each := size
		if kind.Personal() {
			personal = true
		} else {
			each = float64(w.owed.places[string(kind)])
		}
		w.sends(id, lane, sending, p.Count*each, p.Age)
	}
	if personal {
		queue = capacity.ExpandQueue(lane)
		w.add(queue, capacity.Expand, w.stateOf(queue, state), p.Count*size/expandPage, p.Age)
	}
}

// audience is about how many subscribers an audience has.
type audience struct {
	size float64
	at   time.Time
}

// How long an estimate of an audience is good for, and how many are kept.
const (
	audienceFor  = time.Minute
	audiencesFew = 1000
)

// sizeOf is how many subscribers an audience has: those it names, or what the planner makes of its statistics, which
// reads no subscriber.
func (c *Capacity) sizeOf(ctx context.Context, text string, named int64) (float64, error) {
	if named >= 0 {
		return float64(named), nil
	}
	c.mu.Lock()
	known, ok := c.audiences[text]
	c.mu.Unlock()
	if ok && time.Since(known.at) < audienceFor {
		return known.size, nil
	}
	size, err := c.db.estimateAudience(ctx, text)
	if err != nil {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.audiences) >= audiencesFew {
		clear(c.audiences)
	}
	c.audiences[text] = audience{size: size, at: time.Now()}
	return size, nil
}
