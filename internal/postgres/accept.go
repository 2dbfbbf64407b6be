package postgres

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/telemetry"
)

const (
	// maxGroup is how many waiting publications one statement stores.
	maxGroup = 128
	// committers is how many groups are under way at once: while one waits for the disk, the next is sent.
	committers = 2
	// acceptTimeout is longer than the statement timeout, so that the server's word comes first.
	acceptTimeout = 15 * time.Second
)

// Acceptor stores publications in groups: those that wait while a group is being committed make up the
// next one, so that they share its flush to disk. A lone publication is stored at once.
type Acceptor struct {
	db      *DB
	stored  func()
	waiting chan *acceptance
	stopped chan struct{}
}

// NewAcceptor makes an acceptor; Run makes it work. stored, if not nil, is called after a group with work
// for the queue was committed: it must return at once.
func NewAcceptor(db *DB, stored func()) *Acceptor {
	if stored == nil {
		stored = func() {}
	}
	return &Acceptor{db: db, stored: stored, waiting: make(chan *acceptance), stopped: make(chan struct{})}
}

// Run stores what Accept hands it until ctx ends, finishes the groups that are under way and returns. It
// is called once.
func (a *Acceptor) Run(ctx context.Context) {
	var group sync.WaitGroup
	for range committers {
		group.Go(func() { a.commitGroups(ctx) })
	}
	group.Wait()
	close(a.stopped)
}

// acceptance is a submission that waits for its answer.
type acceptance struct {
	publication.Submission
	uid                ident.UID
	actor, correlation string
	trace              string // the span that the publication follows from
	answer             chan answer
	same               []*acceptance // those with an equal key, merged into this one
}

type answer struct {
	accepted publication.Accepted
	err      error
}

// Accept stores a publication with its audit row and, unless it is scheduled, its first task. When it
// returns without an error the publication is durable. The actor and the correlation id come from ctx.
//
// With a key, a repetition within 24 hours gives the first answer again, with Replay; the same key with
// another digest is an Invalid error. If ctx ends early, the publication may be stored all the same.
func (a *Acceptor) Accept(ctx context.Context, s publication.Submission) (publication.Accepted, error) {
	ctx, span := startSpan(ctx, a.db.tracer, "store a publication")
	defer span.End() // its statement is shared with others, and in no trace
	one := &acceptance{
		Submission: s, uid: ident.New(), answer: make(chan answer, 1),
		actor: audit.Actor(ctx), correlation: telemetry.Correlation(ctx), trace: telemetry.TraceParent(ctx),
	}
	select {
	case a.waiting <- one:
	case <-a.stopped:
		return publication.Accepted{}, fault.New(fault.Unavailable, "stopping", "The server is stopping.")
	case <-ctx.Done():
		return publication.Accepted{}, translate(ctx.Err(), "wait to store a publication")
	}
	select {
	case got := <-one.answer:
		return got.accepted, got.err
	case <-ctx.Done():
		return publication.Accepted{}, translate(ctx.Err(), "store a publication")
	}
}

func (a *Acceptor) commitGroups(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case first := <-a.waiting:
			work, cancel := context.WithTimeout(context.WithoutCancel(ctx), acceptTimeout)
			a.commit(work, a.gather(first))
			cancel()
		}
	}
}

// gather adds everyone who waits already: it never waits for another.
func (a *Acceptor) gather(first *acceptance) []*acceptance {
	group := []*acceptance{first}
	for len(group) < maxGroup {
		select {
		case next := <-a.waiting:
			group = append(group, next)
		default:
			return group
		}
	}
	return group
}

// commit stores a group and answers everyone in it.
func (a *Acceptor) commit(ctx context.Context, group []*acceptance) {
	leaders := merge(group)
	answers := a.db.accept(ctx, leaders)
	nudge := false
	for i, leader := range leaders {
		leader.reply(answers[i])
		nudge = nudge || answers[i].err == nil && answers[i].accepted.State() == publication.Queued
	}
	if nudge {
		a.stored()
	}
}

// merge leaves one acceptance of each key, in the order of the keys: two groups that share keys wait for
// each other instead of deadlocking.
func merge(group []*acceptance) []*acceptance {
	type key struct{ actor, route, key string }
	first := make(map[key]*acceptance, len(group))
	leaders := make([]*acceptance, 0, len(group))
	for _, one := range group {
		k := key{one.actor, routeOf(one.Submission), one.Key}
		if earlier, ok := first[k]; ok && one.Key != "" {
			earlier.same = append(earlier.same, one)
			continue
		}
		first[k] = one
		leaders = append(leaders, one)
	}
	slices.SortStableFunc(leaders, func(x, y *acceptance) int {
		if x.Key != y.Key {
			return cmp.Compare(x.Key, y.Key)
		}
		return cmp.Compare(x.actor, y.actor)
	})
	return leaders
}

// reply answers an acceptance and those merged into it.
func (one *acceptance) reply(got answer) {
	one.answer <- got
	for _, other := range one.same {
		repeated := got
		repeated.accepted.Replay = true
		if got.err == nil && other.Digest != one.Digest {
			repeated = answer{err: errOtherRequest()}
		}
		other.answer <- repeated
	}
}

func errOtherRequest() error {
	return &fault.Error{
		Kind: fault.Invalid, Code: "idempotency_mismatch",
		Detail: "This Idempotency-Key came with another request before.",
	}
}
