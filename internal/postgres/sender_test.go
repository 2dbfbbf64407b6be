package postgres

import (
	"fmt"
	"reflect"
	"sync"
	"testing"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/sender"
	"github.com/presswork/presswork/internal/subscriber"
)

func identity(name string, isDefault bool) sender.Identity {
	return sender.Identity{Name: name, FromName: "Desk", FromEmail: "desk@example.org", PostalAddress: "Street 1", Default: isDefault}
}

func TestSenderDefault(t *testing.T) {
	t.Parallel()
	db := open(t)
	first, err := db.CreateSender(t.Context(), identity("first", false))
	if err != nil || !first.Default {
		t.Fatalf("the first one is the default: %+v, %v", first, err)
	}
	second, err := db.CreateSender(t.Context(), identity("second", true))
	if err != nil || !second.Default {
		t.Fatalf("%+v, %v", second, err)
	}
	if first, err = db.Sender(t.Context(), first.UID); err != nil || first.Default {
		t.Errorf("two defaults: %+v, %v", first, err)
	}
	first.Default = true
	if got, err := db.UpdateSender(t.Context(), first, anyVersion); err != nil || !got.Default {
		t.Errorf("%+v, %v", got, err)
	}
	second.Name = "renamed"
	second.Default = false
	if got, err := db.UpdateSender(t.Context(), second, anyVersion); err != nil || got.Default || got.Name != "renamed" {
		t.Errorf("%+v, %v", got, err)
	}
	second.Name = "first"
	if _, err := db.UpdateSender(t.Context(), second, anyVersion); fault.CodeOf(err) != "already_exists" {
		t.Errorf("the same name: %v", err)
	}
	if byID, err := db.SenderByID(t.Context(), first.ID); err != nil || byID.UID != first.UID {
		t.Errorf("%+v, %v", byID, err)
	}
	if list, err := db.ListSenders(t.Context(), 0, 10); err != nil || len(list) != 2 {
		t.Errorf("%v, %v", list, err)
	}
	if err := db.DeleteSender(t.Context(), first.UID, anyVersion); fault.CodeOf(err) != "in_use" {
		t.Errorf("the default is gone, and there is no other: %v", err)
	}
	for _, uid := range []ident.UID{second.UID, first.UID} {
		if err := db.DeleteSender(t.Context(), uid, anyVersion); err != nil {
			t.Errorf("the other one, and then the last: %v", err)
		}
	}
}

func TestSenderDefaultsAtOnce(t *testing.T) {
	t.Parallel()
	db := open(t)
	var group sync.WaitGroup
	for i := range 6 {
		group.Go(func() {
			if _, err := db.CreateSender(t.Context(), identity(fmt.Sprint("s", i), true)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	var n int
	if err := db.pool.QueryRow(t.Context(), `SELECT count(*) FROM sender_identity WHERE is_default`).Scan(&n); err != nil || n != 1 {
		t.Errorf("%d defaults, %v", n, err)
	}
}

func TestSenderDelete(t *testing.T) {
	t.Parallel()
	db := open(t)
	made, err := db.CreateSender(t.Context(), identity("s", false))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.pool.Exec(t.Context(), `
		INSERT INTO publication (uid, title, type, priority, lane, state, channels, audience, contents, created_by, sender_id)
		VALUES ($1, 'P', 'alert', 'normal', 1, 'completed', '{1}', '{}', '[]', 'test', $2)`, ident.New(), made.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.DeleteSender(t.Context(), made.UID, anyVersion); fault.CodeOf(err) != "in_use" {
		t.Errorf("used: %v", err)
	}
	if _, err := db.pool.Exec(t.Context(), `DELETE FROM publication`); err != nil {
		t.Fatal(err)
	}
	if err := db.DeleteSender(t.Context(), made.UID, anyVersion); err != nil {
		t.Error(err)
	}
	for _, err := range []error{
		db.DeleteSender(t.Context(), made.UID, anyVersion),
		func() error { _, err := db.UpdateSender(t.Context(), made, anyVersion); return err }(),
		func() error { _, err := db.Sender(t.Context(), made.UID); return err }(),
	} {
		if !fault.Is(err, fault.NotFound) {
			t.Errorf("got %v", err)
		}
	}
}

func TestTopicLife(t *testing.T) {
	t.Parallel()
	db := open(t)
	made, err := db.CreateTopic(t.Context(), subscriber.Topic{Slug: "go", Name: "Go"})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := db.Topic(t.Context(), made.UID); err != nil || !reflect.DeepEqual(got, made) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := db.CreateTopic(t.Context(), subscriber.Topic{Slug: "go", Name: "Golang"}); fault.CodeOf(err) != "already_exists" {
		t.Errorf("the same slug: %v", err)
	}
	if got, err := db.UpdateTopic(t.Context(), made.UID, retitled("Golang")); err != nil || got.Name != "Golang" || got.Slug != "go" {
		t.Errorf("%+v, %v", got, err)
	}
	reader := createReader(t, db, subscriber.Input{Email: "a@x.org", Topics: []string{"go"}})
	if err := db.DeleteTopic(t.Context(), made.UID, anyVersion); fault.CodeOf(err) != "in_use" {
		t.Errorf("used: %v", err)
	}
	if err := db.DeleteSubscriber(t.Context(), reader.UID, func(subscriber.Subscriber) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := db.DeleteTopic(t.Context(), made.UID, anyVersion); err != nil {
		t.Error(err)
	}
	for _, err := range []error{
		db.DeleteTopic(t.Context(), made.UID, anyVersion),
		func() error { _, err := db.UpdateTopic(t.Context(), made.UID, retitled("x")); return err }(),
		func() error { _, err := db.Topic(t.Context(), made.UID); return err }(),
	} {
		if !fault.Is(err, fault.NotFound) {
			t.Errorf("got %v", err)
		}
	}
}

// retitled changes a topic's name, whatever its version.
func retitled(name string) func(subscriber.Topic) (subscriber.Topic, error) {
	return func(t subscriber.Topic) (subscriber.Topic, error) {
		t.Name = name
		return t, nil
	}
}
