package chaos

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/presswork/presswork/internal/sandbox"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

// Some readers may not be sent to yet when a siege begins: topicNight is of those who pause or have quiet hours, topicCapped of
// those who get so much at most.
const (
	topicNight  = "night"
	topicCapped = "capped"

	// capLimit is how many deliveries of the topic a reader gets within an hour, which is longer than a siege.
	capLimit = 3
)

// rest has half of the night's readers pause and the others have quiet hours, which all end while the siege goes on, as long as
// it takes, or in the minute after it.
func (g *siege) rest(siege time.Duration) {
	g.Call(g.t, http.MethodPut, "/delivery-policy", map[string]any{
		"caps": []map[string]any{{"topic": topicCapped, "limit": capLimit, "hours": 1}},
	}, nil, "If-Match", "*")
	var night []*person
	for _, p := range g.people {
		if p.Topic == topicNight {
			night = append(night, p)
		}
	}
	now := time.Now().UTC()
	for i, p := range night {
		chosen := map[string]any{"topics": []string{p.Topic}, "language": p.Language}
		if i%2 == 0 {
			p.opens = now.Add(siege / 5 * time.Duration(1+i*4/len(night))).Add(siege / 5)
			chosen["paused_until"] = p.opens.Format(time.RFC3339Nano)
		} else {
			p.opens = now.Add(siege / 2).Truncate(time.Minute).Add(time.Minute)
			chosen["quiet_hours"] = map[string]string{"from": now.Add(-time.Hour).Format("15:04"), "to": p.opens.Format("15:04")}
		}
		g.Call(g.t, http.MethodPut, "/subscribers/"+p.uid+"/preferences", chosen, nil, "If-Match", "*")
	}
}

// unwilling makes people who chose topics as others did, and are owed nothing: they never confirmed, have left, or must not be
// written to. Whatever they get of a publication is a stranger in the account.
func (g *siege) unwilling(n int) {
	topics := []string{topicNews, topicStaff, topicCrew, topicNight, topicCapped}
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

// overCap are the readers who got more of the capped topic than they may, and whether any got as much.
func (g *siege) overCap(journal []sandbox.Entry) (list []string, reached bool) {
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
		reached = reached || len(ids) == capLimit
		if len(ids) > capLimit {
			list = append(list, to)
		}
	}
	return list, reached
}

// restsOnCap reports that everything of an order is settled but what a cap holds back.
func (o *order) restsOnCap(p fixture.Progress) bool {
	return o.capped && p.State == "sending" && p.Fanout && p.All.Pending+p.All.Sending == 0
}

// pastCaps looks whether a cap was exceeded, and lets two hours pass by the database's clock: what was held back is due then.
func (g *siege) pastCaps(r *report) {
	over, reached := g.overCap(g.journal())
	r.OverCap = len(over)
	if len(over) > 0 || !reached {
		g.t.Errorf("%d readers got more than their cap: %v; one got all it allows: %t", len(over), over[:min(5, len(over))], reached)
	}
	capped := value[int](g.stand, `SELECT count(*)::int FROM held`)
	if capped == 0 {
		g.t.Error("nobody was held back by a cap")
	}
	g.struck.senders += 2 // a leap ahead ends every lease
	if err := g.setClock(2 * 60 * 60); err != nil {
		g.t.Fatal(err)
	}
}
