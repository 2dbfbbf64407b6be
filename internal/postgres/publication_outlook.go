package postgres

import (
	"context"
	"time"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/eligibility"
	"github.com/presswork/presswork/internal/publication"
)

// A dry run says who would be held back by the same decisions that hold them back: those of eligibility, for readers who are
// alike at once, and those of caps, of which it needs to know how many messages a reader may still get.

// spareByCaps is how many messages readers who got some of late may still get: the least that any cap leaves them. $4 to $7 are
// pairs of a recent publication and a cap that covers it, with the cap's limit and since when it counts; $8 are the channels that
// count, $2 the readers who are named, if any are. What counts is what readGot reads.
const spareByCaps = `
got AS (
    SELECT d.recipient_id, max(p.most) - count(*) AS spare
    FROM unnest($4::bigint[], $5::integer[], $6::bigint[], $7::timestamptz[]) AS p (id, cap, most, since), unnest($8::smallint[]) AS k (id),
         LATERAL (SELECT * FROM delivery l WHERE l.publication_id = p.id AND l.channel_id = k.id
                    AND ($2::bigint[] IS NULL OR l.recipient_id = ANY($2)) OFFSET 0) d
    WHERE d.state IN (0, 2, 3, 5, 7) AND (d.state = 0 OR d.settled_at > p.since)
    GROUP BY d.recipient_id, p.cap
), tight AS (SELECT recipient_id, min(least(spare, $9::bigint)) AS spare FROM got GROUP BY recipient_id)`

// outlook decides what would become of the readers of an order.
type outlook struct {
	db       *DB
	at       time.Time // when the order begins: now, or at its time
	policy   eligibility.Policy
	message  eligibility.Message
	channels []publication.Channel // those that are personal, in the order in which they are expanded
	caps     caps                  // that hold for it
	lately   []recent              // what was published within their windows
}

func (db *DB) outlookOf(ctx context.Context, r publication.Resolved) (*outlook, error) {
	o := &outlook{db: db, message: eligibility.Message{
		Digest: r.Type == publication.Digest, Urgent: r.Priority == publication.Critical || r.Type == publication.Transactional,
	}}
	var err error
	if o.policy, err = readPolicy(ctx, db.pool); err != nil {
		return nil, err
	}
	if err := db.pool.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&o.at); err != nil {
		return nil, err
	}
	if r.ScheduledAt != nil && r.ScheduledAt.After(o.at) {
		o.at = *r.ScheduledAt
	}
	if r.ScheduledAt != nil && r.ByLocalTime {
		local := eligibility.LocalAt(publication.LocalTime(*r.ScheduledAt))
		o.message.Local = &local
	}
	for _, channel := range r.Channels {
		if channel.Personal {
			o.channels = append(o.channels, channel)
		}
	}
	o.caps.now = o.at
	for _, one := range o.policy.Caps {
		if !o.message.Urgent && one.Covers(r.AudienceIDs.Topics) {
			o.caps.list = append(o.caps.list, one)
		}
	}
	if len(o.caps.list) > 0 {
		o.lately, err = o.caps.recent(ctx, db.pool)
	}
	return o, err
}

// spareArgs are the parameters of spareByCaps. $9 is what a reader may get who got nothing of late, and no more than there are
// channels.
func (o *outlook) spareArgs() []any {
	publications, numbers, limits, since := []int64{}, []int32{}, []int64{}, []time.Time{}
	spare := int64(len(o.channels))
	for i, one := range o.caps.list {
		spare = min(spare, int64(one.Limit))
		for _, r := range o.lately {
			if one.Covers(r.topics) {
				publications, numbers = append(publications, r.id), append(numbers, int32(i))
				limits, since = append(limits, int64(one.Limit)), append(since, o.at.Add(-one.Window))
			}
		}
	}
	return []any{publications, numbers, limits, since, personalKinds(), spare}
}

// count adds n readers who are alike, of whom each may get so many messages. Who is held back is so on every channel; who is not
// uses up what caps leave, on the channels that they want.
func (o *outlook) count(c *publication.Census, reader eligibility.Reader, spare, n int64) {
	for _, channel := range o.channels {
		m := o.message
		m.Channel = channel.ID
		v := o.policy.Decide(&o.db.zones, m, reader, o.at)
		var why delivery.Reason
		switch {
		case v.Reason == eligibility.ChannelOff:
			c.Unwanted[channel.Name] += n
			continue
		case v.Held():
			why = reasonOf(v.Reason)
		case spare <= 0:
			why = delivery.FrequencyCap
		default:
			spare--
			continue
		}
		if c.Deferred[channel.Name] == nil {
			c.Deferred[channel.Name] = map[string]int64{}
		}
		c.Deferred[channel.Name][why.String()] += n
	}
}
