package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/bulk"
	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/subscriber"
)

// person is what a reader has agreed to, by the rules, without looking at the database.
type person struct {
	status     subscriber.Status // "" nobody
	once       bool              // they were active once
	topics     []string
	suppressed bool
	requests   []*request
}

// request is one that was mailed to them.
type request struct {
	id     int64
	topics []string
	void   bool
}

// forget voids what was asked before: they withdrew.
func (p *person) forget() {
	for _, r := range p.requests {
		r.void = true
	}
}

// agreed: they may get what is about a topic.
func (p *person) agreed(topic string) bool {
	return p.status == subscriber.Active && !p.suppressed && slices.Contains(p.topics, topic)
}

// town is some people, who come and go while publications are made and sent.
type town struct {
	r      *rapid.T
	db     *DB
	s      *Subscriptions
	links  *noted
	ctx    context.Context
	domain string
	people map[string]*person
	topics map[string]int32
	held   []*delivery.Batch // claimed, and not yet sent
	tokens int
	sent   int
}

func (w *town) must(err error) {
	if err != nil {
		w.r.Fatal(err)
	}
}

// somebody is the address of one, and who they are.
func (w *town) somebody() (string, *person) {
	name := rapid.SampledFrom([]string{"ann", "bob", "cat"}).Draw(w.r, "who")
	return name + "@" + w.domain, w.people[name]
}

func (w *town) stored(email string) subscriber.Subscriber {
	list, err := w.db.ListSubscribers(w.ctx, subscriber.Filter{EmailPrefix: email}, subscriber.Position{}, 1)
	w.must(err)
	if len(list) != 1 {
		w.r.Fatalf("%s is not there", email)
	}
	return list[0]
}

func (w *town) someTopics() []string {
	return rapid.SampledFrom([][]string{{}, {"go"}, {"art"}, {"art", "go"}}).Draw(w.r, "topics")
}

func (w *town) signUp() {
	email, p := w.somebody()
	topics := w.someTopics()
	up, err := subscriber.NewSignUp(email, "", "en", topics)
	w.must(err)
	before := len(w.links.requests)
	w.must(w.s.SignUp(w.ctx, up))
	fresh := p.status == ""
	if fresh {
		p.status, p.topics = subscriber.Pending, topics
	}
	if len(w.links.requests) > before {
		wanted := slices.Clone(topics)
		if p.status == subscriber.Pending {
			wanted = slices.Compact(slices.Sorted(slices.Values(append(wanted, p.topics...))))
		}
		p.requests = append(p.requests, &request{id: w.links.requests[before], topics: wanted, void: fresh && p.suppressed}) // that their address is on the list is found after they were stored
	}
}

func (w *town) confirm() {
	email, p := w.somebody()
	if len(p.requests) == 0 {
		return
	}
	one := rapid.SampledFrom(p.requests).Draw(w.r, "request")
	list, err := w.db.ListSubscribers(w.ctx, subscriber.Filter{EmailPrefix: email}, subscriber.Position{}, 1)
	w.must(err)
	if len(list) == 0 {
		return
	}
	outcome, err := w.s.Confirm(consent.With(w.ctx, consent.Act{Source: consent.Page, Granted: consent.Confirmed}), list[0].ID, one.id)
	w.must(err)
	want := consent.Now
	switch {
	case one.void:
		want = consent.Stale
	case p.status == subscriber.Active:
		want = consent.Before
	default:
		p.status, p.topics, p.once = subscriber.Active, one.topics, true
	}
	if outcome != want {
		w.r.Errorf("confirming a request of %s who is %s: %v, want %v", email, p.status, outcome, want)
	}
}

