package chaos

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/testkit/fixture"
)

// audience is who there is, as the test knows it: nothing here is asked of the code under test but the numbers it gave.
type audience struct {
	people []*person
	places []int64 // numbers of the webhook channels
	// unasked are the addresses of people who want no publications.
	unasked []string
}

// person is a subscriber.
type person struct {
	fixture.Person
	number int64  // in the identity of deliveries
	uid    string // in the API
	leaves bool   // was asked to be unsubscribed at some time
	left   time.Time
	opens  time.Time // when they may be sent to; zero: at once
}

// The topics: crew is small, for publications that are urgent or cancelled.
const (
	topicNews  = "news"
	topicStaff = "staff"
	topicCrew  = "crew"
)

// gather subscribes so many people and learns their numbers.
func (g *siege) gather(n int) {
	for _, topic := range []string{topicCrew, topicNight, topicCapped, topicDaily} {
		g.Call(g.t, http.MethodPost, "/topics", map[string]any{"name": topic, "slug": topic}, nil)
	}
	list := fixture.People("siege", n)
	byEmail := make(map[string]*person, n)
	for i := range list {
		list[i].Topic = topicOf(i)
		p := &person{Person: list[i]}
		g.people = append(g.people, p)
		byEmail[p.Email] = p
	}
	g.Subscribe(g.t, list)
	rows, err := g.pool.Query(g.t.Context(), `SELECT id, uid::text, email FROM subscriber`)
	if err != nil {
		g.t.Fatal(err)
	}
	var number int64
	var uid, email string
	if _, err := pgx.ForEachRow(rows, []any{&number, &uid, &email}, func() error {
		p := byEmail[email]
		if p == nil {
			return fmt.Errorf("who is %s?", email)
		}
		p.number, p.uid = number, uid
		return nil
	}); err != nil {
		g.t.Fatal(err)
	}
	rows, err = g.pool.Query(g.t.Context(), `SELECT id FROM channel WHERE kind = 'webhook'`)
	if err != nil {
		g.t.Fatal(err)
	}
	if g.places, err = pgx.CollectRows(rows, pgx.RowTo[int64]); err != nil {
		g.t.Fatal(err)
	}
}

// topicOf is what a person reads, by their place in the list.
func topicOf(i int) string {
	switch {
	case i%40 == 0:
		return topicCrew
	case i%40 == 10:
		return topicCapped
	case i%40 == 20:
		return topicNight
	case i%40 == 30:
		return topicDaily
	case i%4 == 1:
		return topicStaff
	}
	return topicNews
}

// order is a publication that was handed in, or is going to be.
type order struct {
	title    string
	channels []string
	topics   []string // none is everybody
	priority string
	id       string // once it was accepted
	state    string // at the end
	// withdrawn is one that is handed in to be cancelled.
	withdrawn bool
	capped    bool   // goes to who gets so much at most
	to        string // who a message is for
	unowed    bool   // a message that must not arrive
	// owed are the deliveries that it owes, by channel and recipient as they stand in an identity, with the person, who is nil for a place.
	owed map[string]*person
}

// hand in a publication, again and again with the same key until it is accepted.
func (g *siege) publish(o *order) {
	o.owed = map[string]*person{}
	for _, channel := range o.channels {
		if channel == "webhook" {
			for _, place := range g.places {
				o.owed[fmt.Sprint(channel, "/", place)] = nil
			}
			continue
		}
		for _, p := range g.people {
			if p.left.IsZero() && (o.topics == nil || slices.Contains(o.topics, p.Topic)) {
				o.owed[fmt.Sprint(channel, "/", p.number)] = p
			}
		}
	}
	g.orders = append(g.orders, o)
	request := g.Request(fixture.Order{Title: o.title, Channels: o.channels, Topics: o.topics, Priority: o.priority})
	key := fmt.Sprint("order-", len(g.orders))
	g.later(0, "publish "+o.title, func() error {
		var accepted struct{ ID string }
		err := g.call(http.MethodPost, "/publications", request, &accepted, "Idempotency-Key", key)
		if err == nil && accepted.ID == "" {
			g.t.Errorf("%s was refused", o.title)
		}
		o.id = accepted.ID
		return err
	})
}

// control pauses, resumes or cancels a publication once it is accepted.
func (g *siege) control(after time.Duration, o *order, verb string) {
	g.later(after, verb+" "+o.title, func() error {
		if o.id == "" {
			return fmt.Errorf("%s is not accepted yet", o.title)
		}
		return g.call(http.MethodPost, "/publications/"+o.id+"/"+verb, nil, nil)
	})
}

// leave unsubscribes a person, or has their address suppressed.
func (g *siege) leave(p *person) {
	if p.leaves {
		return
	}
	p.leaves = true
	if p.number%2 == 0 {
		g.later(0, "suppress "+p.Email, func() error {
			err := g.call(http.MethodPost, "/suppressions", map[string]any{"email": p.Email}, nil)
			if err == nil {
				p.left = time.Now()
			}
			return err
		})
		return
	}
	g.later(0, "unsubscribe "+p.Email, func() error {
		err := g.call(http.MethodPut, "/subscribers/"+p.uid, map[string]any{
			"email": p.Email, "name": p.Name, "language": p.Language, "topics": []string{p.Topic}, "status": "unsubscribed",
		}, nil, "If-Match", "*")
		if err == nil {
			p.left = time.Now()
		}
		return err
	})
}
