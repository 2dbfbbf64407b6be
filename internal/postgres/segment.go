package postgres

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/segment"
	"github.com/presswork/presswork/internal/tally"
)

const (
	noSegment    = "There is no such segment."
	takenSegment = "There is a segment with this slug already."
	// maxSegments bounds what is read to see where rules lead.
	maxSegments = 1000
)

const segmentColumns = `id, uid, slug, name, description, rule, version, created_at, updated_at`

func scanSegment(row pgx.Row) (segment.Segment, error) {
	var s segment.Segment
	var rule []byte
	if err := row.Scan(&s.ID, &s.UID, &s.Slug, &s.Name, &s.Description, &rule, &s.Version, &s.CreatedAt, &s.UpdatedAt); err != nil {
		return s, err
	}
	var err error
	if s.Rule, err = segment.Parse(rule, ""); err != nil {
		return s, fmt.Errorf("read the rule of segment %d: %w", s.ID, err)
	}
	return s, nil
}

// CreateSegment stores a segment. It returns Conflict if its slug exists, and Invalid if its rule names a topic or a segment
// that does not exist.
func (db *DB) CreateSegment(ctx context.Context, s segment.Segment) (segment.Segment, error) {
	s.UID = ident.New()
	err := db.tx(ctx, "create a segment", func(tx pgx.Tx) error {
		rules, err := lockSegments(ctx, tx)
		if err != nil {
			return err
		}
		if len(rules) >= maxSegments {
			return fault.New(fault.Conflict, "too_many_segments", "There are 1000 segments already.")
		}
		if err := checkRule(ctx, tx, s, s.Slug, rules); err != nil {
			return err
		}
		err = tx.QueryRow(ctx, `
			INSERT INTO segment (uid, slug, name, description, rule) VALUES ($1, $2, $3, $4, $5)
			RETURNING id, version, created_at, updated_at`, s.UID, s.Slug, s.Name, s.Description, segment.Encode(s.Rule),
		).Scan(&s.ID, &s.Version, &s.CreatedAt, &s.UpdatedAt)
		if err != nil {
			return taken(err, takenSegment)
		}
		return record(ctx, tx, "segment", "create", s.UID, map[string]any{"conditions": segment.Conditions(s.Rule)})
	})
	return s, err
}

// lockSegments keeps others from changing segments and reads the rules of all, by slug: of two that are changed at once the
// second sees where the first leads.
func lockSegments(ctx context.Context, tx pgx.Tx) (map[string]segment.Rule, error) {
	if _, err := tx.Exec(ctx, `LOCK TABLE segment IN SHARE ROW EXCLUSIVE MODE`); err != nil {
		return nil, err
	}
	return segmentRules(ctx, tx)
}

// referred are the rules of all segments, by slug, if a rule refers to any.
func referred(ctx context.Context, q querier, rule segment.Rule) (map[string]segment.Rule, error) {
	if len(segment.Members(rule)) == 0 {
		return map[string]segment.Rule{}, nil
	}
	return segmentRules(ctx, q)
}

func segmentRules(ctx context.Context, q querier) (map[string]segment.Rule, error) {
	rows, err := q.Query(ctx, `SELECT `+segmentColumns+` FROM segment`)
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (segment.Segment, error) { return scanSegment(row) })
	rules := make(map[string]segment.Rule, len(list))
	for _, s := range list {
		rules[s.Slug] = s.Rule
	}
	return rules, err
}

// checkRule sees that what the rule of s names exists, and that neither it nor a rule that refers to it leads back to itself or
// becomes too large. own is the slug of s.
func checkRule(ctx context.Context, q querier, s segment.Segment, own string, rules map[string]segment.Rule) error {
	unknown := knownTopics(ctx, q, s.Rule, s.Names)
	if unknown != nil && !fault.Is(unknown, fault.Invalid) {
		return unknown
	}
	var f fault.Fields
	f.Join(unknown)
	_, err := segment.Expand(s.Rule, own, rules, "/rule")
	if f.Join(err); f.Err() != nil {
		return f.Err()
	}
	rules[own] = s.Rule
	for slug, other := range rules {
		if slug == own || len(segment.Members(other)) == 0 {
			continue
		}
		if _, err := segment.Expand(other, slug, rules, "/rule"); err != nil {
			return fault.New(fault.Conflict, "segment_too_large", "A segment that refers to this one would become too large or too deep.")
		}
	}
	return nil
}

// knownTopics sees that the topics of a rule exist, and tells of each that does not where it is named; nil: where the rule has it in
// its canonical form.
func knownTopics(ctx context.Context, q querier, rule segment.Rule, names []segment.Name) error {
	known, err := topicsOf(ctx, q, []segment.Rule{rule})
	if err != nil {
		return err
	}
	if names == nil {
		names = segment.Names(segment.Encode(rule), "/rule")
	}
	var f fault.Fields
	for _, name := range names {
		if _, ok := known[name.Topic]; !ok && len(f.List()) < maxFieldErrors {
			f.Add(name.Pointer, "unknown_topic", "names the topic %q, which does not exist", name.Topic)
		}
	}
	return f.Err()
}

