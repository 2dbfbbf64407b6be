package postgres

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/bulk"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
	"github.com/presswork/presswork/internal/telemetry"
)

func newReader(t testing.TB, in subscriber.Input) subscriber.Subscriber {
	t.Helper()
	s, err := subscriber.New(in)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func createReader(t testing.TB, db *DB, in subscriber.Input) subscriber.Subscriber {
	t.Helper()
	s, err := db.CreateSubscriber(t.Context(), newReader(t, in))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// auditActions is every action in the audit log, in order.
func auditActions(t testing.TB, db *DB) []string {
	t.Helper()
	list, err := db.ListAudit(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range list {
		out = append(out, e.Action)
	}
	return out
}

func TestSubscriberLife(t *testing.T) {
	t.Parallel()
	db := open(t)
	made := createReader(t, db, subscriber.Input{
		Email: "anna@x.org", Name: "Anna", Topics: []string{"go", "art"}, Attributes: map[string]any{"city": "Faro", "age": 3.0, "vip": true},
	})
	if made.ID == 0 || made.Version != 1 || made.ConsentAt == nil || made.RevokedAt != nil {
		t.Errorf("made %+v", made)
	}
	got, err := db.Subscriber(t.Context(), made.UID)
	if err != nil || !reflect.DeepEqual(got, made) {
		t.Errorf("read %+v, %v\nmade %+v", got, err, made)
	}
	if byID, err := db.SubscriberByID(t.Context(), made.ID); err != nil || byID.UID != made.UID {
		t.Errorf("by id %+v, %v", byID, err)
	}
	if _, err := db.CreateSubscriber(t.Context(), newReader(t, subscriber.Input{Email: "ANNA@x.org"})); fault.CodeOf(err) != "already_exists" {
		t.Errorf("a second one: %v", err)
	}
	changed, err := db.UpdateSubscriber(t.Context(), made.UID, func(s subscriber.Subscriber) (subscriber.Change, error) {
		return s.Change(subscriber.Input{Email: "anna@x.org", Name: "Anna B", Topics: []string{"go"}})
	})
	if err != nil || changed.Version != 2 || changed.RevokedAt == nil || !slices.Equal(changed.Topics, []string{"go"}) {
		t.Errorf("changed %+v, %v", changed, err)
	}
	same, err := db.UpdateSubscriber(t.Context(), made.UID, func(s subscriber.Subscriber) (subscriber.Change, error) {
		return s.Change(subscriber.Input{Email: "anna@x.org", Name: "Anna B", Topics: []string{"go"}})
	})
	if err != nil || same.Version != 2 {
		t.Errorf("unchanged %+v, %v", same, err)
	}
	if want := []string{"subscriber.create", "subscriber.update"}; !slices.Equal(auditActions(t, db), want) {
		t.Errorf("audit %v, want %v", auditActions(t, db), want)
	}
}

func TestDeletedSubscriberIsGoneButSeenBySenders(t *testing.T) {
	t.Parallel()
	db := open(t)
	made := createReader(t, db, subscriber.Input{Email: "anna@x.org", Name: "Anna", Attributes: map[string]any{"city": "Faro"}})
	refuse := errors.New("refused")
	if err := db.DeleteSubscriber(t.Context(), made.UID, func(subscriber.Subscriber) error { return refuse }); !errors.Is(err, refuse) {
		t.Errorf("the check was not asked: %v", err)
	}
	agree := func(subscriber.Subscriber) error { return nil }
	if err := db.DeleteSubscriber(t.Context(), made.UID, agree); err != nil {
		t.Fatal(err)
	}
	if err := db.DeleteSubscriber(t.Context(), made.UID, agree); !fault.Is(err, fault.NotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	if _, err := db.Subscriber(t.Context(), made.UID); !fault.Is(err, fault.NotFound) {
		t.Errorf("still there: %v", err)
	}
	if n, err := db.CountSubscribers(t.Context(), subscriber.Filter{}); err != nil || n != 0 {
		t.Errorf("%d counted, %v", n, err)
	}
	var personal int
	err := db.pool.QueryRow(t.Context(), `SELECT count(*) FROM subscriber WHERE name <> '' OR attributes <> '{}' OR email LIKE '%anna%'`).Scan(&personal)
	if err != nil || personal != 0 {
		t.Errorf("something personal is left: %d, %v", personal, err)
	}
	var revoked bool
	err = db.pool.QueryRow(t.Context(), `SELECT revoked_at > now() - interval '30 seconds' AND status = 'unsubscribed'
		FROM subscriber WHERE id = $1`, made.ID).Scan(&revoked)
	if err != nil || !revoked {
		t.Errorf("senders do not see it: %v, %v", revoked, err)
	}
	again := createReader(t, db, subscriber.Input{Email: "anna@x.org"})
	if n, err := db.PurgeSubscribers(t.Context(), time.Now().Add(-time.Hour), 10); err != nil || n != 0 {
		t.Errorf("purged %d too early, %v", n, err)
	}
	if n, err := db.PurgeSubscribers(t.Context(), time.Now().Add(time.Hour), 10); err != nil || n != 1 {
		t.Errorf("purged %d, %v", n, err)
	}
	if _, err := db.Subscriber(t.Context(), again.UID); err != nil {
		t.Errorf("the new one: %v", err)
	}
}

func TestListSubscribers(t *testing.T) {
	t.Parallel()
	db := open(t)
	for i := range 10 {
		in := subscriber.Input{Email: fmt.Sprintf("r%d_a@x.org", i), Topics: []string{"all", fmt.Sprintf("t%d", i%2)}}
		if i == 9 {
			in.Status = "pending"
		}
		createReader(t, db, in)
	}
	for name, c := range map[string]struct {
		filter subscriber.Filter
		want   int
	}{
		"all":           {subscriber.Filter{}, 10},
		"topic":         {subscriber.Filter{Topic: "t1"}, 5},
		"unknown topic": {subscriber.Filter{Topic: "nothing"}, 0},
		"status":        {subscriber.Filter{Status: subscriber.Pending}, 1},
		"prefix":        {subscriber.Filter{EmailPrefix: "r3_"}, 1},
		"no wildcard":   {subscriber.Filter{EmailPrefix: "r%"}, 0},
		"no single":     {subscriber.Filter{EmailPrefix: "r3_a_"}, 0},
		"all three":     {subscriber.Filter{EmailPrefix: "r9", Topic: "t1", Status: subscriber.Pending}, 1},
	} {
		list, err := db.ListSubscribers(t.Context(), c.filter, subscriber.Position{}, 100)
		n, countErr := db.CountSubscribers(t.Context(), c.filter)
		if err := errors.Join(err, countErr); err != nil || len(list) != c.want || n != int64(c.want) {
			t.Errorf("%s: %d listed, %d counted, %v; want %d", name, len(list), n, err, c.want)
		}
	}
	var seen []string
	for after := (subscriber.Position{}); ; {
		list, err := db.ListSubscribers(t.Context(), subscriber.Filter{}, after, 3)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		for _, s := range list {
			seen, after = append(seen, s.Email), subscriber.PositionOf(s)
		}
	}
	if len(seen) != 10 || len(slices.Compact(slices.Sorted(slices.Values(seen)))) != 10 {
		t.Errorf("pages gave %v", seen)
	}
}

func TestAttributeNames(t *testing.T) {
	t.Parallel()
	db := open(t)
	createReader(t, db, subscriber.Input{Email: "a@x.org", Attributes: map[string]any{"b": 1.0, "a": 1.0, "c": true, "d": "1"}})
	createReader(t, db, subscriber.Input{Email: "b@x.org", Attributes: map[string]any{"b": "x", "c": false, "a": -2.5}})
	got, err := db.AttributeNames(t.Context(), 10)
	if err != nil || !slices.Equal(got, []string{"a:number", "b", "c:boolean", "d"}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestTopicsMadeAtOnceByMany(t *testing.T) {
	t.Parallel()
	db := open(t)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			s := newReader(t, subscriber.Input{Email: fmt.Sprintf("r%d@x.org", i), Topics: []string{"a", "b", "c"}})
			if _, err := db.CreateSubscriber(t.Context(), s); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	topics, err := db.ListTopics(t.Context(), 0, 10)
	if err != nil || len(topics) != 3 {
		t.Errorf("%v, %v", topics, err)
	}
}

// TestTopicIsDeletedWhileItIsChosen: a topic goes only if nobody has it, those included who are just getting it.
func TestTopicIsDeletedWhileItIsChosen(t *testing.T) {
	t.Parallel()
	db := open(t)
	topic, err := db.CreateTopic(t.Context(), subscriber.Topic{Slug: "go", Name: "Go"})
	if err != nil {
		t.Fatal(err)
	}
	deleted := make(chan error, 1)
	one := call(bulk.AllOrNothing)
	one.Answer = func([]bulk.Outcome) (string, error) { // they have it, and nobody knows yet
		go func() { deleted <- db.DeleteTopic(t.Context(), topic.UID, anyVersion) }()
		for len(deleted) == 0 && !value[bool](t, db, `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`) {
		}
		return "", nil
	}
	r, err := db.BulkSubscribers(t.Context(), one, creations("a@x.org"))
	if err != nil || !r.Done {
		t.Fatalf("%+v, %v", r, err)
	}
	if err := <-deleted; fault.CodeOf(err) != "in_use" {
		t.Errorf("deleted: %v", err)
	}
	if s, err := db.Subscriber(t.Context(), r.Outcomes[0].UID); err != nil || !slices.Equal(s.Topics, []string{"go"}) {
		t.Errorf("the topics are %v, %v", s.Topics, err)
	}
}

func TestAuditHoldsNothingPersonal(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := telemetry.WithCorrelation(audit.WithActor(t.Context(), "key:admin"), "corr-1")
	s, err := db.CreateSubscriber(ctx, newReader(t, subscriber.Input{Email: "secret@x.org", Name: "Secret"}))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.UpdateSubscriber(ctx, s.UID, func(s subscriber.Subscriber) (subscriber.Change, error) {
		return s.Change(subscriber.Input{Email: "secret2@x.org", Name: "Secret Two"})
	})
	if err == nil {
		err = db.RecordAccess(ctx, "read", s.UID, 1)
	}
	if err == nil {
		err = db.RecordAccess(ctx, "list", ident.UID{}, 7)
	}
	if err != nil {
		t.Fatal(err)
	}
	var rows, personal int
	err = db.pool.QueryRow(context.Background(), `
		SELECT count(*) FILTER (WHERE actor = 'key:admin' AND correlation_id = 'corr-1'),
		       count(*) FILTER (WHERE audit_event::text ILIKE '%secret%') FROM audit_event`).Scan(&rows, &personal)
	if err != nil || rows != 4 || personal != 0 {
		t.Errorf("%d rows, %d with personal values, %v", rows, personal, err)
	}
}
