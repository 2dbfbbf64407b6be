// Package reconcile closes every gap between what PostgreSQL knows and what the queue does: it takes over
// sessions of processes that died, notices a Redis that lost or restored its data, nudges what is owed and not
// queued, starts what is due, and completes what nobody completed. Any number may run at once.
package reconcile

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/queue"
	"github.com/presswork/presswork/internal/reputation"
	"github.com/presswork/presswork/internal/subscriber"
	"github.com/presswork/presswork/tasks"
)

// Record is the database's side.
type Record interface {
	TakeOver(ctx context.Context) (*delivery.Takeover, error)
	Beat(ctx context.Context, period time.Duration) (int64, error)
	QueueLost(ctx context.Context) error
	LostAt(ctx context.Context) (at time.Time, ever bool, err error)
	RenudgeLost(ctx context.Context) (int, error)
	Feed(ctx context.Context) (int, error)
	Overdue(ctx context.Context, patience time.Duration, limit int) ([]delivery.Overdue, error)
	Renudge(ctx context.Context, gone, waiting []delivery.Overdue) error
	NoteCrashes(ctx context.Context, died []delivery.Overdue) (paused int, err error)
	QueueDue(ctx context.Context) (int, error)
	ReleaseDue(ctx context.Context) (int, error)
	AdvanceOpen(ctx context.Context) error
	PausedQueues(ctx context.Context) ([]string, error)
	Maintain(ctx context.Context) error
	MakePartitions(ctx context.Context) error
	PurgeMessages(ctx context.Context, keep time.Duration) (int64, error)
	PurgeSnapshots(ctx context.Context, keep time.Duration) (int64, error)
	ResendUncertain(ctx context.Context) (resent int, more bool, err error)
	StepReplay(ctx context.Context) (reopened int, stepped bool, err error)
	SweepReopened(ctx context.Context) error
	WatchReputation(ctx context.Context) ([]reputation.Paused, error)
	ReputationWindows(ctx context.Context) ([]reputation.Window, error)
	ReputationPolicy(ctx context.Context) (reputation.Policy, error)
	FailingSenders(ctx context.Context) (int64, error)
	SearchErased(ctx context.Context, settle time.Duration) (more bool, err error)
	RunningErasures(ctx context.Context) (subscriber.Erasures, error)
	AuditLog
	ConsentLog
}

// Queue is the queue's side.
type Queue interface {
	Canary(ctx context.Context) (int64, error)
	SetCanary(ctx context.Context, n int64) error
	Look(ctx context.Context, t tasks.Task) (queue.Sight, error)
	Audit(ctx context.Context) (queue.Findings, error)
	Enqueue(ctx context.Context, t tasks.Task) error
	SetPaused(ctx context.Context, name string, paused bool) error
}

// Periods of the loops, and how long ago a nudge must be before somebody asks whether the queue still has it. What
// still waits there is not overdue, however long the queue.
const (
	quickPeriod   = 500 * time.Millisecond
	canaryPeriod  = 2 * time.Second
	overduePeriod = 5 * time.Second
	auditPeriod   = 10 * time.Second
	statPeriod    = 5 * time.Second
	slowPeriod    = time.Hour
	// A partition of the ledger has a million publications, and each message is one.
	partitionPeriod = 30 * time.Second
	patience        = 30 * time.Second
	overduePage     = 1000
	// stepTime bounds one step of a loop: a connection that died without a word would hold the loop up for good. A
	// step that was cut short goes on with the next.
	stepTime = time.Minute
)

