package postgres

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/segment"
)

// predicate is a condition on a subscriber s as SQL: constant texts, of which a rule decides only which come in which order.
// Whatever is a value of the rule is a parameter.
type predicate struct {
	text   strings.Builder
	args   []any
	topics map[string]int32
	now    time.Time
}

// statement is SQL that has a predicate in it, with its parameters.
type statement struct {
	text string
	args []any
}

// with puts predicates into a statement that ends where they go, after the parameters that it has already. Each is preceded
// by AND.
func with(text string, args []any, rules []segment.Rule, topics map[string]int32, now time.Time) *predicate {
	p := &predicate{args: args, topics: topics, now: now}
	p.text.WriteString(text)
	for _, r := range rules {
		p.text.WriteString(" AND ")
		p.rule(r)
	}
	return p
}

// end closes the statement with a text that has no parameters of its own.
func (p *predicate) end(text string) statement {
	p.text.WriteString(text)
	return statement{p.text.String(), p.args}
}

// query runs a statement. It is planned for its parameters: see plannedEachTime.
func (s statement) query(ctx context.Context, q querier) (pgx.Rows, error) {
	return q.Query(ctx, s.text, append([]any{plannedEachTime}, s.args...)...)
}

// explained is the statement with EXPLAIN before it.
func (s statement) explained() statement {
	return statement{"EXPLAIN (FORMAT JSON) " + s.text, s.args}
}

// add writes a constant text whose $1, $2 … are args.
func (p *predicate) add(text string, args ...any) {
	for {
		before, after, found := strings.Cut(text, "$")
		p.text.WriteString(before)
		if !found {
			break
		}
		n := int(after[0] - '0')
		p.text.WriteString("$" + strconv.Itoa(len(p.args)+n))
		text = after[1:]
	}
	p.args = append(p.args, args...)
}

// rule writes what a rule means; it is true or false and never null. What it cannot know is false.
func (p *predicate) rule(r segment.Rule) {
	switch r := r.(type) {
	case segment.All:
		p.joined(r, " AND ")
	case segment.Any:
		p.joined(r, " OR ")
	case segment.Not:
		p.text.WriteString("(NOT ")
		p.rule(r.Rule)
		p.text.WriteString(")")
	case segment.Topic:
		p.topic(r)
	case segment.Attribute:
		p.attribute(r)
	case segment.Engagement:
		p.engagement(r)
	case segment.Inactive:
		p.inactive(r)
	case segment.Country:
		p.add(`s.country = ANY($1::text[])`, r.Codes)
	case segment.Language:
		below := make([]string, len(r.Tags))
		for i, tag := range r.Tags {
			below[i] = tag + "-%"
		}
		p.add(`(s.language = ANY($1::text[]) OR s.language LIKE ANY($2::text[]))`, r.Tags, below)
	case segment.Channel:
		p.channel(r)
	case segment.Created:
		p.add(`(s.created_at >= coalesce($1::timestamptz, '-infinity') AND s.created_at < coalesce($2::timestamptz, 'infinity'))`,
			optionalTime(r.After), optionalTime(r.Before))
	case segment.Member, nil: // Expand leaves none
		p.add(`false`)
	}
}

func (p *predicate) joined(rules []segment.Rule, with string) {
	p.text.WriteString("(")
	for i, r := range rules {
		if i > 0 {
			p.text.WriteString(with)
		}
		p.rule(r)
	}
	p.text.WriteString(")")
}

func (p *predicate) topic(t segment.Topic) {
	ids := make([]int32, 0, len(t.Slugs))
	for _, slug := range t.Slugs {
		if id, known := p.topics[slug]; known {
			ids = append(ids, id)
		}
	}
	switch {
	case !t.Every:
		p.add(`s.topics && $1::integer[]`, ids)
	case len(ids) < len(t.Slugs):
		p.add(`false`)
	default:
		p.add(`s.topics @> $1::integer[]`, ids)
	}
}

// asJSON is a value of an attribute as PostgreSQL reads it.
func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil { // segment.Parse lets only texts, finite numbers and truth values through
		return "null"
	}
	return string(text)
}

func (p *predicate) attribute(a segment.Attribute) {
	named := func(v any) string { return asJSON(map[string]any{a.Name: v}) }
	switch a.Op {
	case segment.Exists:
		if a.Value == false {
			p.add(`(NOT s.attributes ? $1::text)`, a.Name)
		} else {
			p.add(`s.attributes ? $1::text`, a.Name)
		}
	case segment.Eq:
		p.add(`s.attributes @> $1::text::jsonb`, named(a.Value))
	case segment.Ne:
		p.add(`(s.attributes ? $1::text AND NOT s.attributes @> $2::text::jsonb)`, a.Name, named(a.Value))
	case segment.In:
		values := make([]string, len(a.Values))
		for i, v := range a.Values {
			values[i] = named(v)
		}
		p.add(`s.attributes @> ANY($1::text[]::jsonb[])`, values)
	case segment.Contains:
		p.add(`((jsonb_typeof(s.attributes -> $1::text) = 'string' AND strpos(s.attributes ->> $1, $2::text) > 0) IS TRUE)`, a.Name, a.Value)
	case segment.Gt, segment.Gte, segment.Lt, segment.Lte:
		p.order(a)
	}
}

