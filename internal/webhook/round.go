package webhook

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// round is one claim being worked on: a few callers post, and what they come to is recorded in groups.
type round struct {
	*Deliverer
	claim Claim
	since time.Time // when it was asked for
	// over: no further call is to begin. The endpoint asked for that or was changed, or nothing can be recorded.
	over  atomic.Bool
	well  atomic.Bool // something was delivered
	posts chan Post
}

func (d *Deliverer) newRound(c Claim, since time.Time) *round {
	return &round{Deliverer: d, claim: c, since: since, posts: make(chan Post, len(c.Items))}
}

// run works the claim off. False: the endpoint is to be left alone, or nothing can be recorded.
func (r *round) run(ctx context.Context) bool {
	items := make(chan Claimed, len(r.claim.Items))
	for _, item := range r.claim.Items {
		items <- item
	}
	close(items)
	var callers sync.WaitGroup
	left, none := context.WithCancel(ctx)
	defer none()
	for caller := range min(perEndpoint, len(r.claim.Items)) {
		if caller < ownCalls {
			callers.Go(func() {
				defer none() // whoever waits for a slot does so for nothing
				for r.next(ctx, items) {
				}
			})
			continue
		}
		callers.Go(func() {
			for r.nextInTurn(ctx, left.Done(), items) {
			}
		})
	}
	go func() { callers.Wait(); close(r.posts) }()
	recorded := r.record(ctx)
	return recorded && !r.over.Load()
}

// next posts an item; false: there is none any more.
func (r *round) next(ctx context.Context, items <-chan Claimed) bool {
	item, more := <-items
	if more {
		r.posts <- r.post(ctx, item)
	}
	return more
}

// nextInTurn is next once there is a slot, which all endpoints share; false: nothing is left to wait for.
func (r *round) nextInTurn(ctx context.Context, none <-chan struct{}, items <-chan Claimed) bool {
	select {
	case <-none:
		return false // those who need no slot see to the rest
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	}
	return r.next(ctx, items)
}

// post makes an attempt, unless it is too late for one.
func (r *round) post(ctx context.Context, item Claimed) Post {
	back := Post{Claimed: item, Back: true}
	if ctx.Err() != nil || r.over.Load() || time.Since(r.since) > callUntil {
		return back
	}
	body, err := item.Event.Encode(r.o.Source)
	if err != nil { // cannot be: it was encoded when it was stored
		r.o.Notice("an event cannot be encoded", err)
		return Post{Claimed: item, At: r.o.Now(), Answer: Answer{Error: "the event cannot be encoded"}, Verdict: Verdict{State: Failed}}
	}
	p := Post{Claimed: item, At: r.o.Now()}
	begun := time.Now()
	p.Answer = r.call(Call{
		URL: r.claim.Endpoint.URL, Secrets: r.claim.Endpoint.Secrets.Signing(p.At), ID: item.Event.UID.String(), Body: body,
	})
	p.Took = time.Since(begun)
	if r.calls.Err() != nil && p.Answer.Status == 0 {
		return back
	}
	p.Verdict = Judge(p.Answer, item.Step, r.claim.Failing, r.o.Schedule)
	if p.Verdict.Hold > 0 || p.Verdict.Disable != "" {
		r.over.Store(true)
	}
	if p.Verdict.State == Delivered {
		r.well.Store(true)
	}
	r.o.Observe(resultOf(p), p.Took)
	return p
}

// call is not cut short at once when the process stops: see Run.
func (r *round) call(c Call) Answer {
	ctx, cancel := context.WithTimeout(r.calls, callTimeout)
	defer cancel()
	return r.caller.Call(ctx, c)
}

// record stores what the callers come to: while one group is being stored, the next one gathers. What cannot be stored is due
// again when the claim ends.
func (r *round) record(ctx context.Context) bool {
	good := true
	for first := range r.posts {
		group := []Post{first}
		for more := true; more; {
			select {
			case p, open := <-r.posts:
				if more = open; open {
					group = append(group, p)
				}
			default:
				more = false
			}
		}
		good = r.recordGroup(ctx, group) && good
	}
	return good
}

func (r *round) recordGroup(ctx context.Context, group []Post) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	standing, err := r.store.RecordPosts(ctx, r.claim, group)
	if err != nil {
		r.over.Store(true)
		r.o.Notice("attempts to post webhooks cannot be recorded: they will come again", err)
		return false
	}
	if standing.Disabled != "" {
		r.o.Disabled(r.claim.Endpoint, standing.Disabled)
	}
	if standing.Changed {
		r.over.Store(true)
	}
	return true
}

func resultOf(p Post) Result {
	switch {
	case p.Verdict.State == Delivered:
		return ResultDelivered
	case p.Verdict.State == Failed:
		return ResultFailed
	case p.Verdict.Step == p.Step:
		return ResultWait
	default:
		return ResultRetry
	}
}