func (w *town) leave() {
	email, p := w.somebody()
	if p.status == "" {
		return
	}
	one := w.stored(email)
	topics := rapid.SampledFrom([][]string{nil, {"go"}}).Draw(w.r, "what")
	u := publication.Unsubscription{Subscriber: one.ID, Publication: 1, Channel: 1}
	for _, slug := range topics {
		u.Topics = append(u.Topics, w.topics[slug])
	}
	w.must(w.db.Unsubscribe(w.ctx, u))
	if topics != nil {
		p.topics = slices.DeleteFunc(slices.Clone(p.topics), func(slug string) bool { return slices.Contains(topics, slug) })
		return
	}
	if p.status != subscriber.Unsubscribed {
		p.status = subscriber.Unsubscribed
		p.forget()
	}
}

// set is what a client's change does: it may be refused, and never brings back who left.
func (w *town) set(p *person, status subscriber.Status, topics []string, err error) {
	back := p.status == subscriber.Unsubscribed && status != subscriber.Unsubscribed || p.status == subscriber.Pending && p.once && status == subscriber.Active
	if back != (fault.CodeOf(err) == "confirmation_required") {
		w.r.Errorf("from %s (once active: %v) to %s: %v", p.status, p.once, status, err)
	}
	if back {
		return
	}
	w.must(err)
	if p.status != subscriber.Unsubscribed && status == subscriber.Unsubscribed {
		p.forget()
	}
	p.status, p.topics = status, topics
	p.once = p.once || status == subscriber.Active
}

func (w *town) client() {
	email, p := w.somebody()
	status, topics := rapid.SampledFrom(subscriber.Statuses()).Draw(w.r, "status"), w.someTopics()
	in := subscriber.Input{Email: email, Status: string(status), Topics: topics, ConsentSource: "fair"}
	if p.status == "" {
		fresh, err := subscriber.New(in)
		w.must(err)
		_, err = w.db.CreateSubscriber(w.ctx, fresh)
		w.must(err)
		p.status, p.topics, p.once = status, topics, status == subscriber.Active
		return
	}
	one := w.stored(email)
	change := func(s subscriber.Subscriber) (subscriber.Change, error) { return s.Change(in) }
	if rapid.Bool().Draw(w.r, "in bulk") {
		r, err := w.db.BulkSubscribers(w.ctx, call(bulk.PerItem), []subscriber.Item{{Action: bulk.Update, UID: one.UID, Email: email, Change: change}})
		w.must(err)
		w.set(p, status, topics, r.Outcomes[0].Err)
		return
	}
	_, err := w.db.UpdateSubscriber(w.ctx, one.UID, change)
	w.set(p, status, topics, err)
}

// file is an import of one line. It leaves who has left as they are.
func (w *town) file(t *testing.T) {
	email, p := w.somebody()
	status, topics := rapid.SampledFrom(subscriber.Statuses()).Draw(w.r, "status"), w.someTopics()
	line := fmt.Sprintf("email,status,topics,consent_source\n%s,%s,%s,shop\n", email, status, strings.Join(topics, ";"))
	_, err := w.db.ImportSubscribers(w.ctx, readLines(t, line), subscriber.Update, false)
	w.must(err)
	if len(topics) > 0 || p.status == "" {
		p.topics = topics
	}
	if p.status == subscriber.Unsubscribed || p.status == subscriber.Pending && p.once && status == subscriber.Active {
		return
	}
	if p.status != "" && status == subscriber.Unsubscribed {
		p.forget()
	}
	p.status, p.once = status, p.once || status == subscriber.Active
}

func (w *town) choose() {
	email, p := w.somebody()
	if p.status == "" {
		return
	}
	topics := w.someTopics()
	_, err := w.db.ChangePreferences(w.ctx, w.stored(email).UID, func(was subscriber.Preferences) (subscriber.PreferencesChange, error) {
		return was.Change(subscriber.PreferencesInput{Topics: topics}, time.Now())
	})
	w.must(err)
	p.topics = topics
}

func (w *town) complain() {
	email, p := w.somebody()
	_, added, err := w.db.Suppress(w.ctx, email, byHand())
	w.must(err)
	if added {
		p.suppressed = true
		p.forget()
	}
}

