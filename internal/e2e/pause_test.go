package e2e

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/testkit/fixture"
)

// promised is how late after the answer to a pause a call may begin.
const promised = time.Second

// pulse looks at the database as often as a worker does that hears of a pause by it, and notes how long a look takes: a machine that has
// other things to do is given on top of what is promised what it needs for the poll, and for the stand-in to note an arrival.
type pulse struct {
	stop func()
	most atomic.Int64 // nanoseconds from a look to the next, less the time between them
}

// pulse begins to look.
func (h *house) pulse() *pulse {
	h.t.Helper()
	const pause = 100 * time.Millisecond
	ctx, cancel := context.WithCancel(h.t.Context())
	p := &pulse{}
	var looking sync.WaitGroup
	p.stop = func() { cancel(); looking.Wait() }
	looking.Go(func() {
		tick := time.NewTicker(pause)
		defer tick.Stop()
		for before := time.Now(); ctx.Err() == nil; {
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
			_ = h.pool.Ping(ctx) // ends with the pulse
			now := time.Now()
			p.most.Store(max(p.most.Load(), int64(now.Sub(before)-pause)))
			before = now
		}
	})
	h.t.Cleanup(p.stop)
	return p
}

// slowest ends it: twice the longest look, once for who hears and once for who notes.
func (p *pulse) slowest() time.Duration {
	p.stop()
	return 2 * time.Duration(p.most.Load())
}

// Of everything that can be paused: no call begins later than a second after the answer, and resuming sends exactly the rest.
func TestPausesOfEveryScope(t *testing.T) {
	t.Parallel()
	for scope, c := range map[string]struct {
		pause, resume [2]string // method, path; ID is the publication's
	}{
		"publication": {[2]string{http.MethodPost, "/publications/ID/pause"}, [2]string{http.MethodPost, "/publications/ID/resume"}},
		"queue":       {[2]string{http.MethodPut, "/pauses/queue:email"}, [2]string{http.MethodDelete, "/pauses/queue:email"}},
		"channel":     {[2]string{http.MethodPut, "/pauses/channel:email"}, [2]string{http.MethodDelete, "/pauses/channel:email"}},
		"all":         {[2]string{http.MethodPut, "/pauses/all"}, [2]string{http.MethodDelete, "/pauses/all"}},
	} {
		t.Run(scope, func(t *testing.T) {
			t.Parallel()
			const readers = 800
			h := open(t)
			id := halfway(h, readers)
			ask := func(what [2]string) { h.Call(t, what[0], strings.Replace(what[1], "ID", id, 1), nil, nil) }
			beat := h.pulse()
			ask(c.pause)
			answered := time.Now()
			fixture.Until(t, patience, "nothing to be in hand", func() (bool, string) {
				return value[int](h, `SELECT count(*)::int FROM batch WHERE state = 'claimed'`) == 0, h.Progress(t, id).String()
			})
			before, _ := h.arrived(id, "email")
			if before == readers {
				t.Fatal("the run was over before the pause")
			}
			h.wantNoLateCall(id, answered, beat)
			// A second publication is held as well, unless only the first was paused.
			if scope == "all" {
				other := h.Publish(t, fixture.Order{Title: "Other", Channels: []string{"email"}, Priority: "critical"})
				h.Await(t, other, "sending", patience)
				h.wantOnce(other, "email", 0)
				h.Control(t, other, "cancel")
				h.Await(t, other, "cancelled", patience)
			}
			if again, _ := h.arrived(id, "email"); again != before {
				t.Errorf("%d arrived while it was paused", again-before)
			}
			h.hasten()
			ask(c.resume)
			h.Await(t, id, "completed", patience)
			h.wantOnce(id, "email", readers)
		})
	}
}
