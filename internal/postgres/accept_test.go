package postgres

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/telemetry"
	"github.com/presswork/presswork/tasks"
)

func TestAcceptStoresEverything(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	poked := make(chan struct{}, 1)
	a := n.acceptor(t, func() { poked <- struct{}{} })
	ctx := telemetry.WithCorrelation(audit.WithActor(t.Context(), "key:admin"), "c-1")
	got, err := a.Accept(ctx, n.submission(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	<-poked
	if got.State() != publication.Queued || got.Replay || got.UID.IsZero() || got.CreatedAt.IsZero() {
		t.Errorf("%+v", got)
	}
	row := value[string](t, n.DB, `
		SELECT concat_ws(' ', title, type, priority, lane, state, channels, audience, data, gen, created_by, correlation_id, version,
		       contents->0->'version', sender_id IS NOT NULL, templates)
		FROM publication WHERE uid = $1`, got.UID)
	if want := `Spring newsletter normal 1 queued {1,3} {"all": true} {} 1 key:admin c-1 1 3 t {}`; row != want {
		t.Errorf("stored %s\nwant   %s", row, want)
	}
	line := value[string](t, n.DB, `SELECT concat_ws(' ', actor, action, entity, correlation_id) FROM audit_event WHERE entity_uid = $1`, got.UID)
	if line != "key:admin publication.create publication c-1" {
		t.Errorf("audit %s", line)
	}
	later, err := a.Accept(ctx, n.submission(t, inAnHour))
	if err != nil || later.State() != publication.Scheduled {
		t.Fatalf("%+v, %v", later, err)
	}
	if s := value[string](t, n.DB, `SELECT state || gen FROM publication WHERE uid = $1`, later.UID); s != "scheduled0" {
		t.Errorf("scheduled one: %s", s)
	}
	if rows := value[int](t, n.DB, `SELECT count(*)::int FROM outbox`); rows != 1 {
		t.Errorf("%d tasks", rows)
	}
}

// The statement writes the task itself; it must be the one that package tasks makes.
func TestAcceptWritesTheRenderTask(t *testing.T) {
	t.Parallel()
	for priority, lane := range map[publication.Priority]tasks.Lane{
		publication.Critical: tasks.LaneCritical, publication.Normal: tasks.LaneNormal, publication.Bulk: tasks.LaneBulk,
	} {
		t.Run(string(priority), func(t *testing.T) {
			t.Parallel()
			n := newNewsroom(t)
			id, _ := n.accepted(t, func(o *publication.Order) { o.Priority = priority })
			want, err := tasks.New(tasks.NewRender(id, 1), lane)
			if err != nil {
				t.Fatal(err)
			}
			rows, err := n.Outbox(t.Context(), 10)
			if err != nil || len(rows) != 1 {
				t.Fatalf("%+v, %v", rows, err)
			}
			if got := rows[0].Task; got.ID != want.ID || got.Kind != want.Kind || got.Queue != want.Queue || !bytes.Equal(got.Payload, want.Payload) {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func keyed(s publication.Submission, key string, digest byte) publication.Submission {
	s.Key, s.Digest = key, [32]byte{digest}
	return s
}

// 200 requests at once with one key are one publication, whichever groups they land in.
func TestConcurrentDuplicatesCreateOne(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	a := n.acceptor(t, nil)
	s := keyed(n.submission(t, nil), "k", 1)
	var group sync.WaitGroup
	answers := make([]publication.Accepted, 200)
	for i := range answers {
		group.Go(func() {
			var err error
			if answers[i], err = a.Accept(t.Context(), s); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	first := 0
	for _, got := range answers {
		if !got.Replay {
			first++
		}
		if got.UID != answers[0].UID || !got.CreatedAt.Equal(answers[0].CreatedAt) {
			t.Fatalf("answers differ: %+v and %+v", got, answers[0])
		}
	}
	if first != 1 {
		t.Errorf("%d answers are no replays", first)
	}
	for _, table := range []string{"publication", "idempotency", "outbox", "audit_event"} {
		if rows := value[int](t, n.DB, `SELECT count(*)::int FROM `+table); rows != 1 {
			t.Errorf("%d rows in %s", rows, table)
		}
	}
}

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	a := n.acceptor(t, nil)
	s := n.submission(t, inAnHour)
	accept := func(actor, key string, digest byte) (publication.Accepted, error) {
		return a.Accept(audit.WithActor(t.Context(), actor), keyed(s, key, digest))
	}
	first, err := accept("a", "k", 1)
	if err != nil {
		t.Fatal(err)
	}
	again, err := accept("a", "k", 1)
	if err != nil || !again.Replay || again.UID != first.UID || !again.ScheduledAt.Equal(*first.ScheduledAt) {
		t.Errorf("again %+v, %v", again, err)
	}
	if _, err := accept("a", "k", 2); fault.CodeOf(err) != "idempotency_mismatch" || !fault.Is(err, fault.Invalid) {
		t.Errorf("another request: %v", err)
	}
	if other, err := accept("b", "k", 2); err != nil || other.Replay || other.UID == first.UID {
		t.Errorf("another principal: %+v, %v", other, err)
	}
	if got, err := n.Replay(audit.WithActor(t.Context(), "a"), keyed(s, "k", 1)); err != nil || got.UID != first.UID {
		t.Errorf("replay %+v, %v", got, err)
	}
	if _, err := n.Replay(t.Context(), keyed(s, "k", 1)); !fault.Is(err, fault.NotFound) {
		t.Errorf("replay of nobody's: %v", err)
	}
	n.exec(t, `UPDATE idempotency SET created_at = created_at - interval '24 hours'`)
	if _, err := n.Replay(audit.WithActor(t.Context(), "a"), keyed(s, "k", 1)); !fault.Is(err, fault.NotFound) {
		t.Errorf("replay after a day: %v", err)
	}
	if fresh, err := accept("a", "k", 2); err != nil || fresh.Replay || fresh.UID == first.UID {
		t.Errorf("after a day: %+v, %v", fresh, err)
	}
	if again, err := accept("a", "k", 2); err != nil || !again.Replay {
		t.Errorf("after a day, again: %+v, %v", again, err)
	}
	for _, want := range []int64{1, 0} { // that of b; a's is in use again
		if removed, err := n.ForgetIdempotencyKeys(t.Context(), 10); err != nil || removed != want {
			t.Errorf("removed %d keys, %v, want %d", removed, err, want)
		}
	}
}

func TestMergedKeysOfOtherRequests(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	s := n.submission(t, nil)
	var group []*acceptance
	for i := range byte(6) {
		one := &acceptance{Submission: keyed(s, fmt.Sprint(i%2), i/4), uid: ident.New(), actor: "a", answer: make(chan answer, 1)}
		group = append(group, one)
	}
	NewAcceptor(n.DB, nil).commit(t.Context(), group)
	for i, one := range group {
		got := <-one.answer
		mismatch := i >= 4
		if mismatch != (fault.CodeOf(got.err) == "idempotency_mismatch") || !mismatch && got.accepted.Replay != (i >= 2) {
			t.Errorf("%d: %+v", i, got)
		}
	}
	if rows := value[int](t, n.DB, `SELECT count(*)::int FROM publication`); rows != 2 {
		t.Errorf("%d publications", rows)
	}
}

func TestOneBadRowFailsAlone(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	good, badSender, badText := n.submission(t, nil), n.submission(t, nil), n.submission(t, nil)
	nobody := int32(999)
	badSender.SenderID = &nobody
	badText.Title = "\x00"
	var group []*acceptance
	for _, s := range []publication.Submission{good, badSender, keyed(good, "k", 1), badText} {
		group = append(group, &acceptance{Submission: s, uid: ident.New(), actor: "a", answer: make(chan answer, 1)})
	}
	NewAcceptor(n.DB, nil).commit(t.Context(), group)
	for i, one := range group {
		got := <-one.answer
		switch i {
		case 1:
			sameStrings(t, fieldsOf(got.err), "/sender_id unknown_sender")
		case 3:
			if got.err == nil {
				t.Error("a NUL was stored")
			}
		default:
			if got.err != nil {
				t.Errorf("%d: %v", i, got.err)
			}
		}
	}
	if rows := value[int](t, n.DB, `SELECT count(*)::int FROM publication`); rows != 2 {
		t.Errorf("%d publications", rows)
	}
}

func TestAcceptorThatStopped(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	a := NewAcceptor(n.DB, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a.Run(ctx)
	if _, err := a.Accept(t.Context(), n.submission(t, nil)); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
	idle := NewAcceptor(n.DB, nil) // nobody runs it
	ctx, cancel = context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := idle.Accept(ctx, n.submission(t, nil)); !fault.Is(err, fault.Timeout) {
		t.Errorf("%v", err)
	}
}
