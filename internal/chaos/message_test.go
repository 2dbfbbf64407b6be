package chaos

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// messageGap is the time from one message to the next.
const messageGap = 700 * time.Millisecond

// template makes what messages are made of.
func (g *siege) template() {
	g.Call(g.t, http.MethodPost, "/templates", map[string]any{"name": "receipt", "channel": "email", "languages": map[string]any{
		"en": map[string]string{"subject": "Order {{ data.order }}", "html": "<p>{{ data.order }}</p>"}}}, nil)
}

// say sends a message if it is time for the next: by turns to somebody who is no reader, to one whose window is closed, and to
// people who want no publications, of whom only the suppressed are owed none.
func (g *siege) say() {
	if time.Since(g.said) < messageGap {
		return
	}
	g.said = time.Now()
	n := len(g.messages)
	o := &order{title: fmt.Sprint("Message ", n), to: fmt.Sprintf("outsider%d@elsewhere.example", n), owed: map[string]*person{}}
	suppressed := false
	switch n % 4 {
	case 1:
		o.to = g.people[20].Email
	case 2, 3:
		i := n / 4 % len(g.unasked)
		o.to, suppressed = g.unasked[i], i%3 == 2
	}
	o.unowed = suppressed
	g.messages = append(g.messages, o)
	request := map[string]any{"to": map[string]any{"email": o.to}, "template": "receipt", "data": map[string]any{"order": n}}
	g.later(0, o.title, func() error {
		var accepted struct{ ID string }
		err := g.call(http.MethodPost, "/messages", request, &accepted, "Idempotency-Key", fmt.Sprint("message-", n))
		if err == nil && accepted.ID == "" {
			g.t.Errorf("%s was refused", o.title)
		}
		o.id = accepted.ID
		return err
	})
}

// isMessage reports whether a delivery is one of a message.
func (g *siege) isMessage(identity string) bool {
	publication, _, _ := strings.Cut(identity, "/")
	return slices.ContainsFunc(g.messages, func(o *order) bool { return o.id == publication })
}

// number learns the number of each message's recipient: it is owed to them, unless they are suppressed. One that is in no
// ledger is lost.
func (g *siege) number() {
	recipients := map[string]int64{}
	rows, err := g.pool.Query(g.t.Context(), `SELECT p.uid::text, d.recipient_id FROM delivery d JOIN publication p ON p.id = d.publication_id
		WHERE p.type = 'transactional'`)
	if err != nil {
		g.t.Fatal(err)
	}
	var uid string
	var recipient int64
	if _, err := pgx.ForEachRow(rows, []any{&uid, &recipient}, func() error { recipients[uid] = recipient; return nil }); err != nil {
		g.t.Fatal(err)
	}
	for _, o := range g.messages {
		if !o.unowed {
			o.owed[fmt.Sprint("email/", recipients[o.id])] = nil
		}
	}
}

// astray are the messages that came to somebody else than they are for.
func (g *siege) astray(b books) (list []string) {
	to := map[string]string{}
	for _, o := range g.messages {
		to[o.id] = o.to
	}
	for id, entries := range b.arrivals {
		publication, _, _ := strings.Cut(id, "/")
		for _, e := range entries {
			if want := to[publication]; want != "" && want != e.To {
				list = append(list, id)
			}
		}
	}
	return list
}
