package postgres

import (
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/segment"
	"github.com/presswork/presswork/internal/subscriber"
)

func (n *newsroom) snapshot(t *testing.T, s segment.Segment) segment.Snapshot {
	t.Helper()
	p, err := n.TakeSnapshot(t.Context(), s.UID)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// frozen are the ids of a snapshot's members, some at a time.
func (n *newsroom) frozen(t *testing.T, p segment.Snapshot) []int64 {
	t.Helper()
	var ids []int64
	for after := int64(0); ; after = ids[len(ids)-1] {
		some, err := membersBetween(t.Context(), n.pool, p.ID, after, 1<<62, 700)
		if err != nil {
			t.Fatal(err)
		}
		if ids = append(ids, some...); len(some) < 700 {
			return ids
		}
	}
}

// population stores readers of some countries, with ids far apart: in several blocks, full ones and others, and in more of
// them than are made at a time.
func (n *newsroom) population(t *testing.T) {
	t.Helper()
	n.exec(t, `INSERT INTO subscriber (id, uid, email, status, country) OVERRIDING SYSTEM VALUE
		SELECT id, gen_random_uuid(), id || '@example.org', CASE WHEN i % 7 = 0 THEN 'unsubscribed' ELSE 'active' END, (ARRAY['DE', 'AT', 'US', ''])[1 + i % 4]
		FROM generate_series(1, 1000) i, LATERAL (VALUES (1000 + i), (16384 + 3 * i), (900000 + 40 * i), (1800000 + 5 * i)) AS v (id)`)
}

const inGermany = `SELECT array_agg(id ORDER BY id) FROM subscriber WHERE status = 'active' AND country = 'DE'`

// TestSnapshot: it has who belonged to the segment, whatever becomes of them and of the rule; compared with another or with now it
// tells who came and who left.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.population(t)
	s := n.segment(t, "germany", segment.Country{Codes: []string{"DE"}})
	want := value[[]int64](t, n.DB, inGermany)
	first := n.snapshot(t, s)
	if got := n.frozen(t, first); !slices.Equal(got, want) || first.Count != int64(len(want)) || first.Version != 1 || first.Segment != "germany" {
		t.Errorf("%+v has %d, not %d", first, len(got), len(want))
	}
	n.exec(t, `UPDATE subscriber SET country = 'DE' WHERE id % 11 = 0 AND country = 'AT'`)
	n.exec(t, `UPDATE subscriber SET status = 'unsubscribed' WHERE id % 13 = 0`)
	later := value[[]int64](t, n.DB, inGermany)
	change := segment.Change{Before: int64(len(want)), After: int64(len(later))}
	for _, id := range later {
		if _, was := slices.BinarySearch(want, id); !was {
			change.Added++
		}
	}
	change.Removed = change.Before + change.Added - change.After
	if got, err := n.CompareWithNow(t.Context(), first); err != nil || got != change {
		t.Errorf("%+v since then, not %+v, %v", got, change, err)
	}
	second := n.snapshot(t, s)
	if got, err := n.CompareSnapshots(t.Context(), first, second); err != nil || got != change {
		t.Errorf("%+v, not %+v, %v", got, change, err)
	}
	back := segment.Change{Before: change.After, After: change.Before, Added: change.Removed, Removed: change.Added}
	if got, err := n.CompareSnapshots(t.Context(), second, first); err != nil || got != back {
		t.Errorf("%+v, not %+v, %v", got, back, err)
	}
	s.Rule = segment.Country{Codes: []string{"US"}}
	if _, err := n.UpdateSegment(t.Context(), s, func(int) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if got, err := n.CompareWithNow(t.Context(), second); err != nil || got.Removed != second.Count || got.Added != got.After || got.After == 0 {
		t.Errorf("of another rule: %+v, %v", got, err)
	}
	list, err := n.ListSnapshots(t.Context(), s.ID, 0, 10)
	if err != nil || len(list) != 2 || list[0].UID != second.UID || list[1].Count != first.Count {
		t.Errorf("%+v, %v", list, err)
	}
	if got := n.frozen(t, first); !slices.Equal(got, want) {
		t.Errorf("it has %d now, not %d", len(got), len(want))
	}
	uids, next, err := n.SnapshotMembers(t.Context(), first.ID, want[4], 3)
	if err != nil || next != want[7] || !slices.Equal(uids, value[[]ident.UID](t, n.DB, `SELECT array_agg(uid ORDER BY id) FROM subscriber WHERE id = ANY($1)`, want[5:8])) {
		t.Errorf("%v, %d, %v", uids, next, err)
	}
}

// A snapshot is of one moment: of two readers who change places again and again it has one, however far apart they are.
func TestSnapshotIsOfOneMoment(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.exec(t, `INSERT INTO subscriber (id, uid, email, status, country) OVERRIDING SYSTEM VALUE
		SELECT id, gen_random_uuid(), id || '@example.org', 'active', country
		FROM generate_series(1, 500) i, LATERAL (VALUES (1000 + i, 'DE'), (900000 + i, 'AT')) AS v (id, country)`)
	s := n.segment(t, "germany", segment.Country{Codes: []string{"DE"}})
	stop := make(chan struct{})
	var group sync.WaitGroup
	for worker := range 2 {
		group.Go(func() {
			for i := worker; ; i += 7 {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := n.pool.Exec(t.Context(), `UPDATE subscriber SET country = CASE country WHEN 'DE' THEN 'AT' ELSE 'DE' END
					WHERE id IN (1001 + $1::integer % 500, 900001 + $1::integer % 500)`, i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	moved := false
	var before []int64
	for i := 0; i < 10 || !moved; i++ {
		got := n.frozen(t, n.snapshot(t, s))
		pairs := map[int64]bool{}
		for _, id := range got {
			pairs[id%900_000%1000] = true
		}
		if len(got) != 500 || len(pairs) != 500 {
			t.Errorf("there are %d, of %d pairs", len(got), len(pairs))
		}
		moved = moved || before != nil && !slices.Equal(before, got)
		before = got
		n.exec(t, `DELETE FROM segment_snapshot`) // there may be a hundred before a writer has its turn
	}
	close(stop)
	group.Wait()
}

// TestAudienceBySnapshot: counted, foreseen and read are those who belonged to the segment and are active still, without those who
// are left out.
func TestAudienceBySnapshot(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.population(t)
	s := n.segment(t, "germany", segment.Country{Codes: []string{"DE"}})
	n.segment(t, "even", segment.Attribute{Name: "even", Op: segment.Exists, Value: true})
	taken := n.snapshot(t, s)
	frozen := n.frozen(t, taken)
	n.exec(t, `UPDATE subscriber SET country = CASE country WHEN 'DE' THEN 'AT' ELSE 'DE' END`) // the segment has others now
	n.exec(t, `UPDATE subscriber SET status = 'unsubscribed' WHERE id % 13 = 0`)
	n.exec(t, `UPDATE subscriber SET attributes = '{"even": 1}' WHERE id % 5 = 0`)
	want := value[[]int64](t, n.DB, `SELECT array_agg(id ORDER BY id) FROM subscriber WHERE id = ANY($1) AND status = 'active' AND id % 5 <> 0`, frozen)
	audience := publication.AudienceOrder{Snapshot: taken.UID, ExcludeSegments: []string{"even"}}
	o := n.submission(t, func(o *publication.Order) { o.Audience = audience })
	id, uid := n.accepted(t, func(o *publication.Order) { o.Audience = audience })
	if got, err := n.CountAudience(t.Context(), o.AudienceIDs, 100_000); err != nil || got != len(want) {
		t.Errorf("counted %d of %d, %v", got, len(want), err)
	}
	census, err := n.Census(t.Context(), o.Resolved)
	if err != nil || census.Readers() != int64(len(want)) || !maps.Equal(census.Left, map[string]int64{
		"not_active": value[int64](t, n.DB, `SELECT count(*) FROM subscriber WHERE status <> 'active'`),
		"no_segment": value[int64](t, n.DB, `SELECT count(*) FROM subscriber WHERE status = 'active'`) - int64(len(want)),
	}) {
		t.Errorf("%+v, %v", census, err)
	}
	if n, err := n.estimateAudience(t.Context(), encoded(o.AudienceIDs)); err != nil || n != float64(taken.Count) {
		t.Errorf("estimated %f of %d, %v", n, taken.Count, err)
	}
	p, err := n.Publication(t.Context(), uid)
	if err != nil || p.Audience.Snapshot != taken.UID {
		t.Errorf("%+v, %v", p.Audience, err)
	}
	if err := n.DeleteSnapshot(t.Context(), taken.UID); fault.CodeOf(err) != "in_use" {
		t.Errorf("deleted what a publication is for: %v", err)
	}
	if err := n.DeleteSegment(t.Context(), s.UID, func(int) error { return nil }); fault.CodeOf(err) != "in_use" {
		t.Errorf("deleted what a publication is for: %v", err)
	}
	if got := n.readAll(t, id); !slices.Equal(got, want) {
		t.Errorf("read %d of %d", len(got), len(want))
	}
	n.exec(t, `UPDATE publication SET state = 'completed' WHERE id = $1`, id)
	if err := n.DeleteSegment(t.Context(), s.UID, func(int) error { return nil }); err != nil {
		t.Error(err)
	}
	if left := value[int](t, n.DB, `SELECT count(*) FROM segment_block`); left != 0 {
		t.Errorf("%d blocks are left", left)
	}
	order := n.order()
	order.Audience = audience
	_, err = n.ResolveOrder(t.Context(), order)
	sameStrings(t, fieldsOf(err), "/audience/snapshot unknown_snapshot")
}

// TestErasedLeaveSnapshots: whoever is erased or deleted is in no snapshot any more, of many members or few, and in none that was
// being taken meanwhile.
func TestErasedLeaveSnapshots(t *testing.T) {
	t.Parallel()
	n := furnish(t, openHashing(t))
	n.population(t)
	everybody := n.segment(t, "everybody", segment.Not{Rule: segment.Country{Codes: []string{"PT"}}})
	germany := n.segment(t, "germany", segment.Country{Codes: []string{"DE"}})
	many, few := n.snapshot(t, everybody), n.snapshot(t, germany)
	gone := []int64{1004, 1008, 900000 + 40*4, 1800000 + 5*996}
	for i, id := range gone {
		uid := value[ident.UID](t, n.DB, `SELECT uid FROM subscriber WHERE id = $1`, id)
		if i%2 == 0 {
			if _, err := n.EraseSubscriber(t.Context(), uid, func(subscriber.Subscriber) error { return nil }); err != nil {
				t.Fatal(err)
			}
		} else if err := n.DeleteSubscriber(t.Context(), uid, func(subscriber.Subscriber) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []segment.Snapshot{many, few} {
		after, err := n.Snapshot(t.Context(), p.UID)
		got := n.frozen(t, p)
		if err != nil || after.Count != p.Count-int64(len(gone)) || int64(len(got)) != after.Count {
			t.Errorf("of %d there are %d, and %d are said, %v", p.Count, len(got), after.Count, err)
		}
		for _, id := range gone {
			if slices.Contains(got, id) {
				t.Errorf("%d is still in the snapshot", id)
			}
		}
	}
	// One that had not been ready when somebody was erased.
	p := segment.Snapshot{UID: ident.New(), Rule: germany.Rule, Version: 1, CreatedAt: time.Now()}
	p.ID = value[int64](t, n.DB, `INSERT INTO segment_snapshot (uid, segment_id, version, rule) VALUES ($1, $2, 1, '{}') RETURNING id`, p.UID, germany.ID)
	if err := n.writeBlocks(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	n.exec(t, emptySubscribers, []int64{1012}) // by somebody who did not see its blocks
	count, err := n.endSnapshot(t.Context(), p)
	if got := n.frozen(t, p); err != nil || slices.Contains(got, 1012) || int64(len(got)) != count {
		t.Errorf("%d are said of %d, %v", count, len(got), err)
	}
}

// TestErasedWhileTaken: whoever is being erased while a snapshot is taken, by somebody who had begun before, is not in it.
func TestErasedWhileTaken(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.population(t)
	s := n.segment(t, "germany", segment.Country{Codes: []string{"DE"}})
	gone := value[int64](t, n.DB, `SELECT min(id) FROM subscriber WHERE status = 'active' AND country = 'DE'`)
	tx, err := n.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := empty(t.Context(), tx, []int64{gone}); err != nil {
		t.Fatal(err)
	}
	taken := make(chan segment.Snapshot, 1)
	go func() {
		p, err := n.TakeSnapshot(t.Context(), s.UID)
		if err != nil {
			t.Error(err)
		}
		taken <- p
	}()
	waitForLock(t, n.DB)
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := <-taken
	if got := n.frozen(t, p); slices.Contains(got, gone) || int64(len(got)) != p.Count || p.Count == 0 {
		t.Errorf("%d are said of %d, and who was erased is among them: %v", p.Count, len(got), slices.Contains(got, gone))
	}
}

// removals are the ways in which a snapshot is removed; each returns nil if it was.
func (n *newsroom) removals(t *testing.T) map[string]func(segment.Segment, segment.Snapshot) error {
	return map[string]func(segment.Segment, segment.Snapshot) error{
		"by itself": func(_ segment.Segment, p segment.Snapshot) error { return n.DeleteSnapshot(t.Context(), p.UID) },
		"with its segment": func(s segment.Segment, _ segment.Snapshot) error {
			return n.DeleteSegment(t.Context(), s.UID, anyVersion)
		},
		"for its age": func(segment.Segment, segment.Snapshot) error {
			removed, err := n.PurgeSnapshots(t.Context(), time.Microsecond)
			if err == nil && removed == 0 {
				return fault.New(fault.Conflict, "in_use", "")
			}
			return err
		},
	}
}

// TestSnapshotIsHeld: while a publication is stored for a snapshot nobody removes it, and afterwards neither.
func TestSnapshotIsHeld(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	for name, remove := range n.removals(t) {
		s := n.segment(t, name, segment.Language{Tags: []string{"en"}})
		p := n.snapshot(t, s)
		o := n.submission(t, func(o *publication.Order) { o.Audience = publication.AudienceOrder{Snapshot: p.UID} })
		if o.Plain() {
			t.Error("it is stored without looking at the snapshot again")
		}
		tx, err := n.pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.storeIn(t.Context(), tx, o); err != nil {
			t.Fatal(err)
		}
		removed := make(chan error, 1)
		go func() { removed <- remove(s, p) }()
		if name == "by itself" { // the others do not wait
			waitForLock(t, n.DB)
		} else if err := <-removed; fault.CodeOf(err) != "in_use" {
			t.Errorf("%s while it is stored: %v", name, err)
		}
		if err := tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if name != "by itself" {
			removed <- remove(s, p)
		}
		if err := <-removed; fault.CodeOf(err) != "in_use" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if kept := value[int](t, n.DB, `SELECT count(*)::int FROM segment_snapshot`); kept != 3 {
		t.Errorf("%d are kept", kept)
	}
}

// TestSnapshotIsGone: a publication whose snapshot is removed after it was looked up is refused as if there had been none.
func TestSnapshotIsGone(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	draft := n.submission(t, asDraft)
	for name, remove := range n.removals(t) {
		s := n.segment(t, name, segment.Language{Tags: []string{"en"}})
		p := n.snapshot(t, s)
		audience := func(o *publication.Order) { o.Audience = publication.AudienceOrder{Snapshot: p.UID} }
		o, change := n.submission(t, audience), n.change(t, "Other", asDraft, audience)
		stored, err := n.StorePublication(t.Context(), draft)
		if err != nil {
			t.Fatal(err)
		}
		if err := remove(s, p); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_, err = n.StorePublication(t.Context(), o)
		sameStrings(t, fieldsOf(err), "/audience/snapshot unknown_snapshot")
		_, err = n.ChangePublication(t.Context(), stored.UID, anyVersion, change)
		sameStrings(t, fieldsOf(err), "/audience/snapshot unknown_snapshot")
	}
	if kept := value[int](t, n.DB, `SELECT count(*)::int FROM publication`); kept != 3 {
		t.Errorf("%d publications, not the drafts alone", kept)
	}
}

// TestPurgeSnapshots removes old ones and those that were given up, and none that is needed.
func TestPurgeSnapshots(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	s := n.segment(t, "some", segment.Language{Tags: []string{"en"}})
	used, old, young := n.snapshot(t, s), n.snapshot(t, s), n.snapshot(t, s)
	_, _ = n.accepted(t, func(o *publication.Order) { o.Audience = publication.AudienceOrder{Snapshot: used.UID} })
	n.exec(t, `UPDATE segment_snapshot SET created_at = now() - interval '3 hours' WHERE id = ANY($1)`, []int64{used.ID, old.ID})
	n.exec(t, `INSERT INTO segment_snapshot (uid, segment_id, version, rule, created_at) VALUES (gen_random_uuid(), $1, 1, '{}', now() - interval '90 minutes')`, s.ID)
	for _, step := range []struct {
		keep time.Duration
		want int64
	}{{0, 1}, {0, 0}, {4 * time.Hour, 0}, {2 * time.Hour, 1}, {2 * time.Hour, 0}} {
		if got, err := n.PurgeSnapshots(t.Context(), step.keep); err != nil || got != step.want {
			t.Errorf("%v: %d, %v", step.keep, got, err)
		}
	}
	list, err := n.ListSnapshots(t.Context(), s.ID, 0, 10)
	if err != nil || len(list) != 2 || list[0].UID != young.UID || list[1].UID != used.UID {
		t.Errorf("%+v, %v", list, err)
	}
	n.exec(t, `INSERT INTO segment_snapshot (uid, segment_id, version, rule) SELECT gen_random_uuid(), $1, 1, '{}' FROM generate_series(1, 98)`, s.ID)
	if _, err := n.TakeSnapshot(t.Context(), s.UID); fault.CodeOf(err) != "too_many_snapshots" {
		t.Errorf("a hundred and first: %v", err)
	}
	if _, err := n.TakeSnapshot(t.Context(), ident.New()); !fault.Is(err, fault.NotFound) {
		t.Errorf("of no segment: %v", err)
	}
}
