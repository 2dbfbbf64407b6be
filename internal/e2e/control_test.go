package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/app"
	"github.com/presswork/presswork/internal/sandbox"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

// How long the provider takes for each mail where a test has to catch a run half-way: slow until a part of it has arrived, and
// then still, with which the rest takes minutes. However long the machine takes for what the test does meanwhile, the run is
// not over before.
const (
	slow  = 38 * time.Millisecond
	still = 1500 * time.Millisecond
)

// halfway publishes to so many subscribers by a slow provider and waits until some have got it. From then on the run hardly
// moves, until it is hastened.
func halfway(h *house, people int) string {
	h.t.Helper()
	h.ConnectSMTP(h.t, "email")
	h.Subscribe(h.t, fixture.People("half", people))
	h.inject(sandbox.ProviderSMTP, sandbox.Fault{Latency: slow})
	id := h.Publish(h.t, fixture.Order{Title: "Half", Channels: []string{"email"}})
	h.awaitArrivals(id, "email", people/10)
	h.inject(sandbox.ProviderSMTP, sandbox.Fault{Latency: still})
	return id
}

// hasten lets a run that was caught half-way come to its end.
func (h *house) hasten() {
	h.t.Helper()
	h.inject(sandbox.ProviderSMTP, sandbox.Fault{Latency: slow})
}

// wantNoLateCall fails if a call began later after an answer than was promised, and than the machine needed for what hears of it.
func (h *house) wantNoLateCall(id string, answered time.Time, p *pulse) {
	h.t.Helper()
	bound := promised + p.slowest()
	if late := h.Sandbox.Arrivals()[id].Last.Add(-still).Sub(answered); late > bound {
		h.t.Errorf("a call began %v after the answer, at most %v are allowed", late, bound)
	}
}

// After a pause is answered no call starts later than a second; resuming sends exactly the rest.
func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	const readers = 800
	h := open(t)
	id := halfway(h, readers)
	beat := h.pulse()
	h.Control(t, id, "pause")
	answered := time.Now()
	p := h.Await(t, id, "paused", patience)
	before, _ := h.arrived(id, "email")
	if before == readers || p.All.Pending == 0 {
		t.Fatalf("the run was over before the pause: %s", p)
	}
	h.wantNoLateCall(id, answered, beat)
	if n := value[int](h, `SELECT count(*)::int FROM batch WHERE state = 'claimed'`); n != 0 {
		t.Errorf("%d batches of a paused publication are claimed", n)
	}
	h.hasten()
	h.Control(t, id, "resume")
	h.Await(t, id, "completed", patience)
	h.wantOnce(id, "email", readers)
	if n := h.logs.FilterMessage("tasks were not queued, nudged again").Len(); n != 0 {
		t.Errorf("resuming forgot to nudge: %d times", n)
	}
}

// Pausing and resuming in quick succession loses and doubles nothing.
func TestPauseAndResumeQuickly(t *testing.T) {
	t.Parallel()
	const readers = 800
	h := open(t)
	id := halfway(h, readers)
	h.hasten()
	for range 12 {
		h.Control(t, id, "pause")
		h.Control(t, id, "resume")
	}
	h.Await(t, id, "completed", patience)
	h.wantOnce(id, "email", readers)
}

// Cancelling leaves nothing owed, and what was sent counted.
func TestCancel(t *testing.T) {
	t.Parallel()
	const readers = 800
	h := open(t)
	id := halfway(h, readers)
	beat := h.pulse()
	h.Control(t, id, "cancel")
	answered := time.Now()
	p := h.Await(t, id, "cancelled", patience)
	sent, doubles := h.arrived(id, "email")
	if sent == readers || doubles != 0 {
		t.Fatalf("%d arrived, %d twice", sent, doubles)
	}
	h.wantNoLateCall(id, answered, beat)
	if p.All.Pending != 0 || p.All.Sending != 0 || p.All.Sent != int64(sent) || p.All.Skipped != int64(readers-sent) {
		t.Errorf("%d arrived, and the progress is %s", sent, p)
	}
	n := value[int](h, `SELECT count(*)::int FROM delivery WHERE state = 9 AND reason = 4`)
	open := value[int](h, `SELECT count(*)::int FROM delivery WHERE state IN (0, 1)`)
	if n != readers-sent || open != 0 {
		t.Errorf("%d skipped as cancelled, %d owed", n, open)
	}
}

// inAnHour is a time that has not come when the test has done all that it has to do before, however long that takes.
func inAnHour() time.Time { return time.Now().Add(time.Hour) }

