package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/segment"
)

// previewTime is how long a statement that counts for somebody who waits may take. A million readers take a second at most
// unless the machine is busy.
const previewTime = `SET LOCAL statement_timeout = '3s'`

// PreviewSegment counts the active readers whom a rule holds for, and shows the newest of them, as many as sample. It returns
// Invalid, at pointers below /rule, if the rule names a topic, as names say, or a segment that does not exist.
func (db *DB) PreviewSegment(ctx context.Context, rule segment.Rule, names []segment.Name, sample int) (segment.Preview, error) {
	var p segment.Preview
	if err := knownTopics(ctx, db.pool, rule, names); err != nil {
		return p, translate(err, "preview a segment")
	}
	rule, topics, err := expanded(ctx, db.pool, rule)
	if err != nil {
		return p, translate(err, "preview a segment")
	}
	rules, now := []segment.Rule{rule}, time.Now()
	count := with(`SELECT count(*) FROM subscriber s WHERE s.status = 'active'`, nil, rules, topics, now).end(``)
	err = db.briefly(ctx, "count a segment", count, func(rows pgx.Rows) error {
		p.Count, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[int64])
		return err
	})
	if fault.Is(err, fault.Timeout) {
		p.Estimate = true
		p.Count, err = db.guess(ctx, with(`SELECT FROM subscriber s WHERE s.status = 'active'`, nil, rules, topics, now).end(``))
	}
	if err != nil || sample == 0 {
		return p, err
	}
	newest := with(`SELECT s.uid, s.email FROM subscriber s WHERE s.status = 'active' AND $1::integer > 0`, []any{sample}, rules, topics, now).
		end(` ORDER BY s.id DESC LIMIT $1`)
	err = db.briefly(ctx, "sample a segment", newest, func(rows pgx.Rows) error {
		p.Sample, err = pgx.CollectRows(rows, pgx.RowToStructByPos[segment.Sample])
		return err
	})
	if fault.Is(err, fault.Timeout) { // members are too few to be found soon
		err = nil
	}
	return p, err
}

// briefly runs a statement that gives up soon: Timeout.
func (db *DB) briefly(ctx context.Context, doing string, s statement, read func(pgx.Rows) error) error {
	return db.tx(ctx, doing, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, previewTime); err != nil {
			return err
		}
		rows, err := s.query(ctx, tx)
		if err != nil {
			return err
		}
		return read(rows)
	})
}

// guess is how many rows the planner expects.
func (db *DB) guess(ctx context.Context, s statement) (int64, error) {
	rows, err := s.explained().query(ctx, db.pool)
	if err != nil {
		return 0, translate(err, "estimate an audience")
	}
	text, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[[]byte])
	if err != nil {
		return 0, translate(err, "estimate an audience")
	}
	var plans []struct {
		Plan struct {
			Rows float64 `json:"Plan Rows"`
		}
	}
	if err := json.Unmarshal(text, &plans); err != nil || len(plans) == 0 {
		return 0, fmt.Errorf("read a plan: %w", err)
	}
	return int64(plans[0].Plan.Rows), nil
}

// ExplainSegment says of each condition of a rule how many active readers it holds for by itself, and, if about is not zero,
// whether it holds for that reader; and whether the whole rule does. It returns NotFound for a reader who does not exist, and
// what PreviewSegment returns.
func (db *DB) ExplainSegment(ctx context.Context, rule segment.Rule, names []segment.Name, about ident.UID) (parts []segment.Explained, member *bool, err error) {
	if err := knownTopics(ctx, db.pool, rule, names); err != nil {
		return nil, nil, translate(err, "explain a segment")
	}
	rules, err := referred(ctx, db.pool, rule)
	if err != nil {
		return nil, nil, translate(err, "explain a segment")
	}
	whole, err := segment.Expand(rule, "", rules, "/rule")
	if err != nil {
		return nil, nil, err
	}
	var conditions []segment.Rule
	for _, part := range segment.Parts(rule, "/rule") {
		parts = append(parts, segment.Explained{Part: part})
		condition, err := segment.Expand(part.Rule, "", rules, part.Pointer)
		if err != nil {
			return nil, nil, err
		}
		conditions = append(conditions, condition)
	}
	topics, err := topicsOf(ctx, db.pool, append(conditions, whole))
	if err != nil {
		return nil, nil, translate(err, "explain a segment")
	}
	e := explanation{db, topics, time.Now()}
	if err := e.count(ctx, parts, conditions); err != nil || about.IsZero() {
		return parts, nil, err
	}
	member, err = e.judge(ctx, parts, append(conditions, whole), about)
	return parts, member, err
}

type explanation struct {
	db     *DB
	topics map[string]int32
	now    time.Time
}

// each puts conditions into a statement, as the elements of one array.
func (e explanation) each(conditions []segment.Rule, before, after string) *predicate {
	p := with(`SELECT ARRAY[`, nil, nil, e.topics, e.now)
	for i, c := range conditions {
		if i > 0 {
			p.add(`, `)
		}
		p.text.WriteString(before)
		p.rule(c)
		p.text.WriteString(after)
	}
	return p
}

func (e explanation) count(ctx context.Context, parts []segment.Explained, conditions []segment.Rule) error {
	s := e.each(conditions, `count(*) FILTER (WHERE `, `)`).end(`] FROM subscriber s WHERE s.status = 'active'`)
	var counts []int64
	err := e.db.briefly(ctx, "explain a segment", s, func(rows pgx.Rows) (err error) {
		counts, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[[]int64])
		return err
	})
	if fault.Is(err, fault.Timeout) {
		return nil
	}
	for i := range counts {
		parts[i].Count = &counts[i]
	}
	return err
}

// judge says of one reader what holds; the last condition is the whole rule, which holds for nobody who is not active.
func (e explanation) judge(ctx context.Context, parts []segment.Explained, conditions []segment.Rule, about ident.UID) (*bool, error) {
	p := e.each(conditions, `(`, `)`)
	p.add(`, s.status = 'active'] FROM subscriber s WHERE s.uid = $1::uuid AND s.email NOT LIKE '%@deleted.invalid'`, about)
	rows, err := p.end(``).query(ctx, e.db.pool)
	if err != nil {
		return nil, translate(err, "explain a segment")
	}
	holds, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[[]bool])
	if err != nil {
		return nil, translate(missing(err, noSubscriber), "explain a segment")
	}
	for i := range parts {
		parts[i].Holds = &holds[i]
	}
	member := holds[len(parts)] && holds[len(parts)+1]
	return &member, nil
}
