package postgres

import (
	"maps"
	"slices"
	"testing"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/segment"
)

func (n *newsroom) segment(t *testing.T, slug string, rule segment.Rule) segment.Segment {
	t.Helper()
	s, err := n.CreateSegment(t.Context(), segment.Segment{Slug: slug, Name: slug, Rule: rule})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestAudienceBySegment: counted, foreseen and read are those who belong to the segments by the rules that they had when the
// publication was accepted, without those who belong to what is left out.
func TestAudienceBySegment(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.exec(t, `INSERT INTO subscriber (uid, email, status, country, language, attributes)
		SELECT gen_random_uuid(), i || '@example.org', CASE WHEN i % 7 = 0 THEN 'unsubscribed' ELSE 'active' END,
		       (ARRAY['DE', 'AT', 'US', ''])[1 + i % 4], CASE WHEN i % 2 = 0 THEN 'de' ELSE 'en' END, jsonb_build_object('seats', i % 10)
		FROM generate_series(1, 5000) i`)
	germany := n.segment(t, "germany", segment.Country{Codes: []string{"DE"}})
	n.segment(t, "dach", segment.Any{segment.Member{Slug: "germany"}, segment.Country{Codes: []string{"AT"}}})
	n.segment(t, "small", segment.Attribute{Name: "seats", Op: segment.Lt, Value: 3.0})
	s := n.submission(t, func(o *publication.Order) {
		o.Audience = publication.AudienceOrder{Segments: []string{"dach"}, ExcludeSegments: []string{"small"}}
	})
	id, _ := n.accepted(t, func(o *publication.Order) { o.Audience = s.Audience })
	germany.Rule = segment.Country{Codes: []string{"US"}}
	if _, err := n.UpdateSegment(t.Context(), germany, func(int) error { return nil }); err != nil {
		t.Fatal(err)
	}
	want := value[[]int64](t, n.DB, `SELECT array_agg(id ORDER BY id) FROM subscriber
		WHERE status = 'active' AND country IN ('DE', 'AT') AND (attributes ->> 'seats')::int >= 3`)
	if got, err := n.CountAudience(t.Context(), s.AudienceIDs, 10_000); err != nil || got != len(want) {
		t.Errorf("counted %d of %d, %v", got, len(want), err)
	}
	census, err := n.Census(t.Context(), s.Resolved)
	if err != nil || census.Readers() != int64(len(want)) || !maps.Equal(census.Left, map[string]int64{
		"not_active": value[int64](t, n.DB, `SELECT count(*) FROM subscriber WHERE status <> 'active'`),
		"no_segment": value[int64](t, n.DB, `SELECT count(*) FROM subscriber WHERE status = 'active'`) - int64(len(want)),
	}) {
		t.Errorf("%+v, %v", census, err)
	}
	if err := n.DeleteSegment(t.Context(), germany.UID, func(int) error { return nil }); !fault.Is(err, fault.Conflict) {
		t.Errorf("deleted what another one refers to: %v", err)
	}
	n.exec(t, `INSERT INTO subscriber (id, uid, email, status, country, attributes) OVERRIDING SYSTEM VALUE
		VALUES (1000000, gen_random_uuid(), 'last@example.org', 'active', 'AT', '{"seats": 5}')`)
	got := n.readAll(t, id)
	if !slices.Equal(got, append(want, 1_000_000)) {
		t.Errorf("read %d of %d", len(got), len(want)+1)
	}
}

// readAll is whom the fan-out of a publication reads, page by page.
func (n *newsroom) readAll(t *testing.T, id int64) []int64 {
	t.Helper()
	if _, err := n.StartRender(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	ranges, started, err := n.StartFanout(t.Context(), publication.Fanout{Publication: id, Ranges: 2})
	if err != nil || !started {
		t.Fatal(started, err)
	}
	var got []int64
	for _, r := range ranges {
		for gen := 1; ; {
			page, err := n.ReadPage(t.Context(), r, gen)
			if err != nil || page == nil {
				t.Fatal(page, err)
			}
			for _, reader := range page.Readers {
				got = append(got, reader.ID)
			}
			expanded, err := n.ExpandPage(t.Context(), page, []int16{1}, make([][]byte, len(page.Readers)), false)
			if err != nil || expanded == nil {
				t.Fatal(expanded, err)
			}
			if expanded.Done {
				break
			}
			gen = expanded.Gen
		}
	}
	return got
}

// TestSegmentInUse: a segment stays as long as a publication that is for it has not ended; one that does not exist is told.
func TestSegmentInUse(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	anyVersion := func(int) error { return nil }
	in, out := n.segment(t, "in", segment.Language{Tags: []string{"en"}}), n.segment(t, "out", segment.Inactive{Days: 3})
	id, uid := n.accepted(t, func(o *publication.Order) {
		o.Audience = publication.AudienceOrder{Segments: []string{"in"}, ExcludeSegments: []string{"out"}}
	})
	for _, s := range []segment.Segment{in, out} {
		if err := n.DeleteSegment(t.Context(), s.UID, anyVersion); fault.CodeOf(err) != "in_use" {
			t.Errorf("%s: %v", s.Slug, err)
		}
	}
	p, err := n.Publication(t.Context(), uid)
	if err != nil || !slices.Equal(p.Audience.Segments, []string{"in"}) || !slices.Equal(p.Audience.ExcludeSegments, []string{"out"}) {
		t.Errorf("%+v, %v", p.Audience, err)
	}
	n.exec(t, `UPDATE publication SET state = 'completed' WHERE id = $1`, id)
	for _, uid := range []ident.UID{in.UID, out.UID} {
		if err := n.DeleteSegment(t.Context(), uid, anyVersion); err != nil {
			t.Error(err)
		}
	}
	order := n.order()
	order.Audience = publication.AudienceOrder{Segments: []string{"in"}, ExcludeSegments: []string{"out"}}
	_, err = n.ResolveOrder(t.Context(), order)
	sameStrings(t, fieldsOf(err), "/audience/exclude_segments/0 unknown_segment", "/audience/segments/0 unknown_segment")
}
