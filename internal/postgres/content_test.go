package postgres

import (
	"errors"
	"reflect"
	"testing"

	"github.com/presswork/presswork/internal/content"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

func createContent(t testing.TB, db *DB, title string) (content.Item, ident.UID) {
	t.Helper()
	i, err := content.New(content.Item{Title: title, Body: "# Hello", Topics: []string{"go"}, Language: "en", Quality: 0.7})
	if err != nil {
		t.Fatal(err)
	}
	if i, err = db.CreateContent(t.Context(), i); err != nil {
		t.Fatal(err)
	}
	uid, err := ident.Parse(i.UID)
	if err != nil {
		t.Fatal(err)
	}
	return i, uid
}

func retitle(title string) func(content.Item) (content.Item, error) {
	return func(before content.Item) (content.Item, error) {
		next := before
		next.Title = title
		return before.Change(next)
	}
}

func TestContentVersions(t *testing.T) {
	t.Parallel()
	db := open(t)
	made, uid := createContent(t, db, "One")
	if got, err := db.Content(t.Context(), uid); err != nil || !reflect.DeepEqual(got, made) {
		t.Errorf("read %+v, %v\nmade %+v", got, err, made)
	}
	two, err := db.UpdateContent(t.Context(), uid, retitle("Two"))
	if err != nil || two.Version != 2 || two.Title != "Two" || two.ID != made.ID {
		t.Errorf("updated %+v, %v", two, err)
	}
	if old, err := db.ContentVersion(t.Context(), uid, 1); err != nil || old.Title != "One" || old.Version != 1 {
		t.Errorf("old version %+v, %v", old, err)
	}
	if _, err := db.ContentVersion(t.Context(), uid, 3); !fault.Is(err, fault.NotFound) {
		t.Errorf("a version that is not: %v", err)
	}
	list, err := db.ListContents(t.Context(), 0, 10)
	if err != nil || len(list) != 1 || list[0].Version != 2 || list[0].Body != "" {
		t.Errorf("list %+v, %v", list, err)
	}
	if err := db.DeleteContent(t.Context(), uid, notVersion(2)); !errors.Is(err, errVersion) {
		t.Errorf("the check was not asked: %v", err)
	}
	if err := db.DeleteContent(t.Context(), uid, anyVersion); err != nil {
		t.Error(err)
	}
	if err := db.DeleteContent(t.Context(), uid, anyVersion); !fault.Is(err, fault.NotFound) {
		t.Errorf("deleted twice: %v", err)
	}
}

var errVersion = errors.New("not this version")

// anyVersion is a check of Delete… that agrees; notVersion one that refuses a version.
func anyVersion(int) error { return nil }

func notVersion(refused int) func(int) error {
	return func(version int) error {
		if version == refused {
			return errVersion
		}
		return nil
	}
}

func TestPinnedContentsKeepOrderAndVersion(t *testing.T) {
	t.Parallel()
	db := open(t)
	first, uid := createContent(t, db, "First")
	second, _ := createContent(t, db, "Second")
	if _, err := db.UpdateContent(t.Context(), uid, retitle("Changed")); err != nil {
		t.Fatal(err)
	}
	got, err := db.PinnedContents(t.Context(), []publication.Pin{{ID: second.ID, Version: 1}, {ID: first.ID, Version: 1}})
	if err != nil || len(got) != 2 || got[0].Title != "Second" || got[1].Title != "First" {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := db.PinnedContents(t.Context(), []publication.Pin{{ID: first.ID, Version: 9}}); !fault.Is(err, fault.NotFound) {
		t.Errorf("a version that is not: %v", err)
	}
}

func TestUsedContentStays(t *testing.T) {
	t.Parallel()
	db := open(t)
	item, uid := createContent(t, db, "Used")
	_, err := db.pool.Exec(t.Context(), `
		INSERT INTO publication (uid, title, type, priority, lane, state, channels, audience, contents, created_by)
		VALUES ($1, 'P', 'alert', 'normal', 1, 'queued', '{1}', '{"all": true}', jsonb_build_array(jsonb_build_object('id', $2::bigint, 'version', 1)), 'test')`,
		ident.New(), item.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.DeleteContent(t.Context(), uid, anyVersion); fault.CodeOf(err) != "in_use" {
		t.Errorf("got %v", err)
	}
	if _, err := db.pool.Exec(t.Context(), `UPDATE publication SET state = 'completed'`); err != nil {
		t.Fatal(err)
	}
	if err := db.DeleteContent(t.Context(), uid, anyVersion); err != nil {
		t.Errorf("after completion: %v", err)
	}
}

// TestContentIsChangedTwiceAtOnce: who comes second changes what the first one made of the item, or learns that it did.
func TestContentIsChangedTwiceAtOnce(t *testing.T) {
	t.Parallel()
	db := open(t)
	_, uid := createContent(t, db, "One")
	second := make(chan error, 1)
	_, err := db.UpdateContent(t.Context(), uid, func(before content.Item) (content.Item, error) {
		go func() {
			_, err := db.UpdateContent(t.Context(), uid, func(seen content.Item) (content.Item, error) {
				if seen.Version != 2 || seen.Title != "Two" {
					t.Errorf("the second one sees %q, version %d", seen.Title, seen.Version)
				}
				return retitle("Three")(seen)
			})
			second <- err
		}()
		waitForLock(t, db)
		return retitle("Two")(before)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-second; err != nil {
		t.Errorf("the second one: %v", err)
	}
	if now, err := db.Content(t.Context(), uid); err != nil || now.Title != "Three" || now.Version != 3 {
		t.Errorf("in the end %+v, %v", now, err)
	}
}
