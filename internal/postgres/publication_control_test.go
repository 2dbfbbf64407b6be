package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

// TestControlOfAVersion: who is refused the present version changes nothing, whatever the state.
func TestControlOfAVersion(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	id, uid := n.accepted(t, nil)
	n.exec(t, `UPDATE publication SET version = 5 WHERE id = $1`, id)
	var asked []int
	refusal := fault.New(fault.Conflict, "version_mismatch", "")
	refuse := func(version int) error {
		asked = append(asked, version)
		return refusal
	}
	for _, state := range []publication.State{publication.Queued, publication.Paused, publication.Completed} {
		n.exec(t, `UPDATE publication SET state = $2 WHERE id = $1`, id, string(state))
		for _, request := range []func(context.Context, ident.UID, func(int) error) (publication.Summary, error){
			n.PausePublication, n.CancelPublication, n.ResumePublication,
		} {
			if _, err := request(t.Context(), uid, refuse); !errors.Is(err, refusal) {
				t.Errorf("%s: %v", state, err)
			}
		}
		if now := value[string](t, n.DB, `SELECT state || version FROM publication WHERE id = $1`, id); now != string(state)+"5" {
			t.Errorf("%s became %s", state, now)
		}
	}
	if len(asked) != 9 || slices.Max(asked) != 5 || slices.Min(asked) != 5 {
		t.Errorf("asked about the versions %v", asked)
	}
}

// What each request makes of each state; "" is a Conflict.
func TestControlOfEveryState(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	id, uid := n.accepted(t, nil)
	for state, want := range map[publication.State][3]publication.State{ // pause, cancel, resume
		publication.Draft:                 {"", "cancelled", "draft"},
		publication.Scheduled:             {"paused", "cancelled", "scheduled"},
		publication.Queued:                {"pausing", "cancelling", "queued"},
		publication.Rendering:             {"pausing", "cancelling", "rendering"},
		publication.Sending:               {"pausing", "cancelling", "sending"},
		publication.Pausing:               {"pausing", "cancelling", "queued"},
		publication.Paused:                {"paused", "cancelling", "queued"},
		publication.Cancelling:            {"", "cancelling", ""},
		publication.Cancelled:             {"", "cancelled", ""},
		publication.Completed:             {"", "", ""},
		publication.CompletedWithFailures: {"", "", ""},
		publication.Failed:                {"", "", ""},
	} {
		for i, request := range []func() (publication.Summary, error){
			func() (publication.Summary, error) { return n.PausePublication(t.Context(), uid, anyVersion) },
			func() (publication.Summary, error) { return n.CancelPublication(t.Context(), uid, anyVersion) },
			func() (publication.Summary, error) { return n.ResumePublication(t.Context(), uid, anyVersion) },
		} {
			n.exec(t, `UPDATE publication SET state = $2, version = 1 WHERE id = $1`, id, string(state))
			asOwner(t, n.DB, `DELETE FROM audit_event`)
			got, err := request()
			if want[i] == "" {
				if !fault.Is(err, fault.Conflict) {
					t.Errorf("%s, request %d: %s, %v", state, i, got.State, err)
				}
				continue
			}
			if err != nil || got.State != want[i] {
				t.Errorf("%s, request %d: %s, %v", state, i, got.State, err)
			}
			audited := value[int](t, n.DB, `SELECT count(*)::int FROM audit_event`)
			if changed := want[i] != state; changed != (audited == 1) || changed != (got.Version == 2) {
				t.Errorf("%s, request %d: %d audit rows, version %d", state, i, audited, got.Version)
			}
		}
	}
	if _, err := n.PausePublication(t.Context(), ident.New(), anyVersion); !fault.Is(err, fault.NotFound) {
		t.Errorf("unknown: %v", err)
	}
}

func (n *newsroom) outboxIDs(t *testing.T) []string {
	t.Helper()
	return value[[]string](t, n.DB, `SELECT coalesce(array_agg(kind || ' ' || queue || ' ' || task_id ORDER BY task_id), '{}') FROM outbox`)
}

func TestResumeBeforeRendering(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	id, uid := n.accepted(t, nil)
	n.exec(t, `UPDATE publication SET state = 'paused' WHERE id = $1`, id)
	n.exec(t, `DELETE FROM outbox`)
	if _, err := n.ResumePublication(t.Context(), uid, anyVersion); err != nil {
		t.Fatal(err)
	}
	sameStrings(t, n.outboxIDs(t), fmt.Sprintf("render render r:%d:2", id))
}

func TestResumeOfAScheduledOne(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	id, uid := n.accepted(t, inAnHour)
	if p, err := n.PausePublication(t.Context(), uid, anyVersion); err != nil || p.State != publication.Paused {
		t.Fatalf("%s, %v", p.State, err)
	}
	if p, err := n.ResumePublication(t.Context(), uid, anyVersion); err != nil || p.State != publication.Scheduled {
		t.Errorf("%s, %v", p.State, err)
	}
	sameStrings(t, n.outboxIDs(t))
	n.exec(t, `UPDATE publication SET state = 'paused', scheduled_at = now() WHERE id = $1`, id)
	if p, err := n.ResumePublication(t.Context(), uid, anyVersion); err != nil || p.State != publication.Queued {
		t.Errorf("after its time: %s, %v", p.State, err)
	}
	sameStrings(t, n.outboxIDs(t), fmt.Sprintf("render render r:%d:1", id))
}

// Everything owed is nudged once under a new generation, page by page; what is claimed or done is not.
func TestResumeWhileSending(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	id, uid := n.accepted(t, nil)
	n.exec(t, `UPDATE publication SET state = 'paused', started_at = now() WHERE id = $1`, id)
	n.exec(t, `DELETE FROM outbox`)
	n.exec(t, `INSERT INTO batch (publication_id, channel_id, lane, lo, hi, size, state, not_before)
		SELECT $1, 1, 1, i, i + 1, 1, 'ready', NULL FROM generate_series(1, $2::int) i`, id, resumePage+1)
	n.exec(t, `INSERT INTO batch (publication_id, channel_id, lane, lo, hi, size, state, not_before) VALUES
		($1, 3, 1, 0, 1, 1, 'waiting', now() + interval '1 hour'), ($1, 3, 1, 1, 2, 1, 'claimed', NULL), ($1, 3, 1, 2, 3, 1, 'done', NULL)`, id)
	n.exec(t, `INSERT INTO fanout_range (publication_id, hi, cursor, done) VALUES ($1, 9, 3, false), ($1, 3, 3, true)`, id)
	p, err := n.ResumePublication(t.Context(), uid, anyVersion)
	if err != nil || p.State != publication.Sending {
		t.Fatalf("%s, %v", p.State, err)
	}
	if got := value[int](t, n.DB, `SELECT count(DISTINCT task_id)::int FROM outbox WHERE kind = 'send-email' AND task_id LIKE 'b:%:2'`); got != resumePage+1 {
		t.Errorf("%d batches nudged", got)
	}
	rest := value[string](t, n.DB, `SELECT string_agg(kind || (not_before > now()), ' ' ORDER BY kind) FROM outbox WHERE kind = 'send-slack'`)
	if rest != "send-slacktrue" {
		t.Errorf("waiting batch: %s", rest)
	}
	if got := value[int](t, n.DB, `SELECT count(*)::int FROM outbox`); got != resumePage+3 {
		t.Errorf("%d tasks", got)
	}
	if got := value[int](t, n.DB, `SELECT count(*)::int FROM outbox WHERE kind = 'personalize' AND task_id LIKE 'p:%:2'`); got != 1 {
		t.Errorf("%d ranges nudged", got)
	}
}