// Reconciler runs the loops.
type Reconciler struct {
	record  Record
	queue   Queue
	poke    func() // the outbox relay
	log     *zap.Logger
	behind  atomic.Int64    // nudges that a loss of the queue cost, in the last round
	gone    atomic.Int64    // overdue work that the last look did not find in the queue
	found   atomic.Int64    // what the auditor mended in its last round
	mended  atomic.Int64    // what it ever did
	blocked atomic.Int64    // overdue work that the last look found blocked by an archived task
	healed  time.Time       // the loss of the queue that was mended last
	paused  map[string]bool // queues that may be paused in the queue
	looked  time.Time       // the loss of the queue after which all of them were looked at

	resent, replayed atomic.Int64

	stopped  map[reputation.Cause]*atomic.Int64 // publications paused for how they were received
	received atomic.Pointer[Received]
	erasures atomic.Pointer[subscriber.Erasures]

	auditLog, consentLog sealedLog
	auditKept            time.Duration // 0: for ever
	messagesKept         time.Duration // 0: for ever
	snapshotsKept        time.Duration // 0: for ever
}

// New makes a Reconciler; poke tells the outbox relay that there is work.
func New(record Record, queue Queue, poke func(), log *zap.Logger) *Reconciler {
	r := &Reconciler{record: record, queue: queue, poke: poke, log: log, paused: make(map[string]bool),
		stopped: make(map[reputation.Cause]*atomic.Int64)}
	for _, cause := range reputation.Causes() {
		r.stopped[cause] = new(atomic.Int64)
	}
	if record != nil { // tests of what is the queue's have none
		r.auditLog.find, r.auditLog.seal, r.auditLog.look = record.AuditHorizon, record.SealAudit, record.AuditBacklog
		r.consentLog.find, r.consentLog.seal, r.consentLog.look = record.ConsentHorizon, record.SealConsent, record.ConsentBacklog
	}
	r.suspectAll()
	return r
}

// KeepMessages has the recipients and the data of old messages removed; by default none are. Call it before Run.
func (r *Reconciler) KeepMessages(keep time.Duration) { r.messagesKept = keep }

func (r *Reconciler) purgeMessages(ctx context.Context) error {
	for removed := int64(1); r.messagesKept > 0 && removed > 0; {
		var err error
		if removed, err = r.record.PurgeMessages(ctx, r.messagesKept); err != nil {
			return err
		}
	}
	return nil
}

// KeepSnapshots has old snapshots of segments removed; by default only those are that were given up. Call it before Run.
func (r *Reconciler) KeepSnapshots(keep time.Duration) { r.snapshotsKept = keep }

func (r *Reconciler) purgeSnapshots(ctx context.Context) error {
	for removed := int64(1); removed > 0; {
		var err error
		if removed, err = r.record.PurgeSnapshots(ctx, r.snapshotsKept); err != nil {
			return err
		}
	}
	return nil
}

// suspectAll takes every queue for one that may be paused: the next look finds out.
func (r *Reconciler) suspectAll() {
	for name := range tasks.Queues() {
		r.paused[name] = true
	}
}

// Behind is how many nudges the last rounds found missing; at rest it is 0.
func (r *Reconciler) Behind() int64 { return r.behind.Load() + r.gone.Load() }

// Run reconciles until ctx ends.
func (r *Reconciler) Run(ctx context.Context) {
	loops := []struct {
		name  string
		every time.Duration
		step  func(context.Context) error
	}{
		{"schedules", quickPeriod, r.schedules},
		{"deferred", quickPeriod, r.deferred},
		{"completion", quickPeriod, r.record.AdvanceOpen},
		{"takeover", quickPeriod, r.takeover},
		{"canary", canaryPeriod, r.canary},
		{"nudges", quickPeriod, r.nudges},
		{"feed", quickPeriod, r.feed},
		{"overdue", overduePeriod, r.overdue},
		{"auditor", auditPeriod, r.audit},
		{"analytics", statPeriod, r.analytics},
		{"pauses", quickPeriod, r.pauses},
		{"maintenance", slowPeriod, r.record.Maintain},
		{"uncertain", quickPeriod, r.uncertain},
		{"replays", quickPeriod, r.replays},
		{"reopened", slowPeriod, r.record.SweepReopened},
		{"reputation", statPeriod, r.watch},
		{"received", receivedPeriod, r.lookReceived},
		{"audit", sealPeriod, r.auditLog.step},
		{"consent", sealPeriod, r.consentLog.step},
		{"audit retention", slowPeriod, r.purge},
		{"partitions", partitionPeriod, r.record.MakePartitions},
		{"message retention", slowPeriod, r.purgeMessages},
		{"erasures", erasePeriod, r.erase},
		{"snapshot retention", slowPeriod, r.purgeSnapshots},
	}
	var wg sync.WaitGroup
	for _, l := range loops {
		wg.Go(func() { r.loop(ctx, l.name, l.every, l.step) })
	}
	wg.Wait()
}

