package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/testkit/fixture"
)

// What is promised, and what a machine is given on top that has other things to do: the poll that hears of a pause needs the
// processor, and so does the stand-in that notes an arrival.
const (
	promised = time.Second
	margin   = time.Second
)

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
			ask(c.pause)
			answered := time.Now()
			fixture.Until(t, patience, "nothing to be in hand", func() (bool, string) {
				return value[int](h, `SELECT count(*)::int FROM batch WHERE state = 'claimed'`) == 0, h.Progress(t, id).String()
			})
			before, _ := h.arrived(id, "email")
			if before == readers {
				t.Fatal("the run was over before the pause")
			}
			if late := h.Sandbox.Arrivals()[id].Last.Add(-slow).Sub(answered); late > promised+margin {
				t.Errorf("a call began %v after the pause was answered", late)
			}
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
			ask(c.resume)
			h.Await(t, id, "completed", patience)
			h.wantOnce(id, "email", readers)
		})
	}
}
