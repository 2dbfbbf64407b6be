package httpapi

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/jinja"
	"github.com/presswork/presswork/internal/postgres"
	"github.com/presswork/presswork/internal/template"
)

// countedTemplates counts how often a template is read, in whatever version.
type countedTemplates struct {
	*postgres.DB
	reads atomic.Int64
}

func (c *countedTemplates) Template(ctx context.Context, uid ident.UID) (template.Set, error) {
	c.reads.Add(1)
	return c.DB.Template(ctx, uid)
}

func (c *countedTemplates) PinnedTemplate(ctx context.Context, id int64, version int) (template.Set, error) {
	c.reads.Add(1)
	return c.DB.PinnedTemplate(ctx, id, version)
}

// counted is an API whose reads of templates are counted.
func counted(t *testing.T) (*newsroom, *countedTemplates) {
	t.Helper()
	var store *countedTemplates
	n := newNewsroom(t, func(d *Deps) {
		db, ok := d.Templates.(*postgres.DB)
		if !ok {
			t.Fatalf("not a database: %T", d.Templates)
		}
		store = &countedTemplates{DB: db}
		d.Templates = store
	})
	return n, store
}

// neighbour is another process on the same database.
func (n *newsroom) neighbour() *newsroom {
	n.t.Helper()
	engine, err := jinja.New(nil)
	if err != nil {
		n.t.Fatal(err)
	}
	other := *n
	other.api = serve(n.t, n.db, func(d *Deps) {
		d.Engine, d.Publications, d.Templates, d.Acceptor = engine, n.db, n.db, acceptor(n.t, n.db)
	})
	return &other
}

func (n *newsroom) seasonal(data map[string]any) answer {
	n.t.Helper()
	return n.publish(map[string]any{"template_ids": map[string]string{"email": n.template}, "data": data})
}

// A template is read for the first publication that names it, and never again in that version.
func TestTemplatesAreReadOnce(t *testing.T) {
	t.Parallel()
	n, store := counted(t)
	for range 3 {
		n.seasonal(map[string]any{"season": "spring"}).want(http.StatusAccepted)
		if got := store.reads.Load(); got != 1 {
			t.Errorf("%d reads", got)
		}
	}
	// What is remembered is what the template reads, not whether a publication had it.
	n.seasonal(map[string]any{"saison": "x"}).problem(http.StatusUnprocessableEntity, "invalid_input",
		"/template_ids/email unknown_variable", "/template_ids/email unknown_variable")
	n.seasonal(map[string]any{"season": "spring"}).want(http.StatusAccepted)
	if got := store.reads.Load(); got != 1 {
		t.Errorf("%d reads", got)
	}
}

// What another process changes counts from the next publication on: a new version is another template.
func TestChangedByAnotherProcess(t *testing.T) {
	t.Parallel()
	n, store := counted(t)
	n.seasonal(map[string]any{"season": "spring"}).want(http.StatusAccepted)
	n.seasonal(map[string]any{"season": "spring"}).want(http.StatusAccepted)

	other := n.neighbour()
	other.seasonal(map[string]any{"season": "spring"}).want(http.StatusAccepted)
	other.do("PUT", "/api/v1/templates/"+n.template,
		`{"name":"plain","channel":"email","languages":{"en":{"subject":"{{ data.weather }}","html":"<p>now</p>"}}}`,
		`If-Match: "1"`).want(http.StatusOK)

	p := n.seasonal(map[string]any{"season": "spring"}).problem(http.StatusUnprocessableEntity, "invalid_input", "/template_ids/email unknown_variable")
	if !strings.Contains(p.Errors[0].Detail, "data.weather") {
		t.Errorf("%+v", p.Errors)
	}
	n.seasonal(map[string]any{"weather": "fine"}).want(http.StatusAccepted)
	if got := store.reads.Load(); got != 2 {
		t.Errorf("%d reads of two versions", got)
	}
}
