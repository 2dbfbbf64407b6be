package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/bulk"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
)

// subscribersTogether does items that have nothing to do with each other, each kind in one statement.
type subscribersTogether struct {
	items     []subscriber.Item
	before    map[ident.UID]subscriber.Subscriber
	outcomes  []bulk.Outcome
	addresses []string

	made, changed, emptied []written
	trail                  []line
}

// written is an item that is about to be done.
type written struct {
	n      int // of the item
	s      subscriber.Subscriber
	change subscriber.Change
}

func (b *subscribersTogether) run(ctx context.Context, tx pgx.Tx) error {
	b.outcomes, b.addresses = make([]bulk.Outcome, len(b.items)), nil
	wanted := make([]string, 0, len(b.items))
	for _, i := range b.items {
		if i.Err == nil && i.Email != "" && b.before[i.UID].Email != i.Email {
			wanted = append(wanted, i.Email)
		}
	}
	has, err := takenAddresses(ctx, tx, wanted)
	if err != nil {
		return err
	}
	for n, i := range b.items {
		b.plan(n, i, has)
	}
	if err := b.write(ctx, tx); err != nil {
		return err
	}
	return b.audit(ctx, tx)
}

// plan decides about an item by what was found.
func (b *subscribersTogether) plan(n int, i subscriber.Item, has map[string]bool) {
	out := &b.outcomes[n]
	out.UID = i.UID
	before, there := b.before[i.UID]
	w := written{n: n, s: before}
	switch {
	case i.Err != nil:
		out.Err = i.Err
	case i.Action == bulk.Create && has[i.Email]:
		out.Err = errTakenSubscriber()
	case i.Action == bulk.Create:
		w.s = i.New
		w.s.UID = ident.New()
		b.made = append(b.made, w)
	case !there:
		out.Err = missing(pgx.ErrNoRows, noSubscriber)
	case i.Action == bulk.Update:
		b.planChange(w, i, has, out)
	default:
		if out.Err = i.Check(before); out.Err == nil {
			b.emptied = append(b.emptied, w)
		}
	}
}

func (b *subscribersTogether) planChange(w written, i subscriber.Item, has map[string]bool, out *bulk.Outcome) {
	before := w.s
	if w.change, out.Err = i.Change(before); out.Err != nil {
		return
	}
	w.s = w.change.After
	switch {
	case w.change.Empty():
		out.Version = before.Version
	case w.s.Email != before.Email && has[w.s.Email]:
		out.Err = errTakenSubscriber()
	default:
		b.changed = append(b.changed, w)
	}
}

// insertSubscribers and rewriteSubscribers have a row for each of $1 to $10, which are parallel arrays.
const (
	insertSubscribers = `
INSERT INTO subscriber (uid, email, name, language, timezone, status, topics, attributes, consent_source, country, consent_at)
SELECT uid, email, name, language, timezone, status, topics::integer[], attributes::jsonb, consent, country,
       CASE WHEN status = 'active' THEN clock_timestamp() END
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::text[])
     AS n (uid, email, name, language, timezone, status, topics, attributes, consent, country)
ON CONFLICT (email) DO NOTHING RETURNING uid, version`

	rewriteSubscribers = `
UPDATE subscriber s SET email = n.email, name = n.name, language = n.language, timezone = n.timezone, status = n.status,
       topics = n.topics::integer[], attributes = n.attributes::jsonb, consent_source = n.consent, country = n.country,
       suppression_id = CASE WHEN s.email = n.email THEN s.suppression_id END,
       consent_at = CASE WHEN n.consented THEN clock_timestamp() ELSE s.consent_at END,
       revoked_at = CASE WHEN n.revoked THEN clock_timestamp() ELSE s.revoked_at END,
       version = s.version + 1, updated_at = clock_timestamp()
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::text[], $11::boolean[], $12::boolean[])
     AS n (uid, email, name, language, timezone, status, topics, attributes, consent, country, consented, revoked)
WHERE s.uid = n.uid RETURNING s.uid, s.version`
)

