package postgres

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/analytics"
	"github.com/presswork/presswork/internal/publication"
)

// countedAll counts events and sendings until nothing is left.
func countedAll(t *testing.T, db *DB) {
	t.Helper()
	caughtUp(t, db)
	for more := true; more; {
		var err error
		if more, err = db.CountEngagement(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// engagementDiffers are the readers whose counters since a week are not those of the ledger and the events.
const engagementDiffers = `
WITH ended AS (
    SELECT id, ((started_at AT TIME ZONE 'UTC')::date - DATE '1970-01-05') / 7 AS week FROM publication
    WHERE completed_at IS NOT NULL AND type <> 'transactional'
), sent AS (
    SELECT d.recipient_id AS id, count(DISTINCT p.id) AS n FROM ended p JOIN delivery d ON d.publication_id = p.id
    WHERE d.channel_id IN (1, 2) AND d.state IN (2, 3, 4, 5) AND p.week >= $1 GROUP BY 1
), did AS (
    SELECT v.recipient_id AS id, count(DISTINCT p.id) AS opened, count(DISTINCT p.id) FILTER (WHERE v.kind = 2) AS clicked
    FROM ended p JOIN event v ON v.publication_id = p.id WHERE v.channel_id IN (1, 2) AND v.kind IN (1, 2) AND p.week >= $1 GROUP BY 1
), counted AS (
    SELECT e.subscriber_id AS id, CASE WHEN e.week < $1 THEN 0 ELSE e.total - coalesce(e.before[e.week - $1 + 1], 0) END AS n FROM engagement e
)
SELECT coalesce(array_agg(concat_ws(' ', id, counted.n & 1048575, counted.n >> 20 & 1048575, counted.n >> 40, '/', sent.n, opened, clicked)), '{}')
FROM subscriber FULL JOIN counted USING (id) FULL JOIN sent USING (id) FULL JOIN did USING (id)
WHERE coalesce(counted.n, 0) <> coalesce(sent.n, 0) + (coalesce(opened, 0)::bigint << 20) + (coalesce(clicked, 0)::bigint << 40)`

// engagementDays are the readers whose last days are not those of the events.
const engagementDays = `
SELECT coalesce(array_agg(concat_ws(' ', e, '/', v)), '{}')
FROM (SELECT subscriber_id AS id, email_on, newsletter_on, clicked_on FROM engagement
      WHERE greatest(email_on, newsletter_on) IS NOT NULL) e
FULL JOIN (SELECT recipient_id AS id, max(at) FILTER (WHERE channel_id = 1) AS email, max(at) FILTER (WHERE channel_id = 2) AS newsletter,
                  max(at) FILTER (WHERE kind = 2) AS clicked FROM event WHERE kind IN (1, 2) AND channel_id IN (1, 2) GROUP BY 1) v USING (id)
WHERE (e.email_on, e.newsletter_on, e.clicked_on) IS DISTINCT FROM
      ((v.email AT TIME ZONE 'UTC')::date, (v.newsletter AT TIME ZONE 'UTC')::date, (v.clicked AT TIME ZONE 'UTC')::date)`

// circulation is publications that are sent, opened, reopened and counted in any order.
type circulation struct {
	*newsroom
	t            testing.TB
	ids, readers []int64
	last         int64 // the publication that something happened to: more will
}

func (c *circulation) publication(r *rapid.T) int64 {
	if !slices.Contains(c.ids, c.last) || rapid.IntRange(0, 3).Draw(r, "another") == 0 {
		c.last = rapid.SampledFrom(c.ids).Draw(r, "publication")
	}
	return c.last
}

// end ends a publication, long enough ago to be counted.
func (c *circulation) end(r *rapid.T) {
	c.exec(c.t, `UPDATE publication SET state = 'completed', completed_at = clock_timestamp() - interval '11 minutes'
		WHERE id = $1 AND completed_at IS NULL`, c.publication(r))
}

// reopen has a publication send again, an hour after all that was settled before.
func (c *circulation) reopen(r *rapid.T) {
	id := c.publication(r)
	c.exec(c.t, `UPDATE publication SET state = 'sending', completed_at = NULL, engaged_through = engaged_through - interval '1 hour' WHERE id = $1`, id)
	c.exec(c.t, `UPDATE delivery SET settled_at = settled_at - interval '1 hour' WHERE publication_id = $1`, id)
	c.exec(c.t, `UPDATE engagement_pass SET after = after - interval '1 hour', through = through - interval '1 hour' WHERE publication_id = $1`, id)
}

// send settles deliveries of a publication that has not ended: who was sent it already is not sent it again.
func (c *circulation) send(r *rapid.T) {
	c.exec(c.t, `
		INSERT INTO delivery (publication_id, channel_id, recipient_id, state, settled_at)
		SELECT id, $2, $3, $4, clock_timestamp() - interval '12 seconds' FROM publication WHERE id = $1 AND completed_at IS NULL
		ON CONFLICT (publication_id, channel_id, recipient_id) DO UPDATE SET state = excluded.state, settled_at = excluded.settled_at
		WHERE delivery.state IN (0, 6)`,
		c.publication(r), rapid.SampledFrom([]int16{1, 1, 2, 4}).Draw(r, "channel"), rapid.SampledFrom(c.readers).Draw(r, "reader"),
		rapid.SampledFrom([]int16{2, 2, 3, 4, 5, 6, 8}).Draw(r, "state"))
}

// report says more of what was sent, which does not settle it anew.
func (c *circulation) report(r *rapid.T) {
	c.exec(c.t, `UPDATE delivery SET state = $3 WHERE publication_id = $1 AND recipient_id = $2 AND state IN (2, 3)`,
		c.publication(r), rapid.SampledFrom(c.readers).Draw(r, "reader"), rapid.SampledFrom([]int16{3, 4, 5}).Draw(r, "state"))
}

// look has a reader open or click something that was made for them.
func (c *circulation) look(r *rapid.T) {
	id, reader := c.publication(r), rapid.SampledFrom(c.readers).Draw(r, "reader")
	on := rapid.SampledFrom([]int16{1, 1, 2, 4}).Draw(r, "channel")
	if !value[bool](c.t, c.DB, `SELECT EXISTS (SELECT FROM delivery WHERE publication_id = $1 AND channel_id = $2 AND recipient_id = $3)`, id, on, reader) {
		return
	}
	at := time.Now().AddDate(0, 0, -rapid.IntRange(0, 2).Draw(r, "days"))
	if at.Month() != time.Now().Month() {
		at = time.Now()
	}
	c.must(c.InsertEvents(c.t.Context(), []analytics.Event{{
		At: at, Kind: rapid.SampledFrom([]analytics.Kind{1, 2, 2, 3}).Draw(r, "kind"), Publication: id, Channel: on, Recipient: reader, Link: analytics.NoLink,
	}}))
}

func (c *circulation) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *circulation) count(r *rapid.T) {
	_, err := c.countEngagement(c.t.Context(), rapid.IntRange(1, 3).Draw(r, "page"))
	c.must(err)
}

// Whatever order things happen in, what is known of each reader is what the ledger and the events say: all is counted, and once.
func TestEngagementIsARecount(t *testing.T) {
	t.Parallel()
	c := &circulation{newsroom: newNewsroom(t), t: t}
	c.readers = value[[]int64](t, c.DB, `SELECT (array_agg(id ORDER BY id))[1:3] FROM subscriber`)
	kinds := []publication.Type{publication.Newsletter, publication.Alert, publication.Transactional}
	now := weekOf(time.Now())
	counted := int64(0)
	aggregate := func(*rapid.T) {
		_, err := c.AggregateEvents(t.Context())
		c.must(err)
	}
	rapid.Check(t, func(r *rapid.T) {
		for _, sql := range []string{
			`DELETE FROM event`, `DELETE FROM event_first`, `DELETE FROM engagement`, `DELETE FROM engagement_pass`, `DELETE FROM delivery`,
		} {
			c.exec(t, sql)
		}
		c.exec(t, `UPDATE publication SET completed_at = NULL, type = 'transactional'`)
		c.ids = nil
		for i, kind := range kinds {
			id, _ := c.accepted(t, nil)
			weeks := rapid.SampledFrom([]int{0, 0, 1, 2, 51, 52, 60}).Draw(r, "weeks")
			c.exec(t, `UPDATE publication SET state = 'sending', type = $2, started_at = now() - make_interval(weeks => $3) WHERE id = $1`, id, string(kind), weeks+i%2)
			c.ids = append(c.ids, id)
		}
		r.Repeat(map[string]func(*rapid.T){
			"send": c.send, "send more": c.send, "report": c.report, "look": c.look, "look again": c.look, "end": c.end, "reopen": c.reopen,
			"count": c.count, "count more": c.count,
			"next round": func(r *rapid.T) {
				c.end(r)
				for range 9 {
					c.count(r)
				}
				c.reopen(r)
			},
			"aggregate": aggregate, "aggregate more": aggregate,
			"look at all": func(r *rapid.T) {
				for range 5 {
					c.look(r)
				}
				aggregate(r)
			},
			"go on in between": func(r *rapid.T) {
				c.reopen(r)
				for range 5 {
					c.send(r)
				}
			},
			// What was reopened sends while it is still being counted: that is for the next time.
			"send while counting": func(r *rapid.T) {
				c.publication(r)
				for range 5 {
					c.send(r)
				}
				c.end(r)
				_, err := c.countEngagement(t.Context(), 1)
				c.must(err)
				_, err = c.countEngagement(t.Context(), 1)
				c.must(err)
				c.reopen(r)
				for range 5 {
					c.send(r)
				}
				c.count(r)
			},
			"begin a round": func(r *rapid.T) {
				for range 5 {
					c.send(r)
				}
				c.end(r)
				for range 3 {
					c.count(r)
				}
			},
		})
		c.exec(t, `UPDATE publication SET state = 'completed', completed_at = clock_timestamp() - interval '11 minutes' WHERE completed_at IS NULL AND id = ANY($1)`, c.ids)
		countedAll(t, c.DB)
		for _, first := range []int{0, now - 52, now - 51, now - 3, now - 2, now - 1, now} {
			sameStrings(t, value[[]string](t, c.DB, engagementDiffers, first))
		}
		sameStrings(t, value[[]string](t, c.DB, engagementDays))
		counted += value[int64](t, c.DB, `SELECT coalesce(sum(total & 1048575 + total >> 20), 0)::bigint FROM engagement`)
	})
	if counted == 0 {
		t.Error("nothing was counted")
	}
}

// Counting gives way to sending, but not for ever, and not to messages to one reader.
func TestEngagementGivesWay(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ended, _ := n.accepted(t, nil)
	busy, _ := n.accepted(t, nil)
	reader := value[int64](t, n.DB, `SELECT min(id) FROM subscriber`)
	n.exec(t, `INSERT INTO delivery (publication_id, channel_id, recipient_id, state, settled_at)
		VALUES ($1, 1, $2, 2, clock_timestamp() - interval '1 hour')`, ended, reader)
	counts := func(state string, message bool, age time.Duration) int64 {
		n.exec(t, `DELETE FROM engagement`)
		n.exec(t, `UPDATE publication SET state = $2, message = $3 WHERE id = $1`, busy, state, message)
		n.exec(t, `UPDATE publication SET type = 'newsletter', state = 'completed', started_at = clock_timestamp() - interval '2 hours',
			completed_at = clock_timestamp() - $2::interval, engaged_through = NULL WHERE id = $1`, ended, age)
		countedAll(t, n.DB)
		return value[int64](t, n.DB, `SELECT count(*) FROM engagement`)
	}
	for _, c := range []struct {
		state   string
		message bool
		age     time.Duration
		want    int64
	}{
		{"sending", false, 9 * time.Minute, 0},
		{"rendering", false, 9 * time.Minute, 0},
		{"sending", false, 11 * time.Minute, 1},
		{"sending", true, time.Minute, 1},
		{"paused", false, time.Minute, 1},
		{"queued", false, 9 * time.Second, 0},
	} {
		if got := counts(c.state, c.message, c.age); got != c.want {
			t.Errorf("%d are counted %v after the end beside one that is %s (message: %t), want %d", got, c.age, c.state, c.message, c.want)
		}
	}
}

// A pass that is under way waits as well, and goes on where it was.
func TestEngagementGivesWayInBetween(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ended, _ := n.accepted(t, nil)
	busy, _ := n.accepted(t, nil)
	n.exec(t, `INSERT INTO delivery (publication_id, channel_id, recipient_id, state, settled_at)
		SELECT $1, 1, id, 2, clock_timestamp() - interval '1 hour' FROM subscriber`, ended)
	n.exec(t, `UPDATE publication SET type = 'newsletter', state = 'completed', started_at = clock_timestamp() - interval '2 hours',
		completed_at = clock_timestamp() - interval '1 minute' WHERE id = $1`, ended)
	step := func(want bool) {
		t.Helper()
		if more, err := n.countEngagement(t.Context(), 1); err != nil || more != want {
			t.Fatalf("more: %t, %v", more, err)
		}
	}
	step(true)
	step(true)
	n.exec(t, `UPDATE publication SET state = 'sending' WHERE id = $1`, busy)
	before := value[int64](t, n.DB, `SELECT count(*) FROM engagement`)
	step(false)
	if now := value[int64](t, n.DB, `SELECT count(*) FROM engagement`); before != 1 || now != before {
		t.Errorf("%d are counted while another is sent, %d before", now, before)
	}
	n.exec(t, `UPDATE publication SET state = 'completed', completed_at = clock_timestamp() WHERE id = $1`, busy)
	countedAll(t, n.DB)
	if got, want := value[int64](t, n.DB, `SELECT count(*) FROM engagement`), value[int64](t, n.DB, `SELECT count(*) FROM subscriber`); got != want || want < 3 {
		t.Errorf("%d of %d are counted", got, want)
	}
}

// What is not known of somebody goes with them.
func TestEngagementOfTheDeleted(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.exec(t, `INSERT INTO engagement (subscriber_id, total) SELECT id, 1 FROM subscriber`)
	n.exec(t, `DELETE FROM subscriber WHERE uid = $1`, n.Readers[0])
	if left := value[int](t, n.DB, `SELECT count(*) FROM engagement`); left != len(n.Readers)-1 {
		t.Errorf("%d are left", left)
	}
}

// The number of a week is the same in Go and in SQL, and changes on Mondays.
func TestWeeks(t *testing.T) {
	t.Parallel()
	db := open(t)
	for day := range 20 {
		at := time.Date(2026, 1, 1, 23, 59, 0, 0, time.UTC).AddDate(0, 0, day)
		if got := value[int](t, db, `SELECT ($1::date - DATE '1970-01-05') / 7`, at); got != weekOf(at) {
			t.Errorf("%s is in week %d and %d", at, got, weekOf(at))
		}
		if next := weekOf(at.AddDate(0, 0, 1)); (next != weekOf(at)) != (at.Weekday() == time.Sunday) {
			t.Errorf("%s is in week %d, and the next day in %d", at.Weekday(), weekOf(at), next)
		}
	}
}
