package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
	"github.com/presswork/presswork/internal/queue"
	"github.com/presswork/presswork/internal/sandbox"
	"github.com/presswork/presswork/internal/testkit/dbtest"
	"github.com/presswork/presswork/internal/testkit/fixture"
	"github.com/presswork/presswork/internal/testkit/redistest"
	"github.com/presswork/presswork/tasks"
)

// refused publishes to so many readers, of whom the provider refuses some for good.
func refused(t *testing.T, h *house, good, bad int) string {
	t.Helper()
	h.ConnectSMTP(t, "email")
	h.Subscribe(t, fixture.People("good", good))
	h.Subscribe(t, fixture.People("bad", bad))
	h.inject(sandbox.ProviderSMTP, sandbox.Fault{Match: "bad", ErrorRatio: 1, ErrorKind: sandbox.Permanent})
	id := h.Publish(t, fixture.Order{Title: "Refused", Channels: []string{"email"}})
	p := h.Await(t, id, "completed_with_failures", patience)
	if p.All.Failed != int64(bad) {
		t.Fatalf("progress is %s", p)
	}
	return id
}

func (h *house) awaitReplay(remote *client.Client, id string) api.Replay {
	h.t.Helper()
	var r api.Replay
	fixture.Until(h.t, patience, "the end of a replay", func() (bool, string) {
		var err error
		r, err = remote.GetReplay(h.t.Context(), id)
		return err == nil && r.State.Final(), string(r.State)
	})
	return r
}

// replayed asks for a replay that is none of a dry run.
func replayed(t *testing.T, remote *client.Client, request api.ReplayInput) api.Replay {
	t.Helper()
	answer, err := remote.CreateReplay(t.Context(), request)
	if err != nil || answer.Replay == nil {
		t.Fatalf("%+v, %v", answer, err)
	}
	return *answer.Replay
}

// Dead letters are counted, replayed with a canary once the cause is gone, and reach everybody once.
func TestDeadLettersAreReplayed(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := refused(t, h, 150, 12)
	remote := h.api()
	page, err := remote.GroupDeadLetters(t.Context(), api.GroupDeadLettersParams{PublicationID: id})
	groups := page.Items
	if err != nil || len(groups) != 1 || groups[0].Count != 12 {
		t.Fatalf("%+v, %v", groups, err)
	}
	request := api.ReplayInput{Filter: api.DeadLetterFilter{Fingerprint: groups[0].Fingerprint}, DryRun: true}
	answer, err := remote.CreateReplay(t.Context(), request)
	if err != nil || answer.ReplayDryRun == nil || answer.ReplayDryRun.Matched != 12 || answer.Replay != nil {
		t.Fatalf("%+v, %v", answer, err)
	}
	request.DryRun, request.Canary = false, 3
	r := replayed(t, remote, request)
	if r.State != "canary" {
		t.Fatalf("%+v", r)
	}
	// The cause is still there: the canary fails, and the rest is left alone.
	if r = h.awaitReplay(remote, r.ID); r.State != "stopped" || r.Reopened != 3 || r.Failed < 2 {
		t.Fatalf("%+v", r)
	}
	h.Await(t, id, "completed_with_failures", patience)
	h.Sandbox.Clear()
	if r = replayed(t, remote, request); r.Matched != 12 {
		t.Fatalf("%+v", r)
	}
	if r = h.awaitReplay(remote, r.ID); r.State != "completed" || r.Sent != 12 {
		t.Errorf("%+v", r)
	}
	p := h.Await(t, id, "completed", patience)
	if p.All.Sent != 162 || p.All.Failed != 0 {
		t.Errorf("progress is %s", p)
	}
	h.wantOnce(id, "email", 162)
	if left, err := client.Collect(remote.DeadLetters(t.Context(), api.ListDeadLettersParams{}), 10); err != nil || len(left) != 0 {
		t.Errorf("%+v, %v", left, err)
	}
	one, err := remote.GetDeadLetter(t.Context(), groups[0].NewestID)
	if err != nil || one.ReplayedAt == nil || len(one.Replays) == 0 {
		t.Errorf("%+v, %v", one, err)
	}
}

// A replay goes on with another scheduler when its own is gone.
func TestReplaySurvivesItsScheduler(t *testing.T) {
	t.Parallel()
	h := openOn(t, servers{dbtest.New(t), redistest.New(t)}, "api", "worker")
	scheduler := h.start(nil, "scheduler")
	id := refused(t, h, 5, 12)
	h.Sandbox.Clear()
	remote := h.api()
	// What is made owed again waits, and so does the replay, until its scheduler is gone; only the canary may go out before the
	// worker hears of the pause.
	h.Call(t, http.MethodPut, "/pauses/queue:email", nil, nil)
	r := replayed(t, remote, api.ReplayInput{All: true, Canary: 3})
	fixture.Until(t, patience, "the canary to be made owed again", func() (bool, string) {
		n := value[int](h, `SELECT count(*)::int FROM reopening`)
		return n >= 3, fmt.Sprint(n)
	})
	h.stop(scheduler)
	if n, _ := h.arrived(id, "email"); n == 17 {
		t.Fatal("the replay was over before its scheduler stopped")
	}
	h.Call(t, http.MethodDelete, "/pauses/queue:email", nil, nil)
	h.start(nil, "scheduler")
	if r = h.awaitReplay(remote, r.ID); r.State != "completed" || r.Sent != 12 {
		t.Errorf("%+v", r)
	}
	h.wantOnce(id, "email", 17)
}