// due makes scheduled publications due, the one after the other, so long from now.
func (h *house) due(after time.Duration, ids ...string) time.Time {
	h.t.Helper()
	return value[time.Time](h, `
		WITH due AS (UPDATE publication SET scheduled_at = now() + $1::interval + array_position($2::uuid[], uid) * interval '1 microsecond'
		             WHERE uid = ANY ($2::uuid[]) RETURNING scheduled_at)
		SELECT min(scheduled_at) FROM due`, after, ids)
}

// A scheduled publication starts by itself when it is due; a cancelled one does not.
func TestSchedule(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.ConnectSMTP(t, "email")
	h.Subscribe(t, fixture.People("later", 5))
	id := h.Publish(t, fixture.Order{Title: "Later", Channels: []string{"email"}, Schedule: inAnHour()})
	never := h.Publish(t, fixture.Order{Title: "Never", Channels: []string{"email"}, Schedule: inAnHour()})
	if p := h.Progress(t, id); p.State != "scheduled" {
		t.Errorf("progress is %s", p)
	}
	h.Control(t, never, "cancel")
	h.Await(t, never, "cancelled", patience)
	due := h.due(time.Second, never, id)
	h.Await(t, id, "completed", patience)
	h.wantOnce(id, "email", 5)
	h.wantOnce(never, "email", 0)
	if first := h.Sandbox.Arrivals()[id].First; first.Before(due) {
		t.Errorf("it arrived %v before it was due", due.Sub(first))
	}
}

// Pausing a publication that waits for its time, and resuming it, is no loss.
func TestPauseScheduled(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.ConnectSMTP(t, "email")
	h.Subscribe(t, fixture.People("later", 5))
	id := h.Publish(t, fixture.Order{Title: "Later", Channels: []string{"email"}, Schedule: inAnHour()})
	other := h.Publish(t, fixture.Order{Title: "Other", Channels: []string{"email"}, Schedule: inAnHour()})
	h.Control(t, id, "pause")
	h.due(0, id, other)
	h.Await(t, other, "completed", patience) // it was due later
	if p := h.Progress(t, id); p.State != "paused" {
		t.Errorf("progress is %s", p)
	}
	h.Control(t, id, "resume")
	h.Await(t, id, "completed", patience)
	h.wantOnce(id, "email", 5)
}

// A channel is switched off and on while everything runs; what is owed meanwhile waits.
func TestChannelOffAndOn(t *testing.T) {
	t.Parallel()
	h := open(t)
	channel := h.ConnectSMTP(t, "email")
	h.Subscribe(t, fixture.People("channel", 10))
	first := h.Publish(t, fixture.Order{Title: "First", Channels: []string{"email"}})
	h.Await(t, first, "completed", patience)
	id := h.Publish(t, fixture.Order{Title: "Second", Channels: []string{"email"}, Schedule: inAnHour()})
	h.Call(t, http.MethodPost, "/channels/"+channel+"/disable", nil, nil)
	h.due(2*promised, id) // workers look at the channels anew when what they know is a second old
	fixture.Until(t, patience, "the batch to wait", func() (bool, string) {
		state := value[string](h, `SELECT coalesce(max(b.state), '') FROM batch b JOIN publication p ON p.id = b.publication_id WHERE p.uid = $1`, id)
		return state == "waiting", state
	})
	h.wantOnce(id, "email", 0)
	h.Call(t, http.MethodPost, "/channels/"+channel+"/enable", nil, nil)
	h.Await(t, id, "completed", patience)
	h.wantOnce(id, "email", 10)
	if used := value[int](h, `SELECT max(attempt)::int FROM delivery`); used != 1 {
		t.Errorf("waiting for a channel used %d attempts", used)
	}
}

// A channel without credentials records in development what it would have sent, and sends nothing.
func TestPlaceholder(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.Connect(t, "email", "placeholder", "email-none", map[string]string{}, map[string]string{})
	h.Subscribe(t, fixture.People("nobody", 5))
	id := h.Publish(t, fixture.Order{Title: "Nowhere", Channels: []string{"email"}})
	h.Await(t, id, "completed", patience)
	if n := h.logs.FilterMessage("placeholder: not sent").Len(); n != 5 {
		t.Errorf("%d were recorded", n)
	}
	if c := h.Sandbox.Counts().Total(); c.Requests != 0 {
		t.Errorf("%d requests were made", c.Requests)
	}
}

// passes waits until the worker has gone on for a while with a run that hardly moves: each of its connections began two calls, and
// it has looked many times for what was withdrawn.
func (h *house) passes(id string) {
	h.t.Helper()
	before, _ := h.arrived(id, "email")
	h.awaitArrivals(id, "email", before+3*h.config.Connections)
}

