package chaos

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/sandbox"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

// Some readers may not be sent to yet when a siege begins: topicNight is of those who pause or have quiet hours, topicCapped of
// those who get so much at most, topicDaily of those who want everything together.
const (
	topicNight  = "night"
	topicCapped = "capped"
	topicDaily  = "daily"

	// capLimit is how many deliveries of the topic a reader gets within an hour, which is longer than a siege.
	capLimit = 3
)

// rest has half of the night's readers pause and the others have quiet hours, which all end while the siege goes on, as long as
// it takes, or in the minute after it; so does the hour of digests come.
func (g *siege) rest(siege time.Duration) {
	now := time.Now().UTC()
	hour := now.Add(siege / 2).Truncate(time.Minute).Add(time.Minute)
	g.Call(g.t, http.MethodPut, "/delivery-policy", map[string]any{
		"caps":   []map[string]any{{"topic": topicCapped, "limit": capLimit, "hours": 1}},
		"digest": map[string]string{"time": hour.Format("15:04"), "weekday": "monday"},
	}, nil, "If-Match", "*")
	var night []*person
	for _, p := range g.people {
		switch p.Topic {
		case topicNight:
			night = append(night, p)
		case topicDaily:
			p.opens = hour
			g.Call(g.t, http.MethodPut, "/subscribers/"+p.uid+"/preferences",
				map[string]any{"topics": []string{p.Topic}, "language": p.Language, "frequency": "daily"}, nil, "If-Match", "*")
		}
	}
	for i, p := range night {
		chosen := map[string]any{"topics": []string{p.Topic}, "language": p.Language}
		if i%2 == 0 {
			p.opens = now.Add(siege / 5 * time.Duration(1+i*4/len(night))).Add(siege / 5)
			chosen["paused_until"] = p.opens.Format(time.RFC3339Nano)
		} else {
			p.opens = hour
			chosen["quiet_hours"] = map[string]string{"from": now.Add(-time.Hour).Format("15:04"), "to": p.opens.Format("15:04")}
		}
		g.Call(g.t, http.MethodPut, "/subscribers/"+p.uid+"/preferences", chosen, nil, "If-Match", "*")
	}
}

// unwilling makes people who chose topics as others did, and are owed nothing: they never confirmed, have left, or must not be
// written to. Whatever they get of a publication is a stranger in the account.
func (g *siege) unwilling(n int) {
	topics := []string{topicNews, topicStaff, topicCrew, topicNight, topicCapped, topicDaily}
	for i := range n {
		email, status := fmt.Sprintf("unwilling%d@reader.example", i), []string{"pending", "unsubscribed", "active"}[i%3]
		if status == "active" {
			g.Call(g.t, http.MethodPost, "/suppressions", map[string]any{"email": email}, nil)
		}
		g.Call(g.t, http.MethodPost, "/subscribers", map[string]any{"email": email, "status": status, "topics": topics}, nil)
		g.unasked = append(g.unasked, email)
	}
}

// capped is a publication to readers who get no more than their cap.
func (g *siege) capped(title string, channels ...string) {
	g.publish(&order{title: title, channels: channels, topics: []string{topicCapped}, capped: true})
}

// early are the deliveries that came before their reader's window opened. If the database's clock was shifted, so was the
// window.
func (g *siege) early(b books) (list []string) {
	opens := map[string]time.Time{}
	for _, p := range g.people {
		if !p.leaves && !p.opens.IsZero() {
			opens[p.Email] = p.opens
		}
	}
	for id, entries := range b.arrivals {
		if g.isMessage(id) {
			continue // nobody waits with those
		}
		for _, e := range entries {
			if e.At.Before(opens[e.To].Add(-g.shifted)) {
				list = append(list, id)
			}
		}
	}
	return list
}

