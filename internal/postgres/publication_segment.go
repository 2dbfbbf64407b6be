package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/segment"
)

// pinSegments keeps the rules of the segments that an audience names, as they are now: what becomes of a segment later is
// nothing to a publication that was accepted. Whether anybody belongs to them is not asked: they may be empty now and not when
// the time comes.
func (r *resolver) pinSegments(ctx context.Context, q querier) error {
	a := r.order.Audience
	if len(a.Segments)+len(a.ExcludeSegments) == 0 {
		return nil
	}
	rows, err := q.Query(ctx, `SELECT `+segmentColumns+` FROM segment`)
	if err != nil {
		return err
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (segment.Segment, error) { return scanSegment(row) })
	if err != nil {
		return err
	}
	known, rules := make(map[string]segment.Segment, len(list)), make(map[string]segment.Rule, len(list))
	for _, s := range list {
		known[s.Slug], rules[s.Slug] = s, s.Rule
	}
	pin := func(slugs []string, pointer string) []publication.SegmentPin {
		var pins []publication.SegmentPin
		for i, slug := range slugs {
			at := fmt.Sprintf("%s/%d", pointer, i)
			s, ok := known[slug]
			if !ok {
				r.problems.Add(at, "unknown_segment", "does not exist")
				continue
			}
			rule, err := segment.Expand(s.Rule, slug, rules, at)
			if err != nil { // no segment is stored of which this is so
				r.problems.Add(at, "unknown_segment", "refers to segments that do not exist, or to too many")
				continue
			}
			pins = append(pins, publication.SegmentPin{ID: s.ID, Slug: slug, Version: s.Version, Rule: segment.Encode(rule)})
		}
		return pins
	}
	r.found.AudienceIDs.Segments = pin(a.Segments, "/audience/segments")
	r.found.AudienceIDs.ExcludeSegments = pin(a.ExcludeSegments, "/audience/exclude_segments")
	return nil
}

// audienceRules are the rules that everybody in an audience fulfils.
func audienceRules(a publication.Audience) ([]segment.Rule, error) {
	read := func(pins []publication.SegmentPin) (segment.Any, error) {
		var list segment.Any
		for _, pin := range pins {
			// A rule that was put together of several may be deeper than one that a client writes.
			rule, err := segment.Reread(pin.Rule)
			if err != nil {
				return nil, fmt.Errorf("read the pinned rule of segment %d: %w", pin.ID, err)
			}
			list = append(list, rule)
		}
		return list, nil
	}
	var rules []segment.Rule
	in, err := read(a.Segments)
	if err != nil {
		return nil, err
	}
	if len(in) > 0 {
		rules = append(rules, in)
	}
	out, err := read(a.ExcludeSegments)
	if err != nil {
		return nil, err
	}
	if len(out) > 0 {
		rules = append(rules, segment.Not{Rule: out})
	}
	return rules, nil
}

// ruled is a statement about the readers of an audience up to the end of its condition, but for its snapshot: before ends with
// audienceFilter, and its first parameters are those of that; more follow. What is said of time counts back from now.
func (db *DB) ruled(ctx context.Context, before string, a publication.Audience, now time.Time, more ...any) (*predicate, error) {
	rules, err := audienceRules(a)
	if err != nil {
		return nil, err
	}
	topics, err := topicsOf(ctx, db.pool, rules)
	return with(before, append(audienceArgs(a), more...), rules, topics, now), err
}

// audience is ruled of those who are in the audience's snapshot, if it has one.
func (db *DB) audience(ctx context.Context, before string, a publication.Audience, now time.Time, more ...any) (*predicate, error) {
	p, err := db.ruled(ctx, before, a, now, more...)
	if err == nil {
		p.within(a.Snapshot)
	}
	return p, err
}

// within asks for members of a snapshot, if there is one.
func (p *predicate) within(s *publication.SnapshotPin) {
	if s != nil {
		p.add(inSnapshot, s.ID)
	}
}

// outsideSegments reports whether a subscriber does not fulfil the rules of an audience now, or is not in its snapshot.
func outsideSegments(ctx context.Context, q querier, a publication.Audience, id int64) (bool, error) {
	rules, err := audienceRules(a)
	if err != nil || len(rules) == 0 && a.Snapshot == nil {
		return false, err
	}
	topics, err := topicsOf(ctx, q, rules)
	if err != nil {
		return false, err
	}
	p := with(`SELECT NOT EXISTS (SELECT FROM subscriber s WHERE s.id = $1::bigint`, []any{id}, rules, topics, time.Now())
	p.within(a.Snapshot)
	rows, err := p.end(`)`).query(ctx, q)
	if err != nil {
		return false, err
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowTo[bool])
}
