package postgres

import (
	"testing"
	"time"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

// TestLocalTimeIsKept, whichever way a publication is stored: accepted in a group, as a draft, and changed.
func TestLocalTimeIsKept(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	begins := time.Now().Add(time.Hour).UTC().Truncate(time.Minute)
	byLocalTime := func(o *publication.Order) {
		o.Channels, o.ScheduledAt, o.ByLocalTime = kinds(channel.Email), &begins, true
	}
	_, accepted := n.accepted(t, byLocalTime)
	draft := n.submission(t, byLocalTime)
	draft.Draft = true
	stored, err := n.StorePublication(t.Context(), draft)
	if err != nil {
		t.Fatal(err)
	}
	_, changed := n.accepted(t, inAnHour)
	if _, err := n.ChangePublication(audit.WithActor(t.Context(), "ann"), changed, anyVersion,
		publication.Change{Resolved: n.submission(t, byLocalTime).Resolved, Verb: "update"}); err != nil {
		t.Fatal(err)
	}
	for _, uid := range []ident.UID{accepted, stored.UID, changed} {
		p, err := n.Publication(t.Context(), uid)
		if err != nil || !p.ByLocalTime || p.ScheduledAt == nil || !p.ScheduledAt.Equal(begins) {
			t.Errorf("%+v, %v", p, err)
		}
		now, _, err := n.PublicationNow(t.Context(), uid)
		if err != nil || now.Request.ScheduleAt != publication.ShowLocal(begins) {
			t.Errorf("%q, %v", now.Request.ScheduleAt, err)
		}
	}
	_, plain := n.accepted(t, inAnHour)
	if p, err := n.Publication(t.Context(), plain); err != nil || p.ByLocalTime {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestReadersWaitForTheirHour, by their own clocks, and whose hour has passed waits for nothing.
func TestReadersWaitForTheirHour(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 4)
	for id, zone := range map[int]string{1: "Pacific/Kiritimati", 2: "UTC", 3: "Etc/GMT+12", 4: "Asia/Kathmandu"} {
		exec(t, db, `UPDATE subscriber SET timezone = $2 WHERE id = $1`, id, zone)
	}
	begins := time.Now().Add(-time.Hour).UTC().Truncate(time.Minute)
	id := queued(t, db, publication.Audience{All: true})
	exec(t, db, `UPDATE publication SET by_local_time = true, scheduled_at = $2 WHERE id = $1`, id, begins)
	fanOut(t, db, id, 1)
	wantHeldConsistent(t, db)
	if got := sendAll(t, db); len(got) != 1 || got[1] != 1 {
		t.Errorf("sent to %v", got)
	}
	for reader, after := range map[int64]time.Duration{2: 14 * time.Hour, 3: 26 * time.Hour, 4: 8*time.Hour + 15*time.Minute} {
		due := value[time.Time](t, db, `SELECT due FROM held WHERE recipient_id = $1`, reader)
		if !due.Equal(begins.Add(after)) {
			t.Errorf("%d is due at %s, want %s after %s", reader, due, after, begins)
		}
	}
	// Their hour comes.
	exec(t, db, `UPDATE publication SET scheduled_at = scheduled_at - interval '26 hours' WHERE id = $1`, id)
	exec(t, db, `UPDATE held SET due = now()`)
	releaseDue(t, db, 3)
	if got := sendAll(t, db); len(got) != 3 {
		t.Errorf("sent to %v", got)
	}
	wantState(t, db, id, publication.Completed)
}

// TestOneMomentForAll: what goes out at a time that is the same for all waits for nobody's hour.
func TestOneMomentForAll(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 2)
	id := queued(t, db, publication.Audience{All: true})
	exec(t, db, `UPDATE publication SET scheduled_at = now() - interval '13 hours' WHERE id = $1`, id)
	fanOut(t, db, id, 1)
	if got := sendAll(t, db); len(got) != 2 {
		t.Errorf("sent to %v", got)
	}
	wantState(t, db, id, publication.Completed)
}
