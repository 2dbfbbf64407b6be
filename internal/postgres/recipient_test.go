package postgres

import (
	"testing"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/publication"
)

func TestRecipient(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	forTopic, _ := n.accepted(t, func(o *publication.Order) {
		o.Audience = publication.AudienceOrder{Topics: []string{"go", "empty"}}
	})
	forAll, _ := n.accepted(t, nil)
	subscriber := value[int64](t, n.DB, `SELECT id FROM subscriber WHERE uid = $1`, n.Readers[0])
	r, err := n.Recipient(t.Context(), forTopic, subscriber)
	if err != nil || !r.Active || len(r.Topics) != 1 || r.Topics[0].Name != "Go" || r.Topics[0].ID == 0 || r.Language != "en" {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err = n.Recipient(t.Context(), forAll, subscriber); err != nil || len(r.Topics) != 0 {
		t.Errorf("for all: %+v, %v", r, err)
	}
	n.exec(t, `UPDATE subscriber SET email = 'x@deleted.invalid' WHERE id = $1`, subscriber)
	if _, err := n.Recipient(t.Context(), forTopic, subscriber); !fault.Is(err, fault.NotFound) {
		t.Errorf("deleted: %v", err)
	}
}

func TestUnsubscribe(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	id, _ := n.accepted(t, func(o *publication.Order) { o.Audience = publication.AudienceOrder{Topics: []string{"go"}} })
	subscriber := value[int64](t, n.DB, `SELECT id FROM subscriber WHERE uid = $1`, n.Readers[0])
	topic := value[int32](t, n.DB, `SELECT id FROM topic WHERE slug = 'go'`)
	const state = `SELECT concat_ws(' ', status, cardinality(topics), revoked_at IS NOT NULL, version,
		(SELECT count(*) FROM event WHERE kind = 3 AND recipient_id = s.id), (SELECT count(*) FROM audit_event WHERE entity_uid = s.uid))
		FROM subscriber s WHERE id = $1`
	u := publication.Unsubscription{Publication: id, Channel: 1, Subscriber: subscriber, Topics: []int32{}}
	for _, step := range []struct {
		topics []int32
		want   string
	}{
		{[]int32{}, "active 1 f 1 0 0"}, {[]int32{topic}, "active 0 t 2 1 1"}, {[]int32{topic}, "active 0 t 2 1 1"},
		{nil, "unsubscribed 0 t 3 2 2"}, {nil, "unsubscribed 0 t 3 2 2"},
	} {
		u.Topics = step.topics
		if err := n.Unsubscribe(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		if got := value[string](t, n.DB, state, subscriber); got != step.want {
			t.Errorf("after leaving %v: %s, want %s", step.topics, got, step.want)
		}
	}
	u.Subscriber = 1 << 40
	if err := n.Unsubscribe(t.Context(), u); err != nil {
		t.Errorf("one who is no more: %v", err)
	}
}