// overCap are the readers who got more of the capped topic than they may.
func (g *siege) overCap(journal []sandbox.Entry) (list []string) {
	got := map[string]map[string]bool{}
	for _, e := range journal {
		publication, _, _ := strings.Cut(e.Identity, "/")
		if e.Fate == sandbox.Dropped || !slices.ContainsFunc(g.orders, func(o *order) bool { return o.capped && o.id == publication }) {
			continue
		}
		if got[e.To] == nil {
			got[e.To] = map[string]bool{}
		}
		got[e.To][e.Identity] = true
	}
	for to, ids := range got {
		if len(ids) > capLimit {
			list = append(list, to)
		}
	}
	return list
}

// reached reports whether anybody has got all that the cap allows, by the ledger: what is uncertain counts for it, and may not have come.
func (g *siege) reached() bool {
	return value[bool](g.stand, `
		SELECT EXISTS (SELECT FROM delivery d JOIN publication p ON p.id = d.publication_id JOIN topic t ON t.slug = $1
		    WHERE p.audience -> 'topics' @> to_jsonb(t.id) AND d.state IN (0, 2, 3, 5, 7) GROUP BY d.recipient_id HAVING count(*) = $2)`, topicCapped, capLimit)
}

// rests reports that everything of an order is settled but what a cap holds back, or is for the digest of the next day.
func (g *siege) rests(o *order, p fixture.Progress) bool {
	if p.State != "sending" || !p.Fanout || p.All.Pending+p.All.Sending > 0 {
		return false
	}
	waiting := g.deferred(o.id)
	return len(waiting) > 0 && !slices.ContainsFunc(waiting, func(n putOff) bool {
		return n.Reason != "frequency_cap" && (n.Reason != "digest" || time.Until(n.First) < time.Hour)
	})
}

// openDigests is how many digests of what was held back have not gone out as a whole.
const openDigests = `
SELECT (SELECT count(*) FROM digest WHERE publication_id IS NULL) + (SELECT count(*) FROM publication
        WHERE type = 'digest' AND state NOT IN ('completed', 'completed_with_failures', 'cancelled'))`

// pastHolds looks whether a cap was exceeded, and lets a day and two hours pass by the database's clock: what was held back by caps,
// or is for the next digest, is due then.
func (g *siege) pastHolds(r *report) {
	over, reached := g.overCap(g.journal()), g.reached()
	r.OverCap = len(over)
	if len(over) > 0 || !reached {
		g.t.Errorf("%d readers got more than their cap: %v; one got all it allows: %t", len(over), over[:min(5, len(over))], reached)
	}
	capped := value[int](g.stand, `SELECT count(*)::int FROM held WHERE reason = 21`)
	if capped == 0 {
		g.t.Error("nobody was held back by a cap")
	}
	g.struck.senders += 2 // a leap ahead ends every lease
	if err := g.setClock(26 * 60 * 60); err != nil {
		g.t.Fatal(err)
	}
}

// readDigests reads which delivery brings what another was held back for, by identity. One that is in a digest that never went out has none.
func (g *siege) readDigests() map[string]string {
	rows, err := g.pool.Query(g.t.Context(), `
		SELECT p.uid::text, i.channel_id, i.recipient_id, coalesce(q.uid::text, 'none'), d.channel_id
		FROM digest_item i JOIN publication p ON p.id = i.publication_id JOIN digest d ON d.id = i.digest_id
		LEFT JOIN publication q ON q.id = d.publication_id`)
	if err != nil {
		g.t.Fatal(err)
	}
	in := map[string]string{}
	var from, to string
	var was, is int16
	var recipient int64
	if _, err := pgx.ForEachRow(rows, []any{&from, &was, &recipient, &to, &is}, func() error {
		in[fmt.Sprint(from, "/", channelNames()[was], "/", recipient)] = fmt.Sprint(to, "/", channelNames()[is], "/", recipient)
		return nil
	}); err != nil {
		g.t.Fatal(err)
	}
	return in
}

// together is how many digests came.
func (b books) together() (n int) {
	seen := map[string]bool{}
	for _, id := range b.digests {
		if !seen[id] && len(b.arrivals[id]) > 0 {
			n++
		}
		seen[id] = true
	}
	return n
}
