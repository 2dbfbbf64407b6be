package postgres

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

// outlooks draws what a run depends on. Minutes of the day are drawn so that none comes while the test looks, in any time zone:
// their offsets are whole quarters of an hour.
type outlooks struct {
	*newsroom
	rt      *rapid.T
	readers int
}

// minute is one of the day, seven or eight minutes after a quarter from now.
func (o outlooks) minute(label string) int {
	return (time.Now().Minute() + 7 + 15*rapid.IntRange(0, 95).Draw(o.rt, label)) % (24 * 60)
}

// policy is one that may have quiet hours and caps.
func (o outlooks) policy(t *testing.T) {
	t.Helper()
	o.exec(t, `UPDATE delivery_policy SET quiet_from = NULL, quiet_to = NULL, caps = '[]', digest_minute = $1, digest_weekday = $2`,
		o.minute("digest"), rapid.IntRange(0, 6).Draw(o.rt, "weekday"))
	if rapid.Bool().Draw(o.rt, "quiet") {
		o.exec(t, `UPDATE delivery_policy SET quiet_from = $1, quiet_to = $2`, o.minute("from"), o.minute("to"))
	}
	for topic, label := range []string{"of everything", "of a topic"} { // topic 1 is go
		if rapid.Bool().Draw(o.rt, label) {
			o.exec(t, `UPDATE delivery_policy SET caps = caps || jsonb_build_object('topic', $1::integer, 'limit', $2::integer, 'hours', $3::integer)`,
				topic, rapid.IntRange(1, 3).Draw(o.rt, "limit "+label), rapid.SampledFrom([]int{1, 24, 168}).Draw(o.rt, "hours "+label))
		}
	}
}

// choices are what readers chose, and what became of their addresses.
func (o outlooks) choices(t *testing.T) {
	t.Helper()
	zones := []string{"UTC", "Asia/Kathmandu", "Pacific/Kiritimati", "Etc/GMT+12", "America/St_Johns", "Nowhere/Land"}
	for id := range o.readers {
		var off []int16
		if rapid.IntRange(0, 3).Draw(o.rt, "wants all") == 0 {
			off = []int16{rapid.SampledFrom([]int16{1, 2}).Draw(o.rt, "off")}
		}
		o.exec(t, `
			UPDATE subscriber SET timezone = $2, channels_off = coalesce($3, '{}'::smallint[]), frequency = $4, quiet_from = NULL, quiet_to = NULL,
			       paused_until = CASE WHEN $5::integer <> 0 THEN now() + $5 * interval '1 hour' END,
			       suppression_id = CASE WHEN $6 THEN (SELECT id FROM suppression WHERE hash = 'a') END
			WHERE id = $1`, id+1, rapid.SampledFrom(zones).Draw(o.rt, "zone"), off, max(0, rapid.IntRange(-3, 2).Draw(o.rt, "frequency")),
			rapid.SampledFrom([]int{0, 0, 0, -5, 30}).Draw(o.rt, "pause"), rapid.IntRange(0, 5).Draw(o.rt, "suppressed") == 0)
		if rapid.IntRange(0, 3).Draw(o.rt, "own") == 0 {
			o.exec(t, `UPDATE subscriber SET quiet_from = $2, quiet_to = $3 WHERE id = $1`, id+1, o.minute("own from"), o.minute("own to"))
		}
	}
}

// order is any publication by mail.
func (o outlooks) order() func(*publication.Order) {
	return func(order *publication.Order) {
		order.Channels = kinds(rapid.SampledFrom([][]channel.Kind{{channel.Email}, {channel.Newsletter}, {channel.Email, channel.Newsletter},
			{channel.Newsletter, channel.Email}}).Draw(o.rt, "channels")...)
		order.Type = rapid.SampledFrom([]publication.Type{publication.Newsletter, publication.Newsletter, publication.Digest}).Draw(o.rt, "type")
		order.Priority = rapid.SampledFrom([]publication.Priority{publication.Normal, publication.Bulk, publication.Critical}).Draw(o.rt, "priority")
		if rapid.Bool().Draw(o.rt, "for a topic") {
			order.Audience = publication.AudienceOrder{Topics: []string{"go"}}
		}
		if rapid.IntRange(0, 3).Draw(o.rt, "local") == 0 {
			begun := time.Now().Truncate(time.Minute).Add(time.Duration(7-15*rapid.IntRange(1, 80).Draw(o.rt, "begun")) * time.Minute).UTC()
			order.ScheduledAt, order.ByLocalTime = &begun, true
		}
	}
}

