package chaos

import (
	"fmt"
	"net/http"
	"time"

	"github.com/presswork/presswork/internal/sandbox"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

// kept is how many readers of each kind there are in releaseKilled.
const kept = 500

// The statements of releaseKilled: who is held back, and time that passes for all of it at once.
const (
	holdReaders = `
UPDATE subscriber s SET frequency = CASE t.slug WHEN 'daily' THEN 1 WHEN 'weekly' THEN 2 ELSE 0 END,
       quiet_from = CASE WHEN t.slug = 'night' THEN $1::smallint END, quiet_to = CASE WHEN t.slug = 'night' THEN $2::smallint END
FROM topic t WHERE t.id = s.topics[1]`
	openWindows = `
WITH a AS (UPDATE subscriber SET quiet_from = NULL, quiet_to = NULL WHERE quiet_from IS NOT NULL),
     b AS (UPDATE delivery SET settled_at = settled_at - interval '25 hours' WHERE state = 2)
UPDATE held SET due = now(), since = since - interval '8 days'`
)

// releaseKilled: the only worker is killed while those are sent to whose time has come: quiet hours ended, a cap has room again, and
// daily and weekly digests are due. Before that nobody of them gets anything; in the end each has got what is theirs once, or is listed
// as uncertain.
func releaseKilled(s *stand, _, _ *process) {
	s.holdBack()
	victim := s.start("worker")
	crowd := fixture.Order{Title: "Held", Channels: []string{"email"}, Topics: []string{"free", "night", "daily", "weekly"}}
	capped := fixture.Order{Title: "Capped", Channels: []string{"email"}, Topics: []string{"capped"}}
	first, second := s.Publish(s.t, crowd), s.Publish(s.t, crowd)
	s.Await(s.t, s.Publish(s.t, capped), "completed", patience)
	third := s.Publish(s.t, capped)
	s.awaitDeferred(first, map[string]int64{"quiet_hours": kept, "digest": 2 * kept})
	s.awaitDeferred(second, map[string]int64{"quiet_hours": kept, "digest": 2 * kept})
	s.awaitDeferred(third, map[string]int64{"frequency_cap": kept})
	const early = 3 * kept // two to the free, and one to the capped
	if n := len(s.journal()); n != early {
		s.t.Fatalf("%d came before the windows opened, want %d", n, early)
	}
	s.inject(sandbox.ProviderSMTP, sandbox.Fault{Latency: 20 * time.Millisecond})
	if _, err := s.pool.Exec(s.t.Context(), openWindows); err != nil {
		s.t.Fatal(err)
	}
	fixture.Until(s.t, patience, "a share of what was held to arrive", func() (bool, string) {
		n := s.counts().Total().Received
		return n >= early+kept, fmt.Sprint(n)
	})
	victim.kill()
	if value[int](s, `SELECT count(*)::int FROM delivery WHERE state < 2`) == 0 {
		s.t.Fatal("everything was sent before the worker died")
	}
	s.start("worker")
	s.checkReleased()
}

// holdBack makes readers of each kind, a cap, and an hour of digests that does not come.
func (s *stand) holdBack() {
	s.t.Helper()
	s.ConnectSMTP(s.t, "email")
	topics := []string{"free", "night", "capped", "daily", "weekly"}
	for _, topic := range topics {
		s.Call(s.t, http.MethodPost, "/topics", map[string]any{"name": topic, "slug": topic}, nil)
	}
	people := fixture.People("held", len(topics)*kept)
	for i := range people {
		people[i].Topic = topics[i%len(topics)]
	}
	s.Subscribe(s.t, people)
	now := time.Now().UTC()
	later := now.Add(60 * time.Hour)
	s.Call(s.t, http.MethodPut, "/delivery-policy", map[string]any{
		"caps":   []map[string]any{{"topic": "capped", "limit": 1, "hours": 24}},
		"digest": map[string]string{"time": later.Format("15:04"), "weekday": []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}[later.Weekday()]},
	}, nil, "If-Match", "*")
	minute := now.Hour()*60 + now.Minute()
	if _, err := s.pool.Exec(s.t.Context(), holdReaders, (minute+23*60)%(24*60), (minute+10*60)%(24*60)); err != nil {
		s.t.Fatal(err)
	}
}

// awaitDeferred waits until nothing more of a publication is to be sent now, and sees that so many are put off, for these reasons.
func (s *stand) awaitDeferred(id string, want map[string]int64) {
	s.t.Helper()
	fixture.Until(s.t, patience, "all that may be sent to be sent", func() (bool, string) {
		p := s.Progress(s.t, id)
		return p.Fanout && p.All.Pending+p.All.Sending == 0, p.String()
	})
	got := map[string]int64{}
	for _, n := range s.deferred(id) {
		got[n.Reason] = n.Count
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		s.t.Errorf("put off are %v, want %v", got, want)
	}
}

// putOff is how many deliveries wait for the same reason.
type putOff struct {
	Reason string
	Count  int64
	First  time.Time `json:"first_due_at"`
}

// deferred asks why deliveries of a publication are put off; nil if nobody answers.
func (s *stand) deferred(id string) []putOff {
	var d struct{ Reasons []putOff }
	if err := s.Try(s.t.Context(), http.MethodGet, "/publications/"+id+"/deferred", nil, &d); err != nil {
		return nil
	}
	return d.Reasons
}

// openPublications is how many are not completed, and how many digests of what was held back are no publications yet.
const openPublications = `
SELECT (SELECT count(*) FROM publication WHERE state <> 'completed') + (SELECT count(*) FROM digest WHERE publication_id IS NULL)`

// checkReleased compares the ledger with what came.
func (s *stand) checkReleased() {
	s.t.Helper()
	fixture.Until(s.t, patience, "every publication to be completed", func() (bool, string) {
		n := value[int](s, openPublications)
		return n == 0, fmt.Sprint(n)
	})
	came := map[string]int{}
	for _, e := range s.journal() {
		if e.Fate != sandbox.Dropped {
			came[e.Identity]++
		}
	}
	rows, err := s.pool.Query(s.t.Context(), `
		SELECT p.uid || '/email/' || d.recipient_id, p.type = 'digest', d.state, d.reason, coalesce(length(d.choice), 0)
		FROM delivery d JOIN publication p ON p.id = d.publication_id`)
	if err != nil {
		s.t.Fatal(err)
	}
	var alone, together, taken, uncertain, arrived int
	for rows.Next() {
		var id string
		var digest bool
		var state, reason, items int
		if err := rows.Scan(&id, &digest, &state, &reason, &items); err != nil {
			s.t.Fatal(err)
		}
		n := came[id]
		arrived += n
		switch {
		case state == 9 && reason == 24 && n == 0:
			taken++
			continue
		case state == 7 && n <= 1:
			uncertain++
		case state != 2 || n != 1 || digest && items < 2:
			s.t.Errorf("%s came %d times, with %d items; the ledger has state %d, reason %d", id, n, items, state, reason)
		}
		if digest {
			together++
		} else {
			alone++
		}
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	total := 0
	for _, n := range came {
		total += n
	}
	s.t.Logf("%d alone, %d together, %d of them uncertain; %d in a digest; %d came", alone, together, uncertain, taken, total)
	if alone != 6*kept || together != 2*kept || taken != 4*kept || total != arrived || uncertain > listed {
		s.t.Errorf("%d alone, %d together, %d in a digest, %d uncertain; %d came, %d of them known", alone, together, taken, uncertain, total, arrived)
	}
}