// Segment is the one with a uid, or NotFound.
func (db *DB) Segment(ctx context.Context, uid ident.UID) (segment.Segment, error) {
	s, err := scanSegment(db.pool.QueryRow(ctx, `SELECT `+segmentColumns+` FROM segment WHERE uid = $1`, uid))
	return s, translate(missing(err, noSegment), "read a segment")
}

// UpdateSegment replaces the name, the description and the rule of the segment with s's uid. check is asked first and may
// refuse. It returns NotFound, and what CreateSegment returns of rules.
func (db *DB) UpdateSegment(ctx context.Context, s segment.Segment, check func(version int) error) (segment.Segment, error) {
	var after segment.Segment
	err := db.tx(ctx, "update a segment", func(tx pgx.Tx) error {
		rules, err := lockSegments(ctx, tx)
		if err != nil {
			return err
		}
		before, err := scanSegment(tx.QueryRow(ctx, `SELECT `+segmentColumns+` FROM segment WHERE uid = $1`, s.UID))
		if err != nil {
			return missing(err, noSegment)
		}
		if err := check(before.Version); err != nil {
			return err
		}
		if err := checkRule(ctx, tx, s, before.Slug, rules); err != nil {
			return err
		}
		after, err = scanSegment(tx.QueryRow(ctx, `
			UPDATE segment SET name = $2, description = $3, rule = $4, version = version + 1, updated_at = clock_timestamp()
			WHERE uid = $1 RETURNING `+segmentColumns, s.UID, s.Name, s.Description, segment.Encode(s.Rule)))
		if err != nil {
			return err
		}
		return record(ctx, tx, "segment", "update", s.UID, map[string]any{"fields": segmentFields(before, after)})
	})
	return after, err
}

func segmentFields(a, b segment.Segment) []string {
	fields := []string{}
	for name, same := range map[string]bool{
		"name": a.Name == b.Name, "description": a.Description == b.Description,
		"rule": bytes.Equal(segment.Encode(a.Rule), segment.Encode(b.Rule)),
	} {
		if !same {
			fields = append(fields, name)
		}
	}
	slices.Sort(fields)
	return fields
}

const publicationUses = `
SELECT EXISTS (SELECT FROM publication
    WHERE state NOT IN ('completed', 'completed_with_failures', 'cancelled', 'failed')
      AND (audience -> 'segments' @> jsonb_build_array(jsonb_build_object('id', $1::integer))
           OR audience -> 'exclude_segments' @> jsonb_build_array(jsonb_build_object('id', $1))
           OR (audience -> 'snapshot' ->> 'id')::bigint IN (SELECT id FROM segment_snapshot WHERE segment_id = $1)))`

// DeleteSegment removes a segment, with its snapshots, that no other one refers to, and that no publication is for that has not
// ended. check is asked first and may refuse. It returns NotFound, or Conflict.
func (db *DB) DeleteSegment(ctx context.Context, uid ident.UID, check func(version int) error) error {
	return db.tx(ctx, "delete a segment", func(tx pgx.Tx) error {
		rules, err := lockSegments(ctx, tx)
		if err != nil {
			return err
		}
		s, err := scanSegment(tx.QueryRow(ctx, `SELECT `+segmentColumns+` FROM segment WHERE uid = $1`, uid))
		if err != nil {
			return missing(err, noSegment)
		}
		if err := check(s.Version); err != nil {
			return err
		}
		for _, rule := range rules {
			if slices.Contains(segment.Members(rule), s.Slug) {
				return fault.New(fault.Conflict, "in_use", "Another segment refers to this one.")
			}
		}
		if err := lockSnapshots(ctx, tx, s.ID); err != nil {
			return err
		}
		var used bool
		if err := tx.QueryRow(ctx, publicationUses, s.ID).Scan(&used); err != nil {
			return err
		}
		if used {
			return fault.New(fault.Conflict, "in_use", "A publication that has not ended is for this segment or a snapshot of it, or leaves it out.")
		}
		if _, err := tx.Exec(ctx, `DELETE FROM segment WHERE uid = $1`, uid); err != nil {
			return err
		}
		return record(ctx, tx, "segment", "delete", uid, nil)
	})
}

// ListSegments is at most limit segments with ids above after, by id.
func (db *DB) ListSegments(ctx context.Context, after int64, limit int) ([]segment.Segment, error) {
	rows, err := db.pool.Query(ctx, `SELECT `+segmentColumns+` FROM segment WHERE id > $1 ORDER BY id LIMIT $2`, after, limit)
	if err != nil {
		return nil, translate(err, "list segments")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (segment.Segment, error) { return scanSegment(row) })
	return list, translate(err, "list segments")
}

// TotalSegments counts segments.
func (db *DB) TotalSegments(ctx context.Context) (tally.Total, error) {
	return db.total(ctx, `FROM segment`)
}

// expanded is a rule with the rules of the segments that it refers to in their places, and the ids of the topics it names.
func expanded(ctx context.Context, q querier, rule segment.Rule) (segment.Rule, map[string]int32, error) {
	rules, err := referred(ctx, q, rule)
	if err != nil {
		return nil, nil, err
	}
	if rule, err = segment.Expand(rule, "", rules, "/rule"); err != nil {
		return nil, nil, err
	}
	topics, err := topicsOf(ctx, q, []segment.Rule{rule})
	return rule, topics, err
}
