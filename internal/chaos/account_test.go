package chaos

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/sandbox"
)

// row is what the ledger says of a delivery.
type row struct {
	State   delivery.State
	Reason  int16
	Attempt int16
	Session *int64
	Settled *time.Time
	Dead    bool // has a dead letter
	Resent  bool // was uncertain, and sent again by policy or by hand
}

// books are both sides of the account: what the ledger says and what the receivers saw, by identity.
type books struct {
	ledger   map[string]row
	arrivals map[string][]sandbox.Entry // without those that were dropped unread
	digests  map[string]string          // of what was held back, which delivery brings it
}

// account is the outcome.
type account struct {
	received, dead, skipped int
	uncertain, uncounted    int // those of a killed sender, those that got no answer
	lost, doubled           []string
	denied                  []string // arrived, and the ledger says that it was not sent
	strangers               []string // arrived, and was not owed
}

// closed reports that nothing is wrong.
func (a account) closed() bool {
	return len(a.lost)+len(a.doubled)+len(a.denied)+len(a.strangers) == 0
}

// wrong is everybody who is to be looked at.
func (a account) wrong() []string { return slices.Concat(a.lost, a.doubled, a.denied, a.strangers) }

// reckon compares what was owed with both books. With resend a second copy is allowed to who was reported uncertain.
func reckon(orders []*order, b books, resend bool) account {
	var a account
	owed := map[string]bool{}
	for _, o := range orders {
		for _, to := range slices.Sorted(maps.Keys(o.owed)) {
			id := o.id + "/" + to
			if digest, gathered := b.digests[id]; gathered {
				id = digest
			}
			if owed[id] { // by a digest that brought something else, too
				continue
			}
			owed[id] = true
			a.enter(o, o.owed[to], id, b)
			if n := len(b.arrivals[id]); n > 1 && !(resend && n == 2 && b.ledger[id].Resent) {
				a.doubled = append(a.doubled, id)
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(b.arrivals)) {
		if !owed[id] {
			a.strangers = append(a.strangers, id)
		}
	}
	return a
}

// enter files one delivery that was owed. Whoever was uncertain and is sent to again becomes sent, or stays uncertain.
func (a *account) enter(o *order, p *person, id string, b books) {
	r, known := b.ledger[id]
	arrived := len(b.arrivals[id]) > 0
	if arrived {
		a.received++
	}
	switch {
	case known && r.State == delivery.Uncertain && r.Reason == noAnswer:
		a.uncounted++
	case known && r.State == delivery.Uncertain:
		a.uncertain++
	case known && r.State == delivery.Failed && r.Dead:
		a.dead++
		if arrived {
			a.denied = append(a.denied, id)
		}
	case known && (r.State == delivery.Skipped || r.State == delivery.Suppressed) && r.Reason != 0 && r.Reason != int16(delivery.InDigest), !known && (o.state == "cancelled" || p != nil && p.leaves):
		a.skipped++
		if arrived {
			a.denied = append(a.denied, id)
		}
	case !arrived || r.State != delivery.Sent:
		a.lost = append(a.lost, id)
	}
}

// noAnswer is the ledger's number of that reason.
const noAnswer = 7

// read reads both books.
func (g *siege) read() books {
	b := books{ledger: map[string]row{}, arrivals: map[string][]sandbox.Entry{}}
	rows, err := g.pool.Query(g.t.Context(), `
		SELECT p.uid::text, d.channel_id, d.recipient_id, d.state, d.reason, d.attempt, d.session_id, d.settled_at,
		       EXISTS (SELECT FROM dead_letter l WHERE (l.publication_id, l.channel_id, l.recipient_id) = (d.publication_id, d.channel_id, d.recipient_id)),
		       EXISTS (SELECT FROM reopening r WHERE (r.publication_id, r.channel_id, r.recipient_id) = (d.publication_id, d.channel_id, d.recipient_id) AND r.was = 7)
		FROM delivery d JOIN publication p ON p.id = d.publication_id`)
	if err != nil {
		g.t.Fatal(err)
	}
	var uid string
	var channel int16
	var recipient int64
	var r row
	if _, err := pgx.ForEachRow(rows, []any{&uid, &channel, &recipient, &r.State, &r.Reason, &r.Attempt, &r.Session, &r.Settled, &r.Dead, &r.Resent}, func() error {
		b.ledger[fmt.Sprint(uid, "/", channelNames()[channel], "/", recipient)] = r
		return nil
	}); err != nil {
		g.t.Fatal(err)
	}
	b.digests = g.readDigests()
	for _, e := range g.journal() {
		if e.Fate != sandbox.Dropped {
			b.arrivals[e.Identity] = append(b.arrivals[e.Identity], e)
		}
	}
	return b
}

// channelNames are by the ledger's numbers.
func channelNames() map[int16]string {
	return map[int16]string{1: "email", 2: "newsletter", 5: "webhook"}
}

// timeline tells what is known of a delivery.
func (b books) timeline(id string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s:", id)
	for _, e := range b.arrivals[id] {
		fmt.Fprintf(&text, "\n  %s %s at %s for %s", e.At.Format(time.StampMilli), e.Fate, e.Provider, e.To)
	}
	r, known := b.ledger[id]
	if !known {
		return text.String() + "\n  not in the ledger"
	}
	fmt.Fprintf(&text, "\n  ledger: %s, reason %s, attempt %d, dead letter %t", r.State, delivery.Reason(r.Reason), r.Attempt, r.Dead)
	if r.Session != nil {
		fmt.Fprintf(&text, ", session %d", *r.Session)
	}
	if r.Settled != nil {
		fmt.Fprintf(&text, ", settled %s", r.Settled.UTC().Format(time.StampMilli))
	}
	return text.String()
}

func TestReckon(t *testing.T) {
	t.Parallel()
	arrived := func(n int) []sandbox.Entry { return make([]sandbox.Entry, n) }
	gone := &person{leaves: true}
	for name, c := range map[string]struct {
		row      *row
		arrivals int
		person   *person
		state    string
		resend   bool
		want     account
	}{
		"sent":                     {row: &row{State: delivery.Sent}, arrivals: 1, want: account{received: 1}},
		"said to be sent":          {row: &row{State: delivery.Sent}, want: account{lost: []string{"p/email/1"}}},
		"still owed":               {row: &row{}, want: account{lost: []string{"p/email/1"}}},
		"sent and still owed":      {row: &row{}, arrivals: 1, want: account{received: 1, lost: []string{"p/email/1"}}},
		"nowhere":                  {want: account{lost: []string{"p/email/1"}}},
		"nowhere, left":            {person: gone, want: account{skipped: 1}},
		"nowhere, cancelled":       {state: "cancelled", want: account{skipped: 1}},
		"twice":                    {row: &row{State: delivery.Sent}, arrivals: 2, want: account{received: 1, doubled: []string{"p/email/1"}}},
		"twice by policy":          {row: &row{State: delivery.Sent, Resent: true}, arrivals: 2, resend: true, want: account{received: 1}},
		"twice against the policy": {row: &row{State: delivery.Sent, Resent: true}, arrivals: 2, want: account{received: 1, doubled: []string{"p/email/1"}}},
		"thrice":                   {row: &row{State: delivery.Sent, Resent: true}, arrivals: 3, resend: true, want: account{received: 1, doubled: []string{"p/email/1"}}},
		"uncertain":                {row: &row{State: delivery.Uncertain, Reason: 8}, want: account{uncertain: 1}},
		"no answer":                {row: &row{State: delivery.Uncertain, Reason: noAnswer}, arrivals: 1, want: account{received: 1, uncounted: 1}},
		"dead":                     {row: &row{State: delivery.Failed, Dead: true}, want: account{dead: 1}},
		"dead without a letter":    {row: &row{State: delivery.Failed}, want: account{lost: []string{"p/email/1"}}},
		"dead, and arrived":        {row: &row{State: delivery.Failed, Dead: true}, arrivals: 1, want: account{received: 1, dead: 1, denied: []string{"p/email/1"}}},
		"skipped the second time":  {row: &row{State: delivery.Skipped, Reason: 1, Resent: true}, arrivals: 1, resend: true, want: account{received: 1, skipped: 1, denied: []string{"p/email/1"}}},
		"skipped, and arrived":     {row: &row{State: delivery.Skipped, Reason: 1}, arrivals: 1, want: account{received: 1, skipped: 1, denied: []string{"p/email/1"}}},
		"suppressed":               {row: &row{State: delivery.Suppressed, Reason: 2}, want: account{skipped: 1}},
		"skipped":                  {row: &row{State: delivery.Skipped, Reason: 1}, want: account{skipped: 1}},
		"skipped for no reason":    {row: &row{State: delivery.Skipped}, want: account{lost: []string{"p/email/1"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := books{ledger: map[string]row{}, arrivals: map[string][]sandbox.Entry{}}
			if c.row != nil {
				b.ledger["p/email/1"] = *c.row
			}
			if c.arrivals > 0 {
				b.arrivals["p/email/1"] = arrived(c.arrivals)
			}
			o := &order{id: "p", state: c.state, owed: map[string]*person{"email/1": c.person}}
			if got := reckon([]*order{o}, b, c.resend); fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
	b := books{arrivals: map[string][]sandbox.Entry{"p/email/2": arrived(1)}}
	if got := reckon(nil, b, false); len(got.strangers) != 1 || got.closed() {
		t.Errorf("%+v", got)
	}
}

// TestReckonDigests: what two publications owed came as one message, and neither came by itself.
func TestReckonDigests(t *testing.T) {
	t.Parallel()
	gathered := row{State: delivery.Skipped, Reason: int16(delivery.InDigest)}
	for name, c := range map[string]struct {
		digests map[string]string
		digest  row
		came    []string
		want    account
	}{
		"came":             {map[string]string{"p/email/1": "d/email/1", "q/email/1": "d/email/1"}, row{State: delivery.Sent}, []string{"d/email/1"}, account{received: 1}},
		"never came":       {map[string]string{"p/email/1": "d/email/1", "q/email/1": "d/email/1"}, row{}, nil, account{lost: []string{"d/email/1"}}},
		"came twice":       {map[string]string{"p/email/1": "d/email/1", "q/email/1": "d/email/1"}, row{State: delivery.Sent}, []string{"d/email/1", "d/email/1"}, account{received: 1, doubled: []string{"d/email/1"}}},
		"alone as well":    {map[string]string{"p/email/1": "d/email/1", "q/email/1": "d/email/1"}, row{State: delivery.Sent}, []string{"d/email/1", "q/email/1"}, account{received: 1, strangers: []string{"q/email/1"}}},
		"in no digest":     {nil, row{}, nil, account{lost: []string{"p/email/1", "q/email/1"}}},
		"never a digest":   {map[string]string{"p/email/1": "none/email/1", "q/email/1": "none/email/1"}, row{}, nil, account{lost: []string{"none/email/1"}}},
		"skipped, in time": {map[string]string{"p/email/1": "d/email/1", "q/email/1": "d/email/1"}, row{State: delivery.Skipped, Reason: 1}, nil, account{skipped: 1}},
	} {
		b := books{ledger: map[string]row{"p/email/1": gathered, "q/email/1": gathered, "d/email/1": c.digest}, arrivals: map[string][]sandbox.Entry{}, digests: c.digests}
		for _, id := range c.came {
			b.arrivals[id] = append(b.arrivals[id], sandbox.Entry{})
		}
		orders := []*order{{id: "p", owed: map[string]*person{"email/1": nil}}, {id: "q", owed: map[string]*person{"email/1": nil}}}
		if got := reckon(orders, b, false); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
