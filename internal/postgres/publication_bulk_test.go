package postgres

import (
	"slices"
	"testing"

	"github.com/presswork/presswork/internal/bulk"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

func (n *newsroom) creation(t *testing.T, change func(*publication.Order)) publication.Item {
	return publication.Item{Action: bulk.Create, New: n.submission(t, change)}
}

// whatBecame is what became of the items: their states, or why not.
func whatBecame(r bulk.Result) (list []string) {
	for _, o := range r.Outcomes {
		word := o.State
		if o.Err != nil {
			word = fault.CodeOf(o.Err)
		}
		list = append(list, word)
	}
	return list
}

// TestBulkPublications: what a call accepts is stored with its tasks as by itself, and what fails fails alone.
func TestBulkPublications(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	witness(t, n.DB) // what a call does is told of like all else
	made, err := n.BulkPublications(t.Context(), call(bulk.AllOrNothing),
		[]publication.Item{n.creation(t, nil), n.creation(t, inAnHour), n.creation(t, asDraft), n.creation(t, nil), n.creation(t, asDraft)})
	if err != nil || !made.Done || !slices.Equal(whatBecame(made), []string{"queued", "scheduled", "draft", "queued", "draft"}) {
		t.Fatalf("%v, %v", whatBecame(made), err)
	}
	uid := func(n int) ident.UID { return made.Outcomes[n].UID }
	for k, want := range []string{"queued", "scheduled", "draft", "queued", "draft"} {
		if p, err := n.Publication(t.Context(), uid(k)); err != nil || string(p.State) != want || p.Version != 1 {
			t.Errorf("%d: %+v, %v", k, p, err)
		}
	}
	if tasks := value[int](t, n.DB, `SELECT count(*) FROM outbox WHERE kind = 'render'`); tasks != 2 {
		t.Errorf("%d tasks", tasks)
	}
	change := publication.Change{Resolved: n.submission(t, asDraft).Resolved, Verb: "update"}
	only := func(wanted int) func(int) error {
		return func(version int) error {
			if version != wanted {
				return errWrongVersion
			}
			return nil
		}
	}
	r, err := n.BulkPublications(t.Context(), call(bulk.PerItem), []publication.Item{
		{Action: bulk.Update, UID: uid(2), Check: only(1), Change: change},
		{Action: bulk.Update, UID: uid(2), Check: only(1), Change: change}, // after the first
		{Action: bulk.Update, UID: uid(0), Check: anyVersion, Change: change},
		{Action: bulk.Delete, UID: uid(4), Check: only(1)},
		{Action: bulk.Delete, UID: uid(4), Check: anyVersion},
		{Action: bulk.Delete, UID: ident.New(), Check: anyVersion},
		{Err: fault.New(fault.Invalid, "invalid_input", ""), Action: bulk.Create},
		n.creation(t, nil),
	})
	want := []string{"draft", "version_mismatch", "wrong_state", "", "not_found", "not_found", "invalid_input", "queued"}
	if err != nil || !slices.Equal(whatBecame(r), want) || r.Outcomes[0].Version != 2 {
		t.Errorf("%v, want %v, %v", whatBecame(r), want, err)
	}
	if list := value[int](t, n.DB, `SELECT count(*) FROM publication`); list != 5 {
		t.Errorf("%d publications", list)
	}
}

// TestBulkPublicationsFailAlone: a publication whose sender is deleted meanwhile is refused, and those accepted with it in one
// statement are accepted one by one.
func TestBulkPublicationsFailAlone(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	witness(t, n.DB) // what a call does is told of like all else
	gone := n.creation(t, nil)
	no := int32(99)
	gone.New.SenderID = &no
	items := []publication.Item{n.creation(t, nil), gone, n.creation(t, inAnHour)}
	r, err := n.BulkPublications(t.Context(), call(bulk.PerItem), items)
	if err != nil || !slices.Equal(whatBecame(r), []string{"queued", "invalid_input", "scheduled"}) || !slices.Equal(fieldsOf(r.Outcomes[1].Err), []string{"/sender_id unknown_sender"}) {
		t.Errorf("%v %v, %v", whatBecame(r), fieldsOf(r.Outcomes[1].Err), err)
	}
	if r, err = n.BulkPublications(t.Context(), call(bulk.AllOrNothing), items); err != nil || r.Done {
		t.Errorf("%+v, %v", r, err)
	}
	if got := value[int](t, n.DB, `SELECT count(*) FROM publication`); got != 2 {
		t.Errorf("%d publications", got)
	}
	if tasks := value[int](t, n.DB, `SELECT count(*) FROM outbox`); tasks != 1 {
		t.Errorf("%d tasks", tasks)
	}
}