// write makes, changes and empties, and completes the outcomes. Somebody who took an address just now leaves a new one out;
// a changed one that meets them is an error of the whole.
func (b *subscribersTogether) write(ctx context.Context, tx pgx.Tx) error {
	byAddress(b.made)
	byAddress(b.changed)
	chosen := everyTopic(column(slices.Concat(b.made, b.changed), func(w written) subscriber.Subscriber { return w.s }))
	topics, err := ensureTopics(ctx, tx, chosen)
	if err != nil {
		return err
	}
	made, err := versionsOf(ctx, tx, insertSubscribers, subscriberColumns(b.made, topics))
	if err != nil {
		return fmt.Errorf("make subscribers: %w", err)
	}
	changes := append(subscriberColumns(b.changed, topics),
		column(b.changed, func(w written) bool { return w.change.Consented }), column(b.changed, func(w written) bool { return w.change.Revoked }))
	changed, err := versionsOf(ctx, tx, rewriteSubscribers, changes)
	if err != nil {
		return fmt.Errorf("change subscribers: %w", err)
	}
	if err := forget(ctx, tx, column(b.emptied, func(w written) int64 { return w.s.ID }), column(b.emptied, func(w written) string { return w.s.Email })); err != nil {
		return fmt.Errorf("delete subscribers: %w", err)
	}
	if err := ReleaseHeld(ctx, tx, b.reconsidered()...); err != nil {
		return fmt.Errorf("release what was held for subscribers: %w", err)
	}
	for _, w := range b.made {
		b.done(w, made, "create", nil)
	}
	for _, w := range b.changed {
		b.done(w, changed, "update", map[string]any{"fields": w.change.Fields})
	}
	return nil
}

// reconsidered are those who are no readers any more, and those of whom what was held back is to be looked at again.
func (b *subscribersTogether) reconsidered() []int64 {
	changed := slices.DeleteFunc(slices.Clone(b.changed), func(w written) bool { return !w.change.Reconsidered() })
	return column(slices.Concat(b.emptied, changed), func(w written) int64 { return w.s.ID })
}

// done notes what became of somebody who was to be made or changed.
func (b *subscribersTogether) done(w written, versions map[ident.UID]int, verb string, changes map[string]any) {
	version, stored := versions[w.s.UID]
	if !stored {
		b.outcomes[w.n].Err = errTakenSubscriber()
		return
	}
	b.outcomes[w.n] = bulk.Outcome{UID: w.s.UID, Version: version}
	b.trail = append(b.trail, line{verb, w.s.UID, changes})
	if w.s.Email != b.before[w.s.UID].Email {
		b.addresses = append(b.addresses, w.s.Email)
	}
}

func (b *subscribersTogether) audit(ctx context.Context, tx pgx.Tx) error {
	for _, w := range b.emptied {
		b.trail = append(b.trail, line{"delete", w.s.UID, nil})
	}
	return recordAll(ctx, tx, "subscriber", b.trail)
}

// versionsOf runs a statement that returns uids and versions, unless there is nothing to do.
func versionsOf(ctx context.Context, tx pgx.Tx, statement string, columns []any) (map[ident.UID]int, error) {
	versions := map[ident.UID]int{}
	rows, err := tx.Query(ctx, statement, columns...)
	if err != nil {
		return nil, err
	}
	var uid ident.UID
	var version int
	_, err = pgx.ForEachRow(rows, []any{&uid, &version}, func() error {
		versions[uid] = version
		return nil
	})
	return versions, err
}

// subscriberColumns is subscribers as parallel arrays. Topics and attributes are texts, since PostgreSQL's arrays of arrays
// have to be rectangular.
func subscriberColumns(list []written, topics map[string]int32) []any {
	text := func(of func(subscriber.Subscriber) string) []string {
		return column(list, func(w written) string { return of(w.s) })
	}
	return []any{
		column(list, func(w written) ident.UID { return w.s.UID }),
		text(func(s subscriber.Subscriber) string { return s.Email }),
		text(func(s subscriber.Subscriber) string { return s.Name }),
		text(func(s subscriber.Subscriber) string { return s.Language }),
		text(func(s subscriber.Subscriber) string { return s.Timezone }),
		text(func(s subscriber.Subscriber) string { return string(s.Status) }),
		text(func(s subscriber.Subscriber) string { return topicArray(s.Topics, topics) }),
		text(func(s subscriber.Subscriber) string { return encoded(s.Attributes) }),
		text(func(s subscriber.Subscriber) string { return s.ConsentSource }),
		text(func(s subscriber.Subscriber) string { return s.Country }),
	}
}

func topicArray(slugs []string, topics map[string]int32) string {
	ids := make([]string, len(slugs))
	for i, slug := range slugs {
		ids[i] = strconv.Itoa(int(topics[slug]))
	}
	return "{" + strings.Join(ids, ",") + "}"
}
