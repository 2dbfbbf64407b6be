package postgres

import (
	"context"
	"regexp"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/bulk"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/subscriber"
)

// TestEveryChoiceHasItsVersion: whatever of preferences changes by hand, without a new version, gets one. What is not of them
// does not.
func TestEveryChoiceHasItsVersion(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	createReader(t, db, subscriber.Input{Email: "ann@x.org", Topics: []string{"go"}})
	others := map[string]string{"uid": `gen_random_uuid()`, "status": `'unsubscribed'`, "topics": `'{}'`, "channels_off": `'{2}'`, "frequency": `1`,
		"paused_until": `now()`, "quiet_from": `7, quiet_to = 8`, "quiet_to": `9`, "language": `'de'`, "timezone": `'Asia/Tokyo'`}
	want := 1
	for _, found := range regexp.MustCompile(`\bs\.([a-z_]+)`).FindAllStringSubmatch(selectPreferences, -1) {
		column := found[1]
		if column == "version" {
			continue
		}
		if others[column] == "" {
			t.Fatalf("preferences have %s: say what else it may be, and see to it in the trigger subscriber_version", column)
		}
		exec(t, db, `UPDATE subscriber SET `+column+` = `+others[column])
		want++
		if got := value[int](t, db, `SELECT version FROM subscriber`); got != want {
			t.Fatalf("%s is another, and the version %d, want %d", column, got, want)
		}
	}
	exec(t, db, `UPDATE subscriber SET name = 'Ann', suppression_id = NULL, revoked_at = now(), topics = topics`)
	if got := value[int](t, db, `SELECT version FROM subscriber`); got != want {
		t.Errorf("no preference changed, and the version is %d, want %d", got, want)
	}
	exec(t, db, `UPDATE subscriber SET status = 'active', version = version + 1`)
	if got := value[int](t, db, `SELECT version FROM subscriber`); got != want+1 {
		t.Errorf("raised once, and the version is %d, want %d", got, want+1)
	}
}

// forgetful remembers everything for good, and notes who was forgotten.
type forgetful struct {
	kept      map[ident.UID]subscriber.Preferences
	forgotten []ident.UID
}

func (f *forgetful) Preferences(
	ctx context.Context, uid ident.UID, version int, read func(context.Context) (subscriber.Preferences, error),
) (subscriber.Preferences, error) {
	if kept, ok := f.kept[uid]; ok && kept.Version >= version {
		return kept, nil
	}
	fresh, err := read(ctx)
	if err == nil {
		f.kept[uid] = fresh
	}
	return fresh, err
}

func (f *forgetful) Forget(_ context.Context, uid ident.UID) {
	delete(f.kept, uid)
	f.forgotten = append(f.forgotten, uid)
}

// TestEveryWriterIsSeen: by whichever way preferences change, what is remembered of them is not shown afterwards.
func TestEveryWriterIsSeen(t *testing.T) {
	t.Parallel()
	db, s, links := openHouse(t)
	memory := &forgetful{kept: map[ident.UID]subscriber.Preferences{}}
	db.recall = memory
	const email = "ann@x.org"
	uid := createReader(t, db, subscriber.Input{Email: email, Topics: []string{"art", "go"}}).UID
	id := byEmail(t, db, email).ID
	look := func() (subscriber.Preferences, subscriber.Preferences) {
		t.Helper()
		r, err := s.Reader(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		page, err := s.Preferences(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		api, err := db.ReadPreferences(t.Context(), uid)
		if err != nil {
			t.Fatal(err)
		}
		if changed := (subscriber.PreferencesChange{Before: page, After: api}); len(changed.Fields()) > 0 || page.Status != api.Status {
			t.Errorf("the page shows %+v, the API %+v", page, api)
		}
		stored, err := db.Preferences(t.Context(), uid)
		if err != nil {
			t.Fatal(err)
		}
		return page, stored
	}
	input := func(in subscriber.Input) func(subscriber.Subscriber) (subscriber.Change, error) {
		return func(one subscriber.Subscriber) (subscriber.Change, error) { return one.Change(in) }
	}
	for _, writer := range []struct {
		name  string
		write func() error
	}{
		{"preferences", func() error {
			_, err := db.ChangePreferences(t.Context(), uid, func(p subscriber.Preferences) (subscriber.PreferencesChange, error) {
				return p.Change(subscriber.PreferencesInput{Topics: p.Topics, Frequency: "weekly"}, time.Now())
			})
			return err
		}},
		{"a subscriber's update", func() error {
			_, err := db.UpdateSubscriber(t.Context(), uid, input(subscriber.Input{Email: email, Topics: []string{"art", "go"}, Language: "fr"}))
			return err
		}},
		{"an import", func() error {
			importFile(t, db, "email,language\n"+email+",de\n", subscriber.Update, false)
			return nil
		}},
		{"many at once", func() error {
			change := input(subscriber.Input{Email: email, Topics: []string{"art", "go"}, Language: "es"})
			_, err := db.BulkSubscribers(t.Context(), call(bulk.PerItem), []subscriber.Item{{Action: bulk.Update, UID: uid, Email: email, Change: change}})
			return err
		}},
		{"out of a topic", func() error {
			topic := value[int32](t, db, `SELECT id FROM topic WHERE slug = 'art'`)
			return db.Unsubscribe(t.Context(), publication.Unsubscription{Subscriber: id, Publication: 1, Channel: 1, Topics: []int32{topic}})
		}},
		{"out of everything", func() error { return s.Leave(t.Context(), uid) }},
		{"back by a confirmation", func() error {
			if err := s.Ask(t.Context(), uid); err != nil {
				return err
			}
			_, err := s.Confirm(t.Context(), id, links.requests[len(links.requests)-1])
			return err
		}},
	} {
		before, _ := look()
		if err := writer.write(); err != nil {
			t.Fatalf("%s: %v", writer.name, err)
		}
		shown, stored := look()
		change := subscriber.PreferencesChange{Before: before, After: shown}
		if len(change.Fields()) == 0 && before.Status == shown.Status {
			t.Errorf("%s changed nothing: %+v", writer.name, shown)
		}
		change.Before = stored
		if len(change.Fields()) > 0 || shown.Version != stored.Version || shown.Status != stored.Status {
			t.Errorf("%s: %+v is shown of %+v", writer.name, shown, stored)
		}
	}
	look()
	if _, err := db.EraseSubscriber(t.Context(), uid, anybody); err != nil || len(memory.kept) > 0 || len(memory.forgotten) != 1 {
		t.Errorf("erased, and %+v is remembered: %v", memory.kept, err)
	}
	if _, err := db.ReadPreferences(t.Context(), uid); err == nil {
		t.Error("somebody who was erased has preferences")
	}
}
