package postgres

import (
	"slices"
	"testing"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

// place makes a Slack channel.
func place(t *testing.T, db *DB) ident.UID {
	t.Helper()
	uid := ident.New()
	exec(t, db, `INSERT INTO channel (uid, kind, provider, name) VALUES ($1, 'slack', 'slack', 'news')`, uid)
	return uid
}

// TestEveryAbsence has a case for each reason why somebody is no recipient. Each is told of reader 1, or of a place, of a
// publication that went to others.
func TestEveryAbsence(t *testing.T) {
	t.Parallel()
	all := publication.Audience{All: true}
	cases := map[delivery.Absence]func(t *testing.T, db *DB) (int64, ident.UID){
		delivery.ChannelNotUsed: func(t *testing.T, db *DB) (int64, ident.UID) { return sending(t, db, 3), place(t, db) },
		delivery.Excluded: func(t *testing.T, db *DB) (int64, ident.UID) {
			return sendingTo(t, db, publication.Audience{All: true, Exclude: []int64{1}})
		},
		delivery.NotNamed: func(t *testing.T, db *DB) (int64, ident.UID) {
			return sendingTo(t, db, publication.Audience{Subscribers: []int64{2, 3}})
		},
		delivery.NotYet: func(t *testing.T, db *DB) (int64, ident.UID) {
			subscribers(t, db, 3)
			return queued(t, db, all), subscriberUID(t, db, 1)
		},
		delivery.NeverExpanded: func(t *testing.T, db *DB) (int64, ident.UID) {
			subscribers(t, db, 3)
			id := queued(t, db, all)
			if err := db.FailPublication(t.Context(), id, "no template"); err != nil {
				t.Fatal(err)
			}
			return id, subscriberUID(t, db, 1)
		},
		delivery.TooLate: func(t *testing.T, db *DB) (int64, ident.UID) {
			id := sending(t, db, 3)
			exec(t, db, `INSERT INTO subscriber (uid, email, status) VALUES ($1, 'late@example.org', 'active')`, ident.New())
			return id, subscriberUID(t, db, 4)
		},
		delivery.NotActive: func(t *testing.T, db *DB) (int64, ident.UID) {
			subscribers(t, db, 3)
			exec(t, db, `UPDATE subscriber SET status = 'unsubscribed' WHERE id = 1`)
			id := queued(t, db, all)
			fanOut(t, db, id, 1)
			return id, subscriberUID(t, db, 1)
		},
		delivery.NoTopic: func(t *testing.T, db *DB) (int64, ident.UID) {
			return sendingTo(t, db, publication.Audience{Topics: []int32{1}})
		},
		delivery.NoSegment: func(t *testing.T, db *DB) (int64, ident.UID) {
			return sendingTo(t, db, publication.Audience{Segments: []publication.SegmentPin{{ID: 1, Rule: []byte(`{"country":["DE"]}`)}}})
		},
		delivery.ChangedSince: func(t *testing.T, db *DB) (int64, ident.UID) {
			id, reader := sendingTo(t, db, publication.Audience{Topics: []int32{1}})
			exec(t, db, `UPDATE subscriber SET topics = '{1}' WHERE id = 1`)
			return id, reader
		},
		delivery.NotEnabled: func(t *testing.T, db *DB) (int64, ident.UID) {
			id := sending(t, db, 3)
			exec(t, db, `UPDATE publication SET channels = '{1,3}'`)
			return id, place(t, db)
		},
	}
	for _, absence := range delivery.Absences() {
		t.Run(string(absence), func(t *testing.T) {
			t.Parallel()
			arrange, ok := cases[absence]
			if !ok {
				t.Fatal("no case yields it")
			}
			db := open(t)
			id, recipient := arrange(t, db)
			got, err := db.Timeline(t.Context(), publicationUID(t, db, id), recipient)
			if err != nil || got.Absence != absence || len(got.Deliveries) != 0 {
				t.Errorf("it is %q, %v, %d deliveries", got.Absence, err, len(got.Deliveries))
			}
		})
	}
	for absence := range cases {
		if !slices.Contains(delivery.Absences(), absence) {
			t.Errorf("%s is not in the list", absence)
		}
	}
}

// sendingTo is a publication that was expanded to some of three readers, and the first of them, whose topic is 2.
func sendingTo(t *testing.T, db *DB, a publication.Audience) (int64, ident.UID) {
	t.Helper()
	subscribers(t, db, 3)
	id := queued(t, db, a)
	fanOut(t, db, id, 1)
	return id, subscriberUID(t, db, 1)
}