// runs expands what was accepted, as workers do.
func (o outlooks) runs(t *testing.T, s publication.Submission) (id int64) {
	t.Helper()
	accepted, err := o.StorePublication(t.Context(), s)
	if err != nil {
		o.rt.Fatal(err)
	}
	id = value[int64](t, o.DB, `UPDATE publication SET state = 'rendering' WHERE uid = $1 RETURNING id`, accepted.UID)
	ranges, _, err := o.StartFanout(t.Context(), publication.Fanout{Publication: id, Lane: 1, Ranges: 1})
	if err != nil {
		o.rt.Fatal(err)
	}
	page, err := o.ReadPage(t.Context(), ranges[0], 1)
	if err != nil || page == nil {
		o.rt.Fatal(page, err)
	}
	if _, err := o.ExpandPage(t.Context(), page, page.Publication.Channels, make([][]byte, len(page.Readers)), false); err != nil {
		o.rt.Fatal(err)
	}
	return id
}

// became is how many there are of each reason on a channel: those put off who want the channel and are not suppressed, those who
// were sent to, under "", and those who were not.
func (o outlooks) became(t *testing.T, id int64, channelID int16) (deferred, settled map[string]int64) {
	t.Helper()
	rows, err := o.pool.Query(t.Context(), `
		SELECT d.state, d.reason, d.state = 1 AND (s.suppression_id IS NOT NULL OR $2 = ANY(s.channels_off)), count(*)
		FROM delivery d JOIN subscriber s ON s.id = d.recipient_id WHERE d.publication_id = $1 AND d.channel_id = $2 GROUP BY 1, 2, 3`, id, channelID)
	if err != nil {
		o.rt.Fatal(err)
	}
	deferred, settled = map[string]int64{}, map[string]int64{}
	for rows.Next() {
		var state delivery.State
		var reason delivery.Reason
		var excluded bool
		var n int64
		if err := rows.Scan(&state, &reason, &excluded, &n); err != nil {
			o.rt.Fatal(err)
		}
		switch {
		case state == delivery.Deferred && !excluded:
			deferred[reason.String()] += n
		case state == delivery.Sent:
			settled[""] += n
		case state != delivery.Deferred:
			settled[reason.String()] += n
		}
	}
	if err := rows.Err(); err != nil {
		o.rt.Fatal(err)
	}
	return deferred, settled
}

// TestForeseenAsHeld: whatever the policy, the readers, their clocks, what they got of late and the publication, as many are held
// back for each reason as a dry run says, and all others who are eligible are sent to.
func TestForeseenAsHeld(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.exec(t, `INSERT INTO suppression (uid, hash, reason, source) VALUES ($1, 'a', 1, 'ses')`, ident.New())
	n.exec(t, `INSERT INTO channel (uid, kind, provider, name) VALUES ($1, 'newsletter', 'smtp', 'letters')`, ident.New())
	n.exec(t, `UPDATE subscriber SET status = 'active'`)
	n.exec(t, `INSERT INTO subscriber (uid, email, status, topics) SELECT gen_random_uuid(), i || '@example.org', 'active',
		CASE WHEN i % 3 > 0 THEN ARRAY[1] ELSE '{}'::integer[] END FROM generate_series(1, 12) i`)
	readers := value[int](t, n.DB, `SELECT count(*)::int FROM subscriber`)
	seen := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		o := outlooks{newsroom: n, rt: rt, readers: readers}
		o.exec(t, `UPDATE delivery SET settled_at = settled_at - ($1::integer * 4 + 0.5) * interval '1 hour' WHERE state = 2`, rapid.IntRange(0, 12).Draw(rt, "hours later"))
		o.policy(t)
		o.choices(t)
		s := o.submission(t, o.order())
		census, err := o.Census(t.Context(), s.Resolved)
		if err != nil {
			rt.Fatal(err)
		}
		forecast := publication.Foresee(s, census, nil)
		id := o.runs(t, s)
		wantHeldConsistent(t, o.DB)
		sendAll(t, o.DB)
		for i, want := range forecast.Channels {
			deferred, settled := o.became(t, id, s.Channels[i].ID)
			if !maps.Equal(deferred, want.Deferred) {
				rt.Fatalf("%s: %v are held, foreseen were %+v", want.Channel, deferred, want)
			}
			var waiting int64
			for reason, n := range deferred {
				waiting += n
				seen[reason]++
			}
			if settled[""] != want.Eligible-waiting {
				rt.Fatalf("%s: %d were sent to, %d wait; foreseen were %+v", want.Channel, settled[""], waiting, want)
			}
			delete(settled, "")
			for reason, n := range settled { // some who are left out are held first
				if n > want.Excluded[reason] {
					rt.Fatalf("%s: %d are left out, %s; foreseen were %+v", want.Channel, n, reason, want)
				}
			}
		}
	})
	if reasons := slices.Sorted(maps.Keys(seen)); len(reasons) != 5 {
		t.Errorf("only these reasons were met: %v", reasons)
	}
}
