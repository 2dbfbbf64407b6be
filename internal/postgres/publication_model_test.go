package postgres

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

// model is what a publication has to be, by rules written down a second time.
type model struct {
	uid     ident.UID
	state   publication.State
	review  publication.ApprovalState
	timed   bool // has a time, an hour ahead
	begun   bool
	gone    bool
	version int
	titles  map[int]string // by the version that began with it
	author  string
	changer string
	asker   string
}

// desk is where a model and the record are worked on alike.
type desk struct {
	*newsroom
	m    *model
	t    *rapid.T
	made map[bool]publication.Resolved // with a time, and without
}

// TestAnyWayToWork: whatever people do to a publication before it begins, in whatever order, state, review, version and
// history are those of the model, and what is told of it is what happened.
func TestAnyWayToWork(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	witness(t, n.DB)
	made := map[bool]publication.Resolved{false: n.submission(t, nil).Resolved, true: n.submission(t, inAnHour).Resolved}
	rapid.Check(t, func(rt *rapid.T) {
		d := desk{newsroom: n, t: rt, made: made}
		d.store()
		rt.Repeat(map[string]func(*rapid.T){
			"update":  func(rt *rapid.T) { d.t = rt; d.change(false) },
			"publish": func(rt *rapid.T) { d.t = rt; d.change(true) },
			"approve": func(rt *rapid.T) { d.t = rt; d.decide(true) },
			"reject":  func(rt *rapid.T) { d.t = rt; d.decide(false) },
			"pause":   func(rt *rapid.T) { d.t = rt; d.pause() },
			"resume":  func(rt *rapid.T) { d.t = rt; d.resume() },
			"delete":  func(rt *rapid.T) { d.t = rt; d.remove() },
			"":        func(rt *rapid.T) { d.t = rt; d.check() },
		})
	})
}

func (d *desk) somebody() (context.Context, string) {
	who := rapid.SampledFrom([]string{"ann", "bob", "cid"}).Draw(d.t, "who")
	return audit.WithActor(context.Background(), who), who
}

func (d *desk) flip(name string) bool { return rapid.Bool().Draw(d.t, name) }

// draw is something to store, and its title.
func (d *desk) draw() (r publication.Resolved, title string) {
	r = d.made[d.flip("timed")]
	r.Title = fmt.Sprint("title ", rapid.IntRange(1, 1000).Draw(d.t, "title"))
	return r, r.Title
}

func (d *desk) store() {
	ctx, who := d.somebody()
	r, title := d.draw()
	r.Draft = d.flip("draft")
	review := !r.Draft && d.flip("review")
	a, err := d.StorePublication(ctx, publication.Submission{Resolved: r, Review: review})
	if err != nil {
		d.t.Fatal(err)
	}
	d.m = &model{uid: a.UID, version: 1, titles: map[int]string{1: title}, author: who, changer: who, timed: r.ScheduledAt != nil}
	d.m.state = publication.Draft
	switch {
	case r.Draft:
	case review:
		d.m.review, d.m.asker = publication.ApprovalRequested, who
	default:
		d.m.leave()
	}
	if a.State() != d.m.state {
		d.t.Fatalf("accepted as %s, want %s", a.State(), d.m.state)
	}
}

// leave sends the model on its way.
func (m *model) leave() {
	if m.state = publication.Scheduled; !m.timed {
		m.state, m.begun = publication.Queued, true
	}
}

// expected compares an error with what the model says: "" for none.
func (d *desk) expected(err error, code string) bool {
	switch {
	case d.m.gone:
		code = "not_found"
	case code == "" && err == nil:
		return true
	}
	if err == nil || fault.CodeOf(err) != code {
		d.t.Fatalf("%v, want %q of %+v", err, code, *d.m)
	}
	return false
}

func (d *desk) change(publish bool) {
	ctx, who := d.somebody()
	r, title := d.draw()
	r.Draft = !publish && d.flip("draft")
	c := publication.Change{Resolved: r, Verb: "update", Publish: publish, Review: !r.Draft && d.flip("review")}
	m := d.m
	code := ""
	editable := !m.begun && slices.Contains([]publication.State{publication.Draft, publication.Scheduled, publication.Paused}, m.state)
	waits := m.review == publication.ApprovalRequested
	switch {
	case !editable, publish && (m.state != publication.Draft || waits):
		code = "wrong_state"
	case !publish && !r.Draft && m.state != publication.Draft && r.ScheduledAt == nil:
		code = "invalid_input"
	}
	_, err := d.ChangePublication(ctx, m.uid, anyVersion, c)
	if !d.expected(err, code) {
		return
	}
	asks := c.Review && (publish || m.state != publication.Draft || m.review != "")
	m.version++
	m.titles[m.version], m.changer, m.timed = title, who, r.ScheduledAt != nil
	m.review, m.asker = "", ""
	switch {
	case asks:
		m.state, m.review, m.asker = publication.Draft, publication.ApprovalRequested, who
	case publish:
		m.leave()
	case r.Draft:
		m.state = publication.Draft
	}
}

