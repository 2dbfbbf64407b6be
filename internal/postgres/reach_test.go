package postgres

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/idset"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/migrations"
)

// messages is how many messages of a publication are for a reader.
type messages map[[2]int64]int32

// inReach is what is noted of all publications.
func inReach(t *testing.T, db *DB) messages {
	t.Helper()
	rows, err := db.pool.Query(t.Context(), `SELECT publication_id, n, channels, members FROM reach`)
	if err != nil {
		t.Fatal(err)
	}
	all := messages{}
	var id, n int64
	var channels int32
	var members []byte
	if _, err := pgx.ForEachRow(rows, []any{&id, &n, &channels, &members}, func() error {
		b, err := idset.DecodeBlock(members)
		for _, place := range b.Places(0) {
			all[[2]int64{id, n*idset.BlockSize + int64(place)}] += channels
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// inLedger is what of them has a row, but for what passes caps.
func inLedger(t *testing.T, db *DB) messages {
	t.Helper()
	rows, err := db.pool.Query(t.Context(), `
		SELECT publication_id, recipient_id, count(*) FROM delivery d JOIN publication p ON p.id = d.publication_id
		WHERE p.priority <> 'critical' GROUP BY 1, 2`)
	if err != nil {
		t.Fatal(err)
	}
	all := messages{}
	var id, reader int64
	var n int32
	if _, err := pgx.ForEachRow(rows, []any{&id, &reader, &n}, func() error { all[[2]int64{id, reader}] = n; return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// reached has readers of whom some ids are close and some far apart, and publications to all of them and to some, in pages that cut
// blocks.
func reached(t *testing.T) *DB {
	t.Helper()
	db := open(t)
	exec(t, db, `
		INSERT INTO subscriber (id, uid, email, name, status, topics) OVERRIDING SYSTEM VALUE
		SELECT i, gen_random_uuid(), 'reader' || i || '@example.org', '', 'active', ARRAY[1 + i % 3]
		FROM (SELECT generate_series(1, 700) UNION SELECT generate_series(8000, 9000) UNION SELECT generate_series(9101, 60000, 1001)) x (i)`)
	for _, of := range []publication.Audience{{All: true}, {Topics: []int32{1}}, {Topics: []int32{2, 3}}, {Subscribers: []int64{5, 8191, 8192, 59151}}} {
		fanOut(t, db, queued(t, db, of), 3)
		fanOut(t, db, queued(t, db, of), 1, channel.Newsletter)
	}
	urgent := queued(t, db, publication.Audience{All: true})
	exec(t, db, `UPDATE publication SET priority = 'critical' WHERE id = $1`, urgent)
	fanOut(t, db, urgent, 1)
	expandOn(t, db, queued(t, db, publication.Audience{All: true})) // on no channel
	return db
}

// TestReach: it says of every reader for how many messages of a publication they have a row; also what migration 0052 makes of the
// ledger does.
func TestReach(t *testing.T) {
	t.Parallel()
	db := reached(t)
	want := inLedger(t, db)
	if len(want) < 5000 {
		t.Fatalf("%d readers of publications", len(want))
	}
	if got := inReach(t, db); !maps.Equal(got, want) {
		t.Errorf("%d readers of publications are noted, and %d have rows", len(got), len(want))
	}
	fillReach(t, db)
	if got := inReach(t, db); !maps.Equal(got, want) {
		t.Errorf("the migration notes %d readers of publications, and %d have rows", len(got), len(want))
	}
}

// fillReach notes who has rows, as migration 0052 does, instead of what was noted.
func fillReach(t *testing.T, db *DB) {
	t.Helper()
	text, err := migrations.FS.ReadFile("0052_reach.sql")
	if err != nil {
		t.Fatal(err)
	}
	_, fill, _ := strings.Cut(string(text), "-- +goose StatementBegin")
	fill, _, _ = strings.Cut(fill, "-- +goose StatementEnd")
	exec(t, db, `DELETE FROM reach`)
	exec(t, db, fill)
}

// TestExpandedWhileMigrated: of a publication that stood still in the middle of its readers, the migration notes those who have rows,
// and the pages that come later note theirs, the very first as well, though all of them are in the same block.
func TestExpandedWhileMigrated(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 40)
	id := queued(t, db, publication.Audience{All: true})
	ranges := fannedOut(t, db, id, 4)
	expandRange(t, db, ranges[2])
	fillReach(t, db)
	for _, r := range []int64{ranges[3], ranges[0], ranges[1]} {
		expandRange(t, db, r)
	}
	if got, want := inReach(t, db), inLedger(t, db); len(want) != 40 || !maps.Equal(got, want) {
		t.Errorf("%d readers are noted, and %d have rows", len(got), len(want))
	}
}

// TestNear: who got more than leaves room in one of the caps is found, and who did not is not; of readers who are too far apart for
// blocks nobody is left out.
func TestNear(t *testing.T) {
	t.Parallel()
	db := reached(t)
	all := inLedger(t, db)
	known := map[int64]bool{}
	var a asked
	for k := range all {
		known[k[1]] = true
		if !slices.Contains(a.publications, k[0]) {
			a.publications = append(a.publications, k[0])
		}
	}
	readers := slices.Sorted(maps.Keys(known))
	slices.Sort(a.publications)
	publications := a.publications
	rapid.Check(t, func(rt *rapid.T) {
		a := asked{room: rapid.SliceOfN(rapid.Int32Range(-2, 12), 1, 3).Draw(rt, "room")}
		for _, id := range publications {
			if rapid.IntRange(0, 3).Draw(rt, "asked") > 0 {
				a.publications = append(a.publications, id)
				a.caps = append(a.caps, rapid.Int64Range(0, 1<<len(a.room)-1).Draw(rt, "caps"))
			}
		}
		from := rapid.IntRange(0, len(readers)-1).Draw(rt, "from")
		step := rapid.IntRange(1, 30).Draw(rt, "step")
		var ids, want []int64
		for i := from; i < len(readers); i += step {
			ids = append(ids, readers[i])
		}
		for _, reader := range ids {
			for i, room := range a.room {
				var n int32
				for j, id := range a.publications {
					if a.caps[j]&(1<<i) != 0 {
						n += all[[2]int64{id, reader}]
					}
				}
				if n > 0 && n > room {
					want = append(want, reader)
					break
				}
			}
		}
		if len(byBlock(ids))*fewInBlock > len(ids) {
			want = ids
		}
		tx, err := db.pool.Begin(t.Context())
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { _ = tx.Rollback(t.Context()) }()
		if got, err := a.near(t.Context(), tx, ids); err != nil || !slices.Equal(got, want) {
			rt.Fatalf("%d of %d are near, not %d: %v", len(got), len(ids), len(want), err)
		}
	})
}
