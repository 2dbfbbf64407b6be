package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/ident"
)

// queueAudience turns the audience into internal ids and sees that somebody active is in it. Who exactly is
// decided when fan-out starts.
func (r *resolver) queueAudience() {
	a := r.order.Audience
	r.found.AudienceIDs.All = a.All
	if len(a.Exclude) > 0 {
		r.queueSubscribers(a.Exclude, "/audience/exclude_subscriber_ids", func(ids []int64, _ bool) {
			r.found.AudienceIDs.Exclude = ids
		})
	}
	switch {
	case a.All:
		r.batch.Queue(`SELECT EXISTS (SELECT FROM subscriber WHERE status = 'active' AND uid <> ALL($1))`, a.Exclude).
			QueryRow(r.someoneIsActive)
	case len(a.Topics) > 0:
		r.queueTopics(a.Topics)
	case len(a.Segments) > 0: // pinSegments; who belongs to them is decided when fan-out starts
	case !a.Snapshot.IsZero():
		r.pinSnapshot(a.Snapshot)
	default:
		r.queueSubscribers(a.Subscribers, "/audience/subscriber_ids", func(ids []int64, active bool) {
			r.found.AudienceIDs.Subscribers = ids
			if !active {
				r.nobody()
			}
		})
	}
}

const someoneHasTopic = `
SELECT EXISTS (SELECT FROM subscriber WHERE status = 'active' AND topics && $1 AND uid <> ALL($2))`

// checkTopics sees that somebody active has one of the topics. It is asked once their ids are known, and planned for
// them: in a common topic somebody is found at once, of a rare one only the index knows.
func (r *resolver) checkTopics(ctx context.Context, q querier) error {
	if len(r.order.Audience.Topics) == 0 || !r.order.Personal() {
		return nil
	}
	return r.someoneIsActive(q.QueryRow(ctx, someoneHasTopic, pgx.QueryExecModeCacheDescribe,
		r.found.AudienceIDs.Topics, r.order.Audience.Exclude))
}

func (r *resolver) someoneIsActive(row pgx.Row) error {
	var active bool
	err := row.Scan(&active)
	if err == nil && !active {
		r.nobody()
	}
	return err
}

func (r *resolver) nobody() {
	r.problems.Add("/audience", "empty_audience", "has no active subscriber in it")
}

func (r *resolver) queueTopics(slugs []string) {
	r.batch.Queue(`SELECT slug, id FROM topic WHERE slug = ANY($1)`, slugs).Query(func(rows pgx.Rows) error {
		known := make(map[string]int32, len(slugs))
		var slug string
		var id int32
		if _, err := pgx.ForEachRow(rows, []any{&slug, &id}, func() error {
			known[slug] = id
			return nil
		}); err != nil {
			return err
		}
		for i, slug := range slugs {
			id, ok := known[slug]
			if !ok {
				r.problems.Add(fmt.Sprintf("/audience/topics/%d", i), "unknown_topic", "does not exist")
			}
			if !slices.Contains(r.found.AudienceIDs.Topics, id) {
				r.found.AudienceIDs.Topics = append(r.found.AudienceIDs.Topics, id)
			}
		}
		return nil
	})
}

// queueSubscribers looks up subscribers and gives done their ids in order, and whether one of them is active
// and not excluded.
func (r *resolver) queueSubscribers(uids []ident.UID, pointer string, done func(ids []int64, active bool)) {
	r.batch.Queue(`SELECT uid, id, status = 'active' AND uid <> ALL($2) FROM subscriber
			WHERE uid = ANY($1) AND email NOT LIKE '%@deleted.invalid'`,
		uids, r.order.Audience.Exclude).Query(func(rows pgx.Rows) error {
		known := make(map[ident.UID]int64, len(uids))
		var uid ident.UID
		var id int64
		var active, anyActive bool
		if _, err := pgx.ForEachRow(rows, []any{&uid, &id, &active}, func() error {
			known[uid] = id
			anyActive = anyActive || active
			return nil
		}); err != nil {
			return err
		}
		r.reportUnknown(uids, known, pointer)
		ids := make([]int64, 0, len(known))
		for _, id := range known {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		done(ids, anyActive)
		return nil
	})
}

func (r *resolver) reportUnknown(uids []ident.UID, known map[ident.UID]int64, pointer string) {
	told := 0
	for i, uid := range uids {
		if _, ok := known[uid]; !ok && told < maxFieldErrors {
			told++
			r.problems.Add(fmt.Sprintf("%s/%d", pointer, i), "unknown_subscriber", "does not exist")
		}
	}
}
