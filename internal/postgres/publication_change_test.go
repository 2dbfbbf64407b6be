package postgres

import (
	"context"
	"errors"
	"testing"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/telemetry"
)

// by is ctx on behalf of somebody.
func by(t testing.TB, who string) context.Context {
	t.Helper()
	return telemetry.WithCorrelation(audit.WithActor(t.Context(), who), "request of "+who)
}

// stored stores what the Acceptor does not take.
func (n *newsroom) stored(t testing.TB, who string, review bool, change func(*publication.Order)) ident.UID {
	t.Helper()
	s := n.submission(t, change)
	s.Review = review
	a, err := n.StorePublication(by(t, who), s)
	if err != nil {
		t.Fatal(err)
	}
	return a.UID
}

func asDraft(o *publication.Order) { o.Draft = true }

// change is a publication as it shall be, with a title.
func (n *newsroom) change(t testing.TB, title string, more ...func(*publication.Order)) publication.Change {
	t.Helper()
	s := n.submission(t, func(o *publication.Order) {
		o.Title = title
		for _, f := range more {
			f(o)
		}
	})
	return publication.Change{Resolved: s.Resolved, Verb: "update"}
}

// only refuses every version but one.
func only(version int) func(int) error {
	return func(now int) error {
		if now != version {
			return fault.New(fault.Conflict, "version_mismatch", "")
		}
		return nil
	}
}

// TestDraft is stored whole, and nothing is queued before it is published, in the transaction that publishes it.
func TestDraft(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	uid := n.stored(t, "ann", false, asDraft)
	p, err := n.Publication(t.Context(), uid)
	if err != nil || p.State != publication.Draft || p.CreatedBy != "ann" || p.Version != 1 || p.Approval != nil {
		t.Fatalf("%+v, %v", p, err)
	}
	sameStrings(t, n.outboxIDs(t))
	publish := n.change(t, "Spring")
	publish.Publish, publish.Verb = true, "publish"
	if p, err = n.ChangePublication(by(t, "ann"), uid, only(1), publish); err != nil || p.State != publication.Queued || p.Version != 2 {
		t.Fatalf("%+v, %v", p, err)
	}
	if ids := n.outboxIDs(t); len(ids) != 1 {
		t.Errorf("queued %v", ids)
	}
	if _, err := n.ChangePublication(by(t, "ann"), uid, anyVersion, publish); !fault.Is(err, fault.Conflict) {
		t.Errorf("a second time: %v", err)
	}
	actions := value[[]string](t, n.DB, `SELECT array_agg(action || ' ' || actor || ' ' || correlation_id ORDER BY id) FROM audit_event`)
	sameStrings(t, actions, "publication.create ann request of ann", "publication.publish ann request of ann")
}

// TestVersionsAreKept whole: each can be read again as the request that it was, by any number that it had.
func TestVersionsAreKept(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	_, uid := n.accepted(t, inAnHour)
	if _, err := n.PausePublication(by(t, "ops"), uid, anyVersion); err != nil {
		t.Fatal(err)
	}
	full := n.change(t, "Second", inAnHour, func(o *publication.Order) {
		o.Templates = map[string]ident.UID{"email": n.Template}
		o.Audience = publication.AudienceOrder{Subscribers: n.Readers[:2], Exclude: n.Readers[2:3]}
		o.Data, o.Encoded, o.RatePerMinute = map[string]any{"n": nil}, `{"n": null, "big": 12345678901234567890}`, 60
	})
	if p, err := n.ChangePublication(by(t, "bob"), uid, only(2), full); err != nil || p.Version != 3 || p.State != publication.Paused {
		t.Fatalf("%+v, %v", p, err)
	}
	third := n.change(t, "Third", inAnHour, asDraft)
	if p, err := n.ChangePublication(by(t, "cid"), uid, only(3), third); err != nil || p.Version != 4 || p.State != publication.Draft {
		t.Fatalf("%+v, %v", p, err)
	}
	titles := []string{}
	for number := 1; number <= 4; number++ {
		v, err := n.PublicationVersion(t.Context(), uid, number)
		if err != nil {
			t.Fatal(err)
		}
		titles = append(titles, v.Request.Title+" by "+v.ChangedBy)
	}
	sameStrings(t, titles, "Spring by system", "Spring by system", "Second by bob", "Third by cid")
	for _, number := range []int{0, 5, -1} {
		if _, err := n.PublicationVersion(t.Context(), uid, number); !fault.Is(err, fault.NotFound) {
			t.Errorf("version %d: %v", number, err)
		}
	}
	v, err := n.PublicationVersion(t.Context(), uid, 3)
	if err != nil || v.CorrelationID != "request of bob" || len(v.Contents) != 1 || v.Contents[0] != (publication.Ref{UID: n.Content, Version: 3}) ||
		v.Templates["email"].Version != 2 || v.Request.Templates["email"] != n.Template.String() || *v.Request.RatePerMinute != 60 {
		t.Errorf("%+v, %v", v, err)
	}
	sameStrings(t, v.Request.Audience.Subscribers, n.Readers[0].String(), n.Readers[1].String())
	sameStrings(t, v.Request.Audience.Exclude, n.Readers[2].String())
	list, err := n.PublicationVersions(t.Context(), uid, publication.Versions{Limit: 2})
	if err != nil || len(list) != 2 || list[0].Number != 4 || list[1].Number != 3 {
		t.Errorf("%+v, %v", list, err)
	}
	if list, err = n.PublicationVersions(t.Context(), uid, publication.Versions{Before: 3, Limit: 2}); err != nil || len(list) != 1 || list[0].Number != 1 {
		t.Errorf("the rest: %+v, %v", list, err)
	}
	if _, err := n.PublicationVersions(t.Context(), ident.New(), publication.Versions{Limit: 2}); !fault.Is(err, fault.NotFound) {
		t.Errorf("of none: %v", err)
	}
	if err := n.DeletePublication(t.Context(), uid, only(4)); err != nil {
		t.Fatal(err)
	}
	if left := value[int](t, n.DB, `SELECT count(*)::int FROM publication_version`); left != 0 {
		t.Errorf("%d versions of what was deleted", left)
	}
}