// Who leaves in the middle of a run, and was not sent to yet, is not sent to any more.
func TestUnsubscribeMidRun(t *testing.T) {
	t.Parallel()
	const readers = 1200
	h := open(t)
	id := halfway(h, readers)
	var mine struct {
		Items []struct {
			ID    string
			Email string
		}
	}
	leavers := 0
	for i := readers - 1; i > readers-6; i-- {
		mine.Items = nil
		person := fixture.People("half", readers)[i]
		h.Call(t, http.MethodGet, "/subscribers?email="+person.Email, nil, &mine)
		if len(mine.Items) != 1 {
			t.Fatalf("found %v", mine)
		}
		h.Call(t, http.MethodPut, "/subscribers/"+mine.Items[0].ID, map[string]any{
			"email": person.Email, "name": person.Name, "language": person.Language, "topics": []string{"news"}, "status": "unsubscribed",
		}, nil, "If-Match", "*")
		leavers++
	}
	h.passes(id)
	h.hasten()
	p := h.Await(t, id, "completed", patience)
	if p.All.Skipped != int64(leavers) {
		t.Errorf("progress is %s", p)
	}
	h.wantOnce(id, "email", readers-leavers)
	for _, m := range h.Sandbox.Messages("email") {
		if strings.Contains(m.To, "half1199@") {
			t.Error("somebody who left got it")
		}
	}
}

// A withdrawal counts from when it can be seen, also if it was long under way: in a large import, say.
func TestWithdrawalThatCommitsLate(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.ConnectSMTP(t, "email")
	h.Subscribe(t, fixture.People("late", 100))
	h.inject(sandbox.ProviderSMTP, sandbox.Fault{Latency: still})
	tx, err := h.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const leave = `UPDATE subscriber SET status = 'unsubscribed', revoked_at = clock_timestamp() WHERE email = 'late99@reader.example'`
	if _, err := tx.Exec(t.Context(), leave); err != nil {
		t.Fatal(err)
	}
	id := h.Publish(t, fixture.Order{Title: "Late", Channels: []string{"email"}})
	h.awaitArrivals(id, "email", 8)
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.passes(id)
	h.hasten()
	h.Await(t, id, "completed", patience)
	h.wantOnce(id, "email", 99)
}

// Workers that serve different queues share one run.
func TestWorkersShareARun(t *testing.T) {
	t.Parallel()
	h := open(t, app.API, app.Scheduler)
	h.ConnectAll(t)
	h.start(serving("render=1,personalize=1,email=6,slack=2"), app.Worker)
	h.start(serving("critical=1,newsletter=1,discord=1,webhook=1,analytics=1"), app.Worker)
	h.Subscribe(t, fixture.People("shared", 600)) // more than are sent in the critical lane
	id := h.Publish(t, fixture.Order{Title: "Shared", Channels: everyKind})
	h.Await(t, id, "completed", patience)
	h.wantOnce(id, "email", 600)
	h.wantOnce(id, "newsletter", 600)
	h.wantOnce(id, "slack", 2)
	if n := value[int](h, `SELECT count(DISTINCT session_id)::int FROM delivery`); n != 2 {
		t.Errorf("%d sessions sent", n)
	}
}

// Urgent work does not wait for a bulk run.
func TestUrgentDuringBulk(t *testing.T) {
	t.Parallel()
	const readers = 2000
	h := open(t)
	h.ConnectSMTP(t, "email")
	h.Subscribe(t, fixture.People("bulk", readers))
	staff := fixture.People("staff", 20)
	for i := range staff {
		staff[i].Topic = "staff"
	}
	h.Subscribe(t, staff)
	h.inject(sandbox.ProviderSMTP, sandbox.Fault{Latency: slow})
	bulk := h.Publish(t, fixture.Order{Title: "Bulk", Channels: []string{"email"}, Priority: "bulk", Topics: []string{"news"}})
	h.awaitArrivals(bulk, "email", 100)
	// From now on the bulk run takes longer than anybody waits.
	h.inject(sandbox.ProviderSMTP, sandbox.Fault{Match: "bulk", Latency: still}, sandbox.Fault{Latency: slow})
	before, _ := h.arrived(bulk, "email")
	urgent := h.Publish(t, fixture.Order{Title: "Urgent", Channels: []string{"email"}, Priority: "critical", Topics: []string{"staff"}})
	h.Await(t, urgent, "completed", patience)
	h.wantOnce(urgent, "email", len(staff))
	if after, _ := h.arrived(bulk, "email"); after-before > readers/2 || after == readers {
		t.Errorf("while %d urgent mails went out, so did %d of a bulk run", len(staff), after-before)
	}
	h.Control(t, bulk, "cancel")
	h.Await(t, bulk, "cancelled", patience)
}
