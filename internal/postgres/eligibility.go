package postgres

import (
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/eligibility"
	"github.com/presswork/presswork/internal/publication"
)

// What eligibility decides by: what a reader chose, which is read with the reader, and the rules, which are the same for all
// of a publication. Everything goes by the database's clock.

// chosenColumns are what a reader s chose; chosen takes them. Of a place nothing is.
const (
	chosenColumns = ` s.channels_off, coalesce(s.frequency, 0), s.paused_until, s.quiet_from, s.quiet_to`
	nothingChosen = ` NULL::smallint[], 0::smallint, NULL::timestamptz, NULL::smallint, NULL::smallint`
)

type chosen struct {
	off       []int16
	frequency eligibility.Frequency
	paused    *time.Time
	from, to  *int16
}

func (c *chosen) targets() []any { return []any{&c.off, &c.frequency, &c.paused, &c.from, &c.to} }

func (c *chosen) reader(zone string) eligibility.Reader {
	r := eligibility.Reader{Timezone: zone, ChannelsOff: c.off, Frequency: c.frequency}
	if c.paused != nil {
		r.PausedUntil = *c.paused
	}
	if c.from != nil && c.to != nil {
		r.Quiet = &eligibility.Hours{From: int(*c.from), To: int(*c.to)}
	}
	return r
}

// rulesOf is what holds now for a publication.
const rulesOf = `
SELECT clock_timestamp(), coalesce(y.quiet_from, 0), coalesce(y.quiet_to, 0), y.digest_minute, y.digest_weekday, p.type = 'digest',
       p.priority = 'critical' OR p.type = 'transactional', CASE WHEN p.by_local_time THEN p.scheduled_at END,
       CASE WHEN p.type = 'digest' THEN (p.audience ->> 'digest')::bigint END
FROM delivery_policy y, publication p WHERE p.id = $1`

// rulesNow takes it.
type rulesNow struct {
	now     time.Time
	policy  eligibility.Policy
	message eligibility.Message
	digest  *int64 // whose publication it is; nil: of none
}

func (r *rulesNow) scan(row pgx.Row) error {
	var begins *time.Time
	err := row.Scan(&r.now, &r.policy.Quiet.From, &r.policy.Quiet.To, &r.policy.Digest.Minute, &r.policy.Digest.Weekday,
		&r.message.Digest, &r.message.Urgent, &begins, &r.digest)
	if begins != nil {
		local := eligibility.LocalAt(publication.LocalTime(*begins))
		r.message.Local = &local
	}
	return err
}

// holdBack decides whether a recipient may be sent to on a channel. asked is when the rules were asked for, by the clock of
// this process.
func (db *DB) holdBack(o *owedRow, r rulesNow, channelID int16, asked time.Time) {
	if o.Skip != delivery.NoReason {
		return
	}
	r.message.Channel = channelID
	reader := o.chosen.reader(o.Timezone)
	if o.waited != nil {
		reader.Since = *o.waited
	}
	v := r.policy.Decide(&db.zones, r.message, reader, r.now)
	switch {
	case v.Held():
		o.HeldFor, o.HeldUntil = reasonOf(v.Reason), v.Until
	case v.Reason != eligibility.None:
		o.Skip = reasonOf(v.Reason)
	case !v.Closes.IsZero():
		o.Closes = asked.Add(v.Closes.Sub(r.now))
	}
}

// reasonOf is the reason as the ledger has it.
func reasonOf(r eligibility.Reason) delivery.Reason {
	switch r {
	case eligibility.Paused:
		return delivery.PausedByReader
	case eligibility.QuietHours:
		return delivery.QuietHours
	case eligibility.Digest:
		return delivery.Gathered
	case eligibility.LocalHour:
		return delivery.LocalHour
	case eligibility.Capped:
		return delivery.FrequencyCap
	case eligibility.ChannelOff:
		return delivery.ChannelOffByReader
	default:
		return delivery.NoReason
	}
}
