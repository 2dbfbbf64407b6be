package postgres

import (
	"testing"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

func TestSubscriberByEmail(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 3)
	email := value[string](t, db, `SELECT email FROM subscriber WHERE id = 2`)
	if uid, err := db.SubscriberByEmail(t.Context(), email); err != nil || uid != subscriberUID(t, db, 2) {
		t.Errorf("%s, %v", uid, err)
	}
	for _, other := range []string{"", "x" + email, email + "x", "%"} {
		if uid, err := db.SubscriberByEmail(t.Context(), other); !fault.Is(err, fault.NotFound) || !uid.IsZero() {
			t.Errorf("%q: %s, %v", other, uid, err)
		}
	}
}

// TestPublicationContents are those that it was accepted with, though they changed since.
func TestPublicationContents(t *testing.T) {
	t.Parallel()
	db := open(t)
	first, uid := createContent(t, db, "First")
	second, _ := createContent(t, db, "Second")
	id := queued(t, db, publication.Audience{All: true})
	exec(t, db, `UPDATE publication SET contents = jsonb_build_array(
		jsonb_build_object('id', $1::bigint, 'version', 1), jsonb_build_object('id', $2::bigint, 'version', 1))`, second.ID, first.ID)
	if _, err := db.UpdateContent(t.Context(), uid, retitle("Changed")); err != nil {
		t.Fatal(err)
	}
	got, err := db.PublicationContents(t.Context(), publicationUID(t, db, id))
	if err != nil || len(got) != 2 || got[0].Title != "Second" || got[1].Title != "First" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := db.PublicationContents(t.Context(), ident.New()); !fault.Is(err, fault.NotFound) {
		t.Errorf("no publication: %v", err)
	}
	exec(t, db, `UPDATE publication SET contents = jsonb_build_array(jsonb_build_object('id', $1::bigint, 'version', 9))`, first.ID)
	if _, err := db.PublicationContents(t.Context(), publicationUID(t, db, id)); !fault.Is(err, fault.NotFound) {
		t.Errorf("no such version: %v", err)
	}
}

// TestAttemptsNameTheirOutlet, as long as there is one.
func TestAttemptsNameTheirOutlet(t *testing.T) {
	t.Parallel()
	db := open(t)
	outlet := ident.New()
	exec(t, db, `INSERT INTO channel (uid, kind, provider, name) VALUES ($1, 'email', 'ses', 'main')`, outlet)
	id := failing(t, db, 5)
	exec(t, db, `INSERT INTO delivery_attempt (publication_id, channel_id, recipient_id, attempt, at, state, reason, outlet_id)
		SELECT $1, 1, 2, 1, clock_timestamp(), 0, 0, id FROM channel WHERE uid = $2`, id, outlet)
	for _, want := range []struct {
		outlet ident.UID
		name   string
	}{{outlet, "main"}, {}} {
		tried := timeline(t, db, id, 2).Attempts
		if len(tried) != 1 || tried[0].Outlet != want.outlet || tried[0].OutletName != want.name {
			t.Errorf("%+v, want %+v", tried, want)
		}
		exec(t, db, `DELETE FROM channel`)
	}
}
