package app

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/capacity"
	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/postgres"
	"github.com/presswork/presswork/internal/queue"
	"github.com/presswork/presswork/tasks"
)

// heartbeat says every few seconds what the process's worker serves and what it measured, until it is stopped.
type heartbeat struct {
	app      *App
	record   *postgres.Capacity
	meter    *capacity.Meter
	slots    queue.Slots
	tasksOf  *queue.Worker // set before anything runs
	draining atomic.Bool
	now      chan struct{} // say so at once
}

func (a *App) newHeartbeat(slots queue.Slots) *heartbeat {
	h := &heartbeat{app: a, record: postgres.NewCapacity(a.db), slots: slots, now: make(chan struct{}, 1)}
	h.meter = capacity.NewMeter(h.atOnce)
	return h
}

// atOnce is how many of a kind of work the process does at a time.
func (h *heartbeat) atOnce(kind string) int {
	if k, err := channel.ParseKind(kind); err == nil {
		return h.app.connections(k.ID())
	}
	if kind == capacity.Aggregate {
		return h.slots.Bulk
	}
	return h.slots.Urgent // the smaller of both, whatever the lane
}

// watch measures the tasks.
func (h *heartbeat) watch(kind tasks.Kind, queueName string) func(time.Duration) {
	name, sends := strings.CutPrefix(string(kind), "send-")
	if kind == tasks.KindAggregateAnalytics {
		name = capacity.Aggregate
	}
	h.meter.Begin()
	return func(took time.Duration) { h.meter.End(name, sends, took, h.slots.Of(queueName)) }
}

// Drain is ops.Drainer's.
func (h *heartbeat) Drain() {
	if !h.draining.Swap(true) {
		h.app.Log.Info("draining: no new task is taken")
	}
	h.tasksOf.Pause()
	select {
	case h.now <- struct{}{}:
	default:
	}
}

// Draining is ops.Drainer's.
func (h *heartbeat) Draining() (told bool, inFlight int) { return h.draining.Load(), h.meter.Running() }

// run says how the worker is until ctx ends, then that it is gone.
func (h *heartbeat) run(ctx context.Context) {
	id, last := ident.New(), time.Now()
	tick := time.NewTicker(capacity.Period)
	defer tick.Stop()
	for {
		now := time.Now()
		h.say(ctx, id, now.Sub(last))
		last = now
		select {
		case <-ctx.Done():
			h.leave(ctx, id)
			return
		case <-tick.C:
		case <-h.now:
		}
	}
}

func (h *heartbeat) say(ctx context.Context, id ident.UID, elapsed time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, capacity.Period)
	defer cancel()
	m, stat := h.meter.Measure(elapsed), h.app.db.Stat()
	w := capacity.Worker{
		Queues: slices.Sorted(maps.Keys(h.app.Config.QueueWeights)), Draining: h.draining.Load(), Busy: m.Busy, PerSecond: m.PerSecond,
		DatabasePool: int(stat.Max), DatabaseOpen: int(stat.Acquired + stat.Idle),
	}
	if err := h.record.Say(ctx, id, processName(), w, m.Costs); err != nil && ctx.Err() == nil {
		h.app.Log.Warn("what this worker does could not be said", zap.Error(err))
	}
}

func (h *heartbeat) leave(ctx context.Context, id ident.UID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := h.record.Leave(ctx, id); err != nil {
		h.app.Log.Info("the worker's row stays until it is too old", zap.Error(err))
	}
}