func (d *desk) decide(approve bool) {
	ctx, who := d.somebody()
	m, code := d.m, ""
	switch {
	case m.review != publication.ApprovalRequested || m.state != publication.Draft:
		code = "wrong_state"
	case approve && (who == m.author || who == m.changer || who == m.asker):
		code = "own_publication"
	}
	_, err := d.DecidePublication(ctx, m.uid, anyVersion, publication.Verdict{Approve: approve, Reason: "no"})
	if !d.expected(err, code) {
		return
	}
	m.version++
	if m.review = publication.Rejected; approve {
		m.review = publication.Approved
		m.leave()
	}
}

func (d *desk) pause() {
	m, code, next := d.m, "", d.m.state
	if m.state == publication.Draft {
		code = "wrong_state"
	}
	if paused, ok := map[publication.State]publication.State{publication.Scheduled: publication.Paused, publication.Queued: publication.Pausing}[m.state]; ok {
		next = paused
	}
	_, err := d.PausePublication(context.Background(), m.uid, anyVersion)
	d.move(d.expected(err, code), next)
}

func (d *desk) resume() {
	m, next := d.m, d.m.state
	if resumed, ok := map[publication.State]publication.State{publication.Paused: publication.Scheduled, publication.Pausing: publication.Queued}[m.state]; ok {
		next = resumed
	}
	_, err := d.ResumePublication(context.Background(), m.uid, anyVersion)
	d.move(d.expected(err, ""), next)
}

func (d *desk) move(done bool, next publication.State) {
	if done && next != d.m.state {
		d.m.state = next
		d.m.version++
	}
}

func (d *desk) remove() {
	code := ""
	if !slices.Contains([]publication.State{publication.Draft, publication.Scheduled}, d.m.state) {
		code = "wrong_state"
	}
	err := d.DeletePublication(context.Background(), d.m.uid, anyVersion)
	d.m.gone = d.expected(err, code) || d.m.gone
}

// check compares the record with the model.
func (d *desk) check() {
	m, ctx := d.m, context.Background()
	p, err := d.Publication(ctx, m.uid)
	if m.gone {
		if !fault.Is(err, fault.NotFound) {
			d.t.Fatalf("deleted: %v", err)
		}
		return
	}
	if err != nil {
		d.t.Fatal(err)
	}
	review := publication.ApprovalState("")
	if p.Approval != nil {
		review = p.Approval.State
	}
	if p.State != m.state || p.Version != m.version || review != m.review || (p.ScheduledAt != nil) != m.timed {
		d.t.Fatalf("%s, version %d, review %q, time %v; want %+v", p.State, p.Version, review, p.ScheduledAt, *m)
	}
	title := ""
	for number := 1; number <= m.version; number++ {
		if began, ok := m.titles[number]; ok {
			title = began
		}
		if v, err := d.PublicationVersion(ctx, m.uid, number); err != nil || v.Request.Title != title {
			d.t.Fatalf("version %d is %q, want %q, %v", number, v.Request.Title, title, err)
		}
	}
	list, err := d.PublicationVersions(ctx, m.uid, publication.Versions{Limit: 1000})
	if err != nil || len(list) != len(m.titles) {
		d.t.Fatalf("%d versions, want %d, %v", len(list), len(m.titles), err)
	}
	var tasks int
	if err := d.pool.QueryRow(ctx, `SELECT count(*) FROM outbox WHERE task_id LIKE 'r:' || $1 || ':%'`, fmt.Sprint(p.ID)).Scan(&tasks); err != nil || (tasks > 0) != m.begun {
		d.t.Fatalf("%d tasks of %+v, %v", tasks, *m, err)
	}
	if m.timed && p.ScheduledAt.Before(time.Now()) {
		d.t.Fatalf("scheduled for %s", p.ScheduledAt)
	}
}
