package postgres

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/presswork/presswork/internal/analytics"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/reputation"
	"github.com/presswork/presswork/internal/webhook"
)

// receiving has a publication that is being sent by e-mail.
func receiving(t *testing.T, db *DB) (int64, ident.UID) {
	t.Helper()
	id := sending(t, db, 4)
	claim(t, db) // somebody is at it
	return id, publicationUID(t, db, id)
}

// happens notes events of a kind, each of another recipient.
func happens(t *testing.T, db *DB, id int64, kind analytics.Kind, n int) {
	t.Helper()
	exec(t, db, `INSERT INTO event (kind, publication_id, channel_id, recipient_id)
		SELECT $2::smallint, $1::bigint, 1, $4::bigint + n FROM generate_series(1, $3::integer) n`, id, int16(kind), n,
		value[int64](t, db, `SELECT coalesce(max(recipient_id), 0) FROM event WHERE kind = $1`, int16(kind)))
	caughtUp(t, db)
}

func watched(t *testing.T, db *DB, want ...reputation.Cause) []reputation.Paused {
	t.Helper()
	list, err := db.WatchReputation(t.Context())
	var got []reputation.Cause
	for _, p := range list {
		got = append(got, p.Cause)
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("paused %v, %v; want %v", got, err, want)
	}
	return list
}

func stateAndFailure(t *testing.T, db *DB, id int64) string {
	t.Helper()
	return value[string](t, db, `SELECT state || ' ' || failure FROM publication WHERE id = $1`, id)
}

// TestBadReceptionPauses: a publication of which too much bounces is paused, says why, and goes on when somebody accepts it.
func TestBadReceptionPauses(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	everything(t, db)
	id, uid := receiving(t, db)
	happens(t, db, id, analytics.Delivered, 86)
	watched(t, db)
	happens(t, db, id, analytics.Bounce, 13)
	watched(t, db) // 13 of 99 are too few to tell
	happens(t, db, id, analytics.Bounce, 1)
	paused := watched(t, db, reputation.Bounces)
	if p := paused[0]; p.Publication != uid || p.Channel != "email" || p.Bad != 14 || p.Judged != 100 {
		t.Errorf("%+v", p)
	}
	const why = "Paused: 14 of 100 mails (14 %) bounced for good, more than 5 %. Resume it to accept that."
	if got := stateAndFailure(t, db, id); got != "pausing "+why {
		t.Errorf("%s", got)
	}
	watched(t, db)
	exec(t, db, `UPDATE batch SET state = 'ready', session_id = NULL`) // who is at it gives it back
	if err := db.AdvanceOpen(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := stateAndFailure(t, db, id); got != "paused "+why {
		t.Errorf("%s", got)
	}
	if told := value[string](t, db, `SELECT data ->> 'failure' FROM webhook_event WHERE type = $1`, string(webhook.PublicationPaused)); told != why {
		t.Errorf("told %q", told)
	}
	if said := value[string](t, db, `SELECT changes::text FROM audit_event WHERE action = 'publication.pause'`); !strings.Contains(said, `"reason": "bounces"`) {
		t.Errorf("audited %s", said)
	}

	if p, err := db.ResumePublication(t.Context(), uid, func(int) error { return nil }); err != nil || p.State != publication.Sending || p.Failure != "" {
		t.Fatalf("resumed: %+v, %v", p, err)
	}
	watched(t, db) // the same evidence
	happens(t, db, id, analytics.Bounce, 85)
	happens(t, db, id, analytics.Delivered, 14)
	watched(t, db) // too little that is new
	happens(t, db, id, analytics.Complaint, 3)
	watched(t, db, reputation.Complaints) // nobody accepted complaints
	if _, err := db.ResumePublication(t.Context(), uid, func(int) error { return nil }); err != nil {
		t.Fatal(err)
	}
	happens(t, db, id, analytics.Bounce, 1)
	watched(t, db, reputation.Bounces) // a hundred new ones

	list, err := db.ReputationPauses(t.Context(), 10)
	if err != nil || len(list) != 2 || list[0].Cause != reputation.Bounces || list[0].ResumedAt != nil || list[0].Bad != 86 || list[0].Judged != 100 ||
		list[1].Cause != reputation.Complaints || list[1].ResumedAt == nil {
		t.Errorf("%+v, %v", list, err)
	}
	windows, err := db.ReputationWindows(t.Context())
	want := reputation.Counts{Delivered: 100, Bounced: 100, Complained: 3}
	if err != nil || len(windows) != 2 || windows[0].Counts != want || windows[1].Counts != want {
		t.Errorf("%+v, %v", windows, err)
	}
}

// TestBothAreTooMany: of two causes the first is told, and the other when that is accepted.
func TestBothAreTooMany(t *testing.T) {
	t.Parallel()
	for range 5 {
		db := openHashing(t)
		everything(t, db)
		id, uid := receiving(t, db)
		happens(t, db, id, analytics.Delivered, 100)
		happens(t, db, id, analytics.Bounce, 50)
		happens(t, db, id, analytics.Complaint, 50)
		for _, cause := range reputation.Causes() {
			watched(t, db, cause)
			if _, err := db.ResumePublication(t.Context(), uid, func(int) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
		watched(t, db)
	}
}

// TestWhoIsNotPaused: others than those that are being sent, and none if the policy says so.
func TestWhoIsNotPaused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"ended": `UPDATE publication SET state = 'completed'`, "paused": `UPDATE publication SET state = 'paused'`,
		"a message": `UPDATE publication SET message = true`, "not by the policy": `UPDATE reputation_policy SET pause = false`,
		"higher limits":   `UPDATE reputation_policy SET max_bounces = 1, max_complaints = 1`,
		"a larger sample": `UPDATE reputation_policy SET min_sample = 10000`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := openHashing(t)
			id, _ := receiving(t, db)
			happens(t, db, id, analytics.Delivered, 1000)
			happens(t, db, id, analytics.Bounce, 1000)
			happens(t, db, id, analytics.Complaint, 1000)
			exec(t, db, change)
			watched(t, db)
		})
	}
}

// TestSeveralWatch: one of them pauses.
func TestSeveralWatch(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	id, _ := receiving(t, db)
	happens(t, db, id, analytics.Bounce, 200)
	var paused atomic.Int64
	errs := make(chan error, 8)
	for range cap(errs) {
		go func() {
			list, err := db.WatchReputation(t.Context())
			paused.Add(int64(len(list)))
			errs <- err
		}()
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := value[int](t, db, `SELECT count(*)::int FROM audit_event WHERE action = 'publication.pause'`); n != 1 || paused.Load() != 1 {
		t.Errorf("%d times in the audit log, %d paused", n, paused.Load())
	}
}