func (w *town) erase() {
	email, p := w.somebody()
	if p.status == "" {
		return
	}
	w.must(w.db.DeleteSubscriber(w.ctx, w.stored(email).UID, func(subscriber.Subscriber) error { return nil }))
	*p = person{suppressed: p.suppressed, requests: p.requests} // who comes anew with the address is another, and still suppressed
	p.forget()
}

// publish makes a publication about Go and has it claimed, so that it is about to be sent.
func (w *town) publish(t *testing.T) {
	id := queued(t, w.db, publication.Audience{Topics: []int32{w.topics["go"]}})
	fanOut(t, w.db, id, 1)
	session, err := w.db.OpenSession(w.ctx, "test", time.Hour)
	w.must(err)
	rows, err := w.db.pool.Query(w.ctx, `SELECT id, gen FROM batch WHERE publication_id = $1`, id)
	w.must(err)
	type nudge struct {
		id  int64
		gen int
	}
	var list []nudge
	for rows.Next() {
		var n nudge
		w.must(rows.Scan(&n.id, &n.gen))
		list = append(list, n)
	}
	rows.Close()
	for _, n := range list {
		w.tokens++
		b, err := w.db.Claim(w.ctx, session, n.id, n.gen, w.tokens)
		w.must(err)
		if b != nil {
			w.held = append(w.held, b)
		}
	}
}

// send looks who of what is about to be sent may still get it: nobody who has not agreed.
func (w *town) send() {
	for _, b := range w.held {
		owed, err := w.db.Owed(w.ctx, b)
		w.must(err)
		for _, o := range owed {
			for name, p := range w.people {
				if o.Email != name+"@"+w.domain || o.Skip != 0 {
					continue
				}
				w.sent++
				if !p.agreed("go") {
					w.r.Errorf("%s would get what they have not agreed to: %+v", name, *p)
				}
			}
		}
	}
}

// TestNobodyWithoutConsent: in whatever order readers sign up, confirm, leave, choose, complain and are forgotten, clients and
// imports change them, and publications are made: at the moment of sending nobody would get anything who has not agreed to it
// by then; and what the database says of each is what the rules say.
func TestNobodyWithoutConsent(t *testing.T) {
	t.Parallel()
	db, s, links := openHouse(t)
	topics := map[string]int32{}
	for _, slug := range []string{"art", "go"} {
		topics[slug] = value[int32](t, db, `SELECT id FROM topic WHERE slug = $1`, slug)
	}
	run, sent := 0, 0
	rapid.Check(t, func(r *rapid.T) {
		run++
		w := &town{r: r, db: db, s: s, links: links, ctx: audit.WithActor(t.Context(), "key:k"), domain: fmt.Sprintf("t%d.example", run), topics: topics,
			people: map[string]*person{"ann": {}, "bob": {}, "cat": {}}}
		r.Repeat(map[string]func(*rapid.T){
			"sign up": func(*rapid.T) { w.signUp() }, "confirm": func(*rapid.T) { w.confirm() }, "leave": func(*rapid.T) { w.leave() },
			"client": func(*rapid.T) { w.client() }, "choose": func(*rapid.T) { w.choose() }, "complain": func(*rapid.T) { w.complain() },
			"erase": func(*rapid.T) { w.erase() }, "publish": func(*rapid.T) { w.publish(t) }, "file": func(*rapid.T) { w.file(t) },
			"": func(*rapid.T) { w.send() },
		})
		for name, p := range w.people {
			if p.status == "" {
				continue
			}
			if one := w.stored(name + "@" + w.domain); one.Status != p.status || !slices.Equal(one.Topics, p.topics) {
				r.Errorf("%s is %s with %v, by the rules %s with %v", name, one.Status, one.Topics, p.status, p.topics)
			}
		}
		sent += w.sent
	})
	if sent == 0 {
		t.Error("nobody would have got anything: this proves nothing")
	}
	if stray := value[int](t, db, `SELECT count(*)::int FROM consent WHERE source = 'database'`); stray != 0 {
		t.Errorf("%d changes do not say where they come from", stray)
	}
}