// An archived task that is run again in Asynqmon tries exactly the failed once more; a second time, and one that is
// deleted there, changes nothing of the record.
func TestArchivedTaskIsRunAgain(t *testing.T) {
	t.Parallel()
	on := servers{dbtest.New(t), redistest.New(t)}
	h := openOn(t, on, "api", "worker", "scheduler")
	id := refused(t, h, 20, 3)
	inspector := inspect(t, on.redis)
	first := awaitArchived(t, inspector, 1)
	if !strings.Contains(first.LastErr, "3 of 23 failed") {
		t.Errorf("its error is %q", first.LastErr)
	}
	// The cause is still there: the same three fail again, and another task is archived.
	if err := inspector.RunTask(first.Queue, first.ID); err != nil {
		t.Fatal(err)
	}
	second := awaitArchived(t, inspector, 1, first.ID)
	h.Await(t, id, "completed_with_failures", patience)
	h.wantOnce(id, "email", 20)
	if n := value[int](h, `SELECT count(*)::int FROM dead_letter WHERE replayed_by = 'archive'`); n != 3 {
		t.Errorf("%d dead letters were replayed", n)
	}
	h.Sandbox.Clear()
	if err := inspector.RunTask(second.Queue, second.ID); err != nil {
		t.Fatal(err)
	}
	h.awaitArrivals(id, "email", 23)
	h.Await(t, id, "completed", patience)
	h.wantOnce(id, "email", 23)
}

// Deleting an archived task deletes the shadow: the dead letters stay, and can be replayed.
func TestArchivedTaskIsDeleted(t *testing.T) {
	t.Parallel()
	on := servers{dbtest.New(t), redistest.New(t)}
	h := openOn(t, on, "api", "worker", "scheduler")
	id := refused(t, h, 2, 2)
	inspector := inspect(t, on.redis)
	task := awaitArchived(t, inspector, 1)
	if err := inspector.DeleteTask(task.Queue, task.ID); err != nil {
		t.Fatal(err)
	}
	h.Sandbox.Clear()
	remote := h.api()
	letters, err := client.Collect(remote.DeadLetters(t.Context(), api.ListDeadLettersParams{}), 10)
	if err != nil || len(letters) != 2 {
		t.Fatalf("%+v, %v", letters, err)
	}
	r := replayed(t, remote, api.ReplayInput{Filter: api.DeadLetterFilter{IDs: []int64{letters[0].ID}}})
	if r = h.awaitReplay(remote, r.ID); r.Sent != 1 {
		t.Errorf("%+v", r)
	}
	if n, err := remote.DeleteDeadLetters(t.Context(), api.DeleteDeadLettersParams{PublicationID: id}); err != nil || n.Deleted != 1 {
		t.Errorf("%+v, %v", n, err)
	}
	h.Await(t, id, "completed_with_failures", patience)
	h.wantOnce(id, "email", 3)
	if groups, err := remote.GroupDeadLetters(t.Context(), api.GroupDeadLettersParams{}); err != nil || len(groups.Items) != 0 {
		t.Errorf("%+v, %v", groups, err)
	}
}

func inspect(t *testing.T, url string) *asynq.Inspector {
	t.Helper()
	q, err := queue.Open(url)
	if err != nil {
		t.Fatal(err)
	}
	made, _ := q.MakeRedisClient().(redis.UniversalClient)
	t.Cleanup(func() { _, _ = made.Close(), q.Close() })
	return asynq.NewInspectorFromRedisClient(made)
}

// awaitArchived waits until so many tasks are archived besides those named, and returns the first.
func awaitArchived(t *testing.T, inspector *asynq.Inspector, want int, besides ...string) *asynq.TaskInfo {
	t.Helper()
	var found []*asynq.TaskInfo
	fixture.Until(t, patience, "an archived task", func() (bool, string) {
		found = nil
		for name := range tasks.Queues() {
			list, err := inspector.ListArchivedTasks(name)
			if err != nil {
				continue // a queue that was never used
			}
			for _, info := range list {
				if !strings.Contains(strings.Join(besides, " "), info.ID) {
					found = append(found, info)
				}
			}
		}
		return len(found) == want, ""
	})
	return found[0]
}