// order compares numbers as JSON has them, and texts by their characters' numbers. A value of another type has no order. It is a path
// and no comparison of what -> finds, because PostgreSQL can tell from its statistics how many fulfil a path, and joins accordingly.
func (p *predicate) order(a segment.Attribute) {
	p.add(`((s.attributes @@ $1::text::jsonpath) IS TRUE)`, "strict $."+asJSON(a.Name)+symbol(a.Op)+asJSON(a.Value))
}

// symbol is an operator's.
func symbol(op segment.Op) string {
	switch op {
	case segment.Gt:
		return ` > `
	case segment.Gte:
		return ` >= `
	case segment.Lt:
		return ` < `
	case segment.Lte:
		return ` <= `
	case segment.Eq, segment.Ne, segment.In, segment.Contains, segment.Exists:
	}
	return ` = `
}

// inWindow has in w.n the counters of a reader since the week $1, as engagement.total has them.
const inWindow = `EXISTS (SELECT FROM engagement e, LATERAL (
SELECT CASE WHEN e.week < $1::integer THEN 0 ELSE e.total - coalesce(e.before[e.week - $1 + 1], 0) END AS n) w
WHERE e.subscriber_id = s.id AND `

// weekOf is the number of a time's week, as in engagement.
func weekOf(t time.Time) int { return int((t.UTC().Unix()/86400 - 4) / 7) }

// dayBefore is the day that is so many days before today, in UTC.
func (p *predicate) dayBefore(days int) time.Time {
	return p.now.UTC().Truncate(24*time.Hour).AddDate(0, 0, -days)
}

func (p *predicate) engagement(e segment.Engagement) {
	first := weekOf(p.now) - e.Weeks
	if e.Metric.Rate() {
		p.add(inWindow, first)
		p.add(`w.n & 1048575 >= $1::integer AND `, e.MinSent)
		if e.Metric == segment.OpenRate {
			p.add(`least(1, (w.n >> 20 & 1048575)::float8 / nullif(w.n & 1048575, 0))`)
		} else {
			p.add(`least(1, (w.n >> 40)::float8 / nullif(w.n & 1048575, 0))`)
		}
		p.text.WriteString(symbol(e.Op))
		p.add(`$1::float8)`, e.Value)
		return
	}
	// Who has no row was sent nothing. If that fulfils it, nobody may be there who does not.
	holds := fulfils(0, e.Op, e.Value)
	if holds {
		p.add(`(NOT `)
	}
	p.add(inWindow, first)
	if holds {
		p.add(`NOT `)
	}
	p.add(`(`)
	switch e.Metric {
	case segment.Opened:
		p.add(`(w.n >> 20 & 1048575)`)
	case segment.Clicked:
		p.add(`(w.n >> 40)`)
	case segment.Sent, segment.OpenRate, segment.ClickRate:
		p.add(`(w.n & 1048575)`)
	}
	p.text.WriteString(symbol(e.Op))
	p.add(`$1::float8))`, e.Value)
	if holds {
		p.add(`)`)
	}
}

// fulfils compares two numbers.
func fulfils(n float64, op segment.Op, with float64) bool {
	switch op {
	case segment.Gt:
		return n > with
	case segment.Gte:
		return n >= with
	case segment.Lt:
		return n < with
	case segment.Lte:
		return n <= with
	case segment.Eq, segment.Ne, segment.In, segment.Contains, segment.Exists:
	}
	return n == with
}

func (p *predicate) inactive(i segment.Inactive) {
	day := p.dayBefore(i.Days)
	if i.NeverSent {
		p.add(`(`)
	}
	p.add(`EXISTS (SELECT FROM engagement e WHERE e.subscriber_id = s.id AND e.first_sent_on <= $1::date
AND coalesce(greatest(e.email_on, e.newsletter_on) < $1, true))`, day)
	if i.NeverSent {
		p.add(` OR s.created_at < $1::date + 1 AND NOT EXISTS (
SELECT FROM engagement e WHERE e.subscriber_id = s.id AND e.first_sent_on IS NOT NULL))`, day)
	}
}

func (p *predicate) channel(c segment.Channel) {
	switch {
	case c.Days == 0:
		p.add(`(NOT $1::smallint = ANY(s.channels_off))`, channel.Kind(c.Kind).ID())
	case channel.Kind(c.Kind) == channel.Email:
		p.add(`EXISTS (SELECT FROM engagement e WHERE e.subscriber_id = s.id AND e.email_on >= $1::date)`, p.dayBefore(c.Days))
	default:
		p.add(`EXISTS (SELECT FROM engagement e WHERE e.subscriber_id = s.id AND e.newsletter_on >= $1::date)`, p.dayBefore(c.Days))
	}
}

// topicsOf finds the ids of the topics that rules name.
func topicsOf(ctx context.Context, q querier, rules []segment.Rule) (map[string]int32, error) {
	var slugs []string
	for _, r := range rules {
		slugs = append(slugs, segment.Topics(r)...)
	}
	ids := make(map[string]int32, len(slugs))
	if len(slugs) == 0 {
		return ids, nil
	}
	rows, err := q.Query(ctx, `SELECT slug, id FROM topic WHERE slug = ANY($1)`, slugs)
	if err != nil {
		return nil, err
	}
	var slug string
	var id int32
	_, err = pgx.ForEachRow(rows, []any{&slug, &id}, func() error {
		ids[strings.Clone(slug)] = id
		return nil
	})
	return ids, err
}
