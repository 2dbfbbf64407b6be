package postgres

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
)

// filterSubscribers lets rows of s through that a subscriber.Filter ($1 to $10, filterArgs) lets through. Deleted ones never
// pass. It is planned each time: only then the parts that let all through cost nothing and the others find their indexes
// (migration 0030).
const filterSubscribers = `
($1 = '' OR s.email COLLATE "C" LIKE $1)
AND ($2::integer[] IS NULL OR s.topics @> $2)
AND ($3 = '' OR s.status = $3)
AND ($4 = '' OR s.country = $4)
AND ($5 = '' OR s.language = $5)
AND ($6::timestamptz IS NULL OR s.created_at >= $6)
AND ($7::timestamptz IS NULL OR s.created_at < $7)
AND ($8::jsonb IS NULL OR s.attributes @> $8)
AND ($9 = '' OR s.email COLLATE "C" LIKE $9
     OR to_tsvector('simple', presswork_plain(s.name)) @@ to_tsquery('simple', presswork_plain($10)))
AND s.email NOT LIKE '%@deleted.invalid'`

// filterArgs looks the topic up: the planner knows how many have one that it is told.
func (db *DB) filterArgs(ctx context.Context, f subscriber.Filter) ([]any, error) {
	topic, err := db.filteredTopic(ctx, f.Topic)
	if err != nil {
		return nil, err
	}
	var attributes *string
	if len(f.Attributes) > 0 {
		text := encoded(f.Attributes)
		attributes = &text
	}
	words := f.SearchWords()
	for i, word := range words {
		words[i] = word + ":*"
	}
	return []any{beginning(f.EmailPrefix), topic, string(f.Status), f.Country, f.Language, f.From, f.Until, attributes,
		beginning(strings.ToLower(f.Search)), strings.Join(words, " & ")}, nil
}

// beginning is a pattern for texts that begin with prefix, "" for none.
func beginning(prefix string) string {
	if prefix == "" {
		return ""
	}
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(prefix) + "%"
}

// filteredTopic is the id of a topic to filter by, nil for none. That of a topic that does not exist is one that nobody has.
func (db *DB) filteredTopic(ctx context.Context, slug string) ([]int32, error) {
	if slug == "" {
		return nil, nil
	}
	var id int32
	err := db.pool.QueryRow(ctx, `SELECT id FROM topic WHERE slug = $1`, slug).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return []int32{0}, nil
	}
	return []int32{id}, translate(err, "find a topic")
}

// The lists of subscribers, by their orders: after $11, and of those who were made at the same time after $12.
const (
	subscribersByID      = selectSubscriber + ` WHERE ` + filterSubscribers + ` AND s.id > $11 ORDER BY s.id LIMIT $12`
	subscribersByAddress = selectSubscriber + ` WHERE ` + filterSubscribers + ` AND s.email COLLATE "C" > $11 ORDER BY s.email COLLATE "C" LIMIT $12`
	subscribersByTime    = selectSubscriber + ` WHERE ` + filterSubscribers + ` AND (s.created_at, s.id) > ($11::timestamptz, $12::bigint)
		ORDER BY s.created_at, s.id LIMIT $13`
)

// ListSubscribers is at most limit subscribers after a position who pass the filter, in its order. It is one query, however long
// the list, and one more for a topic.
func (db *DB) ListSubscribers(
	ctx context.Context, f subscriber.Filter, after subscriber.Position, limit int,
) ([]subscriber.Subscriber, error) {
	args, err := db.filterArgs(ctx, f)
	if err != nil {
		return nil, err
	}
	statement := subscribersByID
	switch f.Order() {
	case subscriber.ByAddress:
		statement, args = subscribersByAddress, append(args, after.Email)
	case subscriber.ByTime:
		statement, args = subscribersByTime, append(args, beginningOfTime(after.At), after.ID)
	default:
		args = append(args, after.ID)
	}
	rows, err := db.pool.Query(ctx, statement, append([]any{plannedEachTime}, append(args, limit)...)...)
	if err != nil {
		return nil, translate(err, "list subscribers")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (subscriber.Subscriber, error) { return scanSubscriber(row) })
	return list, translate(err, "list subscribers")
}

// beginningOfTime is at, or if that is zero a time before which there was nobody.
func beginningOfTime(at time.Time) time.Time {
	if at.IsZero() {
		return time.Unix(0, 0).UTC()
	}
	return at
}

// CountSubscribers is how many pass the filter.
func (db *DB) CountSubscribers(ctx context.Context, f subscriber.Filter) (int64, error) {
	args, err := db.filterArgs(ctx, f)
	if err != nil {
		return 0, err
	}
	var n int64
	err = db.pool.QueryRow(ctx, `SELECT count(*) FROM subscriber s WHERE `+filterSubscribers, append([]any{plannedEachTime}, args...)...).Scan(&n)
	return n, translate(err, "count subscribers")
}

// attributeNames has a type where all who have an attribute have it of that, and it is not text.
const attributeNames = `
SELECT k || CASE WHEN every(t = 'number') THEN ':number' WHEN every(t = 'boolean') THEN ':boolean' ELSE '' END
FROM (SELECT a.key COLLATE "C" AS k, jsonb_typeof(a.value) AS t FROM subscriber s, jsonb_each(s.attributes) AS a) x
GROUP BY k ORDER BY k LIMIT $1`

// AttributeNames is every attribute that any subscriber has, sorted, at most limit of them, as the columns of a CSV file name them:
// "seats:number", without the type if it is text, or not always the same.
func (db *DB) AttributeNames(ctx context.Context, limit int) ([]string, error) {
	rows, err := db.pool.Query(ctx, attributeNames, limit)
	if err != nil {
		return nil, translate(err, "read the names of attributes")
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return names, translate(err, "read the names of attributes")
}

// RecordAccess notes in the audit log that subscribers were looked at; uid is zero for many.
func (db *DB) RecordAccess(ctx context.Context, verb string, uid ident.UID, count int) error {
	return db.tx(ctx, "note an access to subscribers", func(tx pgx.Tx) error {
		return record(ctx, tx, "subscriber", verb, uid, map[string]any{"count": count})
	})
}