func (r *Reconciler) loop(ctx context.Context, name string, every time.Duration, step func(context.Context) error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for ctx.Err() == nil { // of an end and a tick at once, select takes either
		if err := bounded(ctx, step); err != nil && ctx.Err() == nil {
			r.log.Warn("reconciling failed, trying again", zap.String("loop", name), zap.Error(err))
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

func bounded(ctx context.Context, step func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	return step(ctx)
}

func (r *Reconciler) schedules(ctx context.Context) error {
	n, err := r.record.QueueDue(ctx)
	if n > 0 {
		r.poke()
	}
	return err
}

// deferred has those sent to whose time has come.
func (r *Reconciler) deferred(ctx context.Context) error {
	n, err := r.record.ReleaseDue(ctx)
	if n > 0 {
		r.poke()
	}
	return err
}

func (r *Reconciler) takeover(ctx context.Context) error {
	for {
		t, err := r.record.TakeOver(ctx)
		if err != nil || t == nil {
			return err
		}
		r.log.Warn("sender session taken over", zap.Int64("session", t.Session), zap.String("process", t.Process),
			zap.Int("uncertain", t.Uncertain), zap.Int("batches", t.Batches))
		r.poke()
	}
}

// canary compares the two canaries. Redis is read first: while it is away nothing is raised, so that coming
// back unharmed is not taken for a loss.
func (r *Reconciler) canary(ctx context.Context) error {
	held, err := r.queue.Canary(ctx)
	if err != nil {
		return err
	}
	n, err := r.record.Beat(ctx, canaryPeriod-canaryPeriod/4)
	if err != nil || n == 0 {
		return err
	}
	if n > 1 && held < n-1 {
		r.log.Warn("the queue lost what it held, nudging everything again", zap.Int64("canary", held), zap.Int64("expected", n-1))
		if err := r.record.QueueLost(ctx); err != nil {
			return err
		}
	}
	return r.queue.SetCanary(ctx, n)
}

// nudges looks at everything that is owed, but only after the queue was lost, until all is nudged again.
func (r *Reconciler) nudges(ctx context.Context) error {
	at, ever, err := r.record.LostAt(ctx)
	if err != nil {
		return err
	}
	total := 0
	for ever && !at.Equal(r.healed) {
		n, err := r.record.RenudgeLost(ctx)
		if err != nil {
			return err
		}
		if n == 0 {
			r.healed = at
		}
		total += n
		r.poke()
	}
	r.behind.Store(int64(total))
	return nil
}

func (r *Reconciler) analytics(ctx context.Context) error {
	t, err := tasks.New(tasks.NewAggregateAnalytics(time.Now().Truncate(statPeriod)), tasks.LaneNormal)
	if err != nil {
		return err
	}
	return r.queue.Enqueue(ctx, t)
}

// pauses makes the queue's own pauses follow the record, also after the queue lost them, or came back with old ones.
func (r *Reconciler) pauses(ctx context.Context) error {
	at, ever, err := r.record.LostAt(ctx)
	if err != nil {
		return err
	}
	if ever && !at.Equal(r.looked) {
		r.suspectAll()
		r.looked = at
	}
	names, err := r.record.PausedQueues(ctx)
	if err != nil {
		return err
	}
	wanted := make(map[string]bool, len(names))
	for _, name := range names {
		wanted[name] = true
		r.paused[name] = true
	}
	for name := range r.paused {
		if err := r.queue.SetPaused(ctx, name, wanted[name]); err != nil {
			return err
		}
		if !wanted[name] {
			delete(r.paused, name)
		}
	}
	return nil
}
