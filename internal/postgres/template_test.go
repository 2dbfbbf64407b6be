package postgres

import (
	"errors"
	"reflect"
	"testing"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/template"
)

func TestTemplateVersions(t *testing.T) {
	t.Parallel()
	db := open(t)
	made, err := db.CreateTemplate(t.Context(), template.Set{Name: "plain", Channel: "email", Languages: map[string]template.Source{
		"en": {Subject: "Hello", HTML: "<p>Hello</p>", Text: "Hello"}, "de": {Subject: "Hallo", HTML: "<p>Hallo</p>"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := db.Template(t.Context(), made.UID); err != nil || !reflect.DeepEqual(got, made) {
		t.Errorf("read %+v, %v\nmade %+v", got, err, made)
	}
	if _, err := db.CreateTemplate(t.Context(), template.Set{Name: "plain", Channel: "slack", Languages: made.Languages}); fault.CodeOf(err) != "already_exists" {
		t.Errorf("the same name: %v", err)
	}
	two, err := db.UpdateTemplate(t.Context(), made.UID, func(before template.Set) (template.Set, error) {
		before.Name, before.Channel = "plainer", "slack"
		before.Languages = map[string]template.Source{"en": {Subject: "Hi", HTML: "<p>Hi</p>"}}
		return before, nil
	})
	if err != nil || two.Version != 2 || two.Channel != "email" || two.Name != "plainer" {
		t.Errorf("updated %+v, %v", two, err)
	}
	got, err := db.Template(t.Context(), made.UID)
	if err != nil || len(got.Languages) != 1 || got.Languages["en"].Subject != "Hi" {
		t.Errorf("newest %+v, %v", got, err)
	}
	pinned, err := db.PinnedTemplate(t.Context(), made.ID, 1)
	if err != nil || len(pinned.Languages) != 2 || pinned.Version != 1 {
		t.Errorf("pinned %+v, %v", pinned, err)
	}
	list, err := db.ListTemplates(t.Context(), 0, 10)
	if err != nil || len(list) != 1 || list[0].Version != 2 || len(list[0].Languages) != 1 {
		t.Errorf("list %+v, %v", list, err)
	}
	if err := db.DeleteTemplate(t.Context(), made.UID, notVersion(2)); !errors.Is(err, errVersion) {
		t.Errorf("the check was not asked: %v", err)
	}
	if err := db.DeleteTemplate(t.Context(), made.UID, anyVersion); err != nil {
		t.Error(err)
	}
	for what, err := range map[string]error{
		"delete": db.DeleteTemplate(t.Context(), made.UID, anyVersion),
		"read":   func() error { _, err := db.Template(t.Context(), ident.New()); return err }(),
		"pinned": func() error { _, err := db.PinnedTemplate(t.Context(), made.ID, 1); return err }(),
		"update": func() error { _, err := db.UpdateTemplate(t.Context(), made.UID, nil); return err }(),
	} {
		if !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestUsedTemplateStays(t *testing.T) {
	t.Parallel()
	db := open(t)
	made, err := db.CreateTemplate(t.Context(), template.Set{Name: "used", Channel: "email", Languages: map[string]template.Source{"en": {}}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.pool.Exec(t.Context(), `
		INSERT INTO publication (uid, title, type, priority, lane, state, channels, audience, contents, templates, created_by)
		VALUES ($1, 'P', 'alert', 'normal', 1, 'paused', '{1}', '{"all": true}', '[]',
		        jsonb_build_object('email', jsonb_build_object('id', $2::bigint, 'version', 1)), 'test')`, ident.New(), made.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.DeleteTemplate(t.Context(), made.UID, anyVersion); fault.CodeOf(err) != "in_use" {
		t.Errorf("got %v", err)
	}
}