// TestWhatBeganIsNotChanged: a worker may hold a copy of what was queued once, even if it is paused now.
func TestWhatBeganIsNotChanged(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	id, uid := n.accepted(t, nil)
	for _, state := range publication.States() {
		n.exec(t, `UPDATE publication SET state = $2 WHERE id = $1`, id, string(state))
		if _, err := n.ChangePublication(t.Context(), uid, anyVersion, n.change(t, "Other", inAnHour)); !fault.Is(err, fault.Conflict) {
			t.Errorf("%s: %v", state, err)
		}
		if err := n.DeletePublication(t.Context(), uid, func(int) error { return errNever }); !errors.Is(err, errNever) {
			t.Errorf("%s: deleted without asking: %v", state, err)
		}
	}
	n.exec(t, `UPDATE publication SET state = 'cancelled', started_at = now() WHERE id = $1`, id)
	if err := n.DeletePublication(t.Context(), uid, anyVersion); !fault.Is(err, fault.Conflict) {
		t.Errorf("what began was deleted: %v", err)
	}
	n.exec(t, `UPDATE publication SET started_at = NULL WHERE id = $1`, id)
	if err := n.DeletePublication(t.Context(), uid, anyVersion); err != nil {
		t.Error(err)
	}
	if err := n.DeletePublication(t.Context(), uid, anyVersion); !fault.Is(err, fault.NotFound) {
		t.Errorf("twice: %v", err)
	}
}

var errNever = errors.New("never")

// TestDraftsHaveKeys: a repetition is the first answer, of drafts too, whatever became of them.
func TestDraftsHaveKeys(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	s := n.submission(t, func(o *publication.Order) { asDraft(o); inAnHour(o) })
	s.Key, s.Digest = "k", [32]byte{1}
	answers := make([]publication.Accepted, 6)
	for i, err := range together(len(answers), func(i int) (err error) { answers[i], err = n.StorePublication(t.Context(), s); return err }) {
		if err != nil || answers[i].UID != answers[0].UID || answers[i].State() != publication.Draft || !answers[i].ScheduledAt.Equal(*answers[0].ScheduledAt) {
			t.Errorf("%+v and %+v, %v", answers[i], answers[0], err)
		}
	}
	if count := value[int](t, n.DB, `SELECT count(*)::int FROM publication`); count != 1 {
		t.Errorf("%d were stored", count)
	}
	if _, err := n.ChangePublication(t.Context(), answers[0].UID, anyVersion, n.change(t, "Other", asDraft)); err != nil {
		t.Fatal(err)
	}
	again, err := n.Replay(t.Context(), s)
	if err != nil || again.UID != answers[0].UID || !again.Draft || !again.ScheduledAt.Equal(*answers[0].ScheduledAt) {
		t.Errorf("after a change: %+v, %v", again, err)
	}
	plain := n.submission(t, nil)
	plain.Key = "k"
	if _, err := n.acceptor(t, nil).Accept(t.Context(), plain); fault.CodeOf(err) != "idempotency_mismatch" {
		t.Errorf("another request: %v", err)
	}
	clone := s
	clone.Origin = answers[0].UID
	if other, err := n.StorePublication(t.Context(), clone); err != nil || other.Replay || other.UID == answers[0].UID {
		t.Errorf("the key of another route: %+v, %v", other, err)
	}
	if err := n.DeletePublication(t.Context(), answers[0].UID, anyVersion); err != nil {
		t.Fatal(err)
	}
	if _, err := n.StorePublication(t.Context(), s); fault.CodeOf(err) != "deleted" {
		t.Errorf("after it was deleted: %v", err)
	}
}

// TestDueWhileItIsChanged: a change locks out the scheduler, which then finds another time, or none.
