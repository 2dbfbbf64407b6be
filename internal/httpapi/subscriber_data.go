package httpapi

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/segment"
	"github.com/presswork/presswork/internal/subscriber"
	"github.com/presswork/presswork/internal/suppression"
)

// PersonStore reads what is held about a person, in parts and pages: memory does not grow with what is there.
type PersonStore interface {
	// SubscriberByAddress has no ID of somebody who is no subscriber.
	SubscriberByAddress(ctx context.Context, address string) (subscriber.Subscriber, error)
	Preferences(ctx context.Context, uid ident.UID) (subscriber.Preferences, error)
	Engagement(ctx context.Context, id int64) (*subscriber.Engagement, error)
	Suppressions(ctx context.Context, address string, after int64, limit int) ([]suppression.Entry, error)
	ConsentHistory(ctx context.Context, uid ident.UID, before int64, limit int) ([]consent.Entry, error)
	SnapshotsWith(ctx context.Context, subscriber int64) ([]segment.Snapshot, error)
	MessagesTo(ctx context.Context, s subscriber.Subscriber, after int64, limit int) ([]publication.MessageKept, error)
	Received(ctx context.Context, s subscriber.Subscriber, after int64, limit int) (list []delivery.Received, next int64, err error)
}

func (h subscribers) registerData(r gin.IRouter) {
	r.GET("/subscribers/:id/data", handleStream(h.data))
	r.POST("/subscribers/data", handleStream(h.addressData))
}

// data answers with everything that is held about a subscriber.
func (h subscribers) data(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	s, err := h.store.Subscriber(c.Request.Context(), uid)
	if err != nil {
		return err
	}
	return h.answerData(c, s)
}

// addressData is data of whoever has an address.
func (h subscribers) addressData(c *gin.Context) error {
	address, err := parsed[wire.AddressInput](c, limitOther, func(in wire.AddressInput) (string, error) { return suppression.Parse(in.Email) })
	if err != nil {
		return err
	}
	s, err := h.store.SubscriberByAddress(c.Request.Context(), address)
	if err != nil {
		return err
	}
	return h.answerData(c, s)
}

// answerData writes while it reads. An error after the first byte cuts the connection: a part must not look like the whole.
func (h subscribers) answerData(c *gin.Context, s subscriber.Subscriber) error {
	ctx, cancel := context.WithTimeout(c.Request.Context(), transferTimeout)
	defer cancel()
	if err := h.store.RecordAccess(ctx, "data_exported", s.UID, 1); err != nil {
		return err
	}
	who, err := h.whoTheyAre(ctx, s)
	if err != nil {
		return err
	}
	c.Header("Content-Type", "application/json; charset=utf-8")
	c.Header("Cache-Control", "no-store")
	c.Status(http.StatusOK)
	if err := h.writeData(ctx, c.Writer, s, who); err != nil {
		_ = c.Error(err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// whoTheyAre is what does not grow with time: all but the lists.
func (h subscribers) whoTheyAre(ctx context.Context, s subscriber.Subscriber) (wire.Person, error) {
	who := wire.Person{Email: s.Email}
	listed, err := h.store.Suppressions(ctx, s.Email, 0, 1)
	if err != nil {
		return who, err
	}
	if len(listed) > 0 {
		entry := showSuppression(listed[0])
		who.Suppression = &entry
	}
	if s.ID == 0 {
		return who, nil
	}
	shown := showSubscriber(s)
	who.Subscriber = &shown
	p, err := h.store.Preferences(ctx, s.UID)
	if err != nil {
		return who, err
	}
	chosen := showPreferences(p)
	who.Preferences = &chosen
	e, err := h.store.Engagement(ctx, s.ID)
	if err == nil && e != nil {
		who.Engagement = &wire.Engagement{Sent: e.Sent, Opened: e.Opened, Clicked: e.Clicked, FirstSentOn: day(e.FirstSentOn), SentOn: day(e.SentOn),
			OpenedOn: day(e.OpenedOn), ClickedOn: day(e.ClickedOn)}
	}
	return who, err
}

func day(t *time.Time) *string {
	if t == nil {
		return nil
	}
	text := t.Format(time.DateOnly)
	return &text
}

// Bounds of what is read at a time: rows, and publications that are looked at.
const (
	dataPage         = 200
	publicationsPage = 500
)

func (h subscribers) writeData(ctx context.Context, to io.Writer, s subscriber.Subscriber, who wire.Person) error {
	d := document{to: to}
	d.member("person", who)
	d.list("consent")
	for before, more := int64(0), s.ID != 0; more && d.err == nil; {
		page, err := h.store.ConsentHistory(ctx, s.UID, before, dataPage)
		if err != nil {
			return err
		}
		for _, entry := range page {
			d.item(showConsent(entry))
			before = entry.ID
		}
		more = len(page) == dataPage
	}
	d.list("snapshots")
	snapshots, err := h.store.SnapshotsWith(ctx, s.ID)
	if err != nil {
		return err
	}
	for _, p := range snapshots {
		d.item(wire.PersonSnapshot{ID: p.UID, Segment: p.Segment, CreatedAt: p.CreatedAt.UTC()})
	}
	d.list("messages")
	for after, more := int64(0), true; more && d.err == nil; {
		page, err := h.store.MessagesTo(ctx, s, after, dataPage)
		if err != nil {
			return err
		}
		for _, m := range page {
			d.item(showKept(m))
			after = m.ID
		}
		more = len(page) == dataPage
	}
	d.list("publications")
	for after, more := int64(0), true; more && d.err == nil; {
		page, next, err := h.store.Received(ctx, s, after, publicationsPage)
		if err != nil {
			return err
		}
		for _, r := range page {
			d.item(showReceived(r))
		}
		after, more = next, next != 0
	}
	return d.end()
}

func showKept(m publication.MessageKept) wire.PersonMessage {
	return wire.PersonMessage{ID: m.UID, Title: m.Title, Letter: m.Letter, Email: m.Email, Name: m.Name, Language: m.Language, Timezone: m.Timezone,
		Data: m.Data, Tracked: m.Tracked, ExpiresAt: utc(m.ExpiresAt), CreatedAt: m.CreatedAt.UTC()}
}

func showReceived(r delivery.Received) wire.PersonPublication {
	body := wire.PersonPublication{PublicationID: r.Publication, Title: r.Title, PublicationType: r.Type, CreatedAt: r.CreatedAt.UTC(),
		Deliveries: []wire.RecipientDelivery{}}
	for _, a := range r.Deliveries {
		body.Deliveries = append(body.Deliveries, showAccount(a, explainer{}))
	}
	return body
}

// document writes a JSON object piece by piece. After an error it writes nothing more, and end returns it.
type document struct {
	to      io.Writer
	err     error
	members int
	// open says that a list is written, which has so many items.
	open  bool
	items int
}

func (d *document) write(text string) {
	if d.err == nil {
		_, d.err = io.WriteString(d.to, text)
	}
}

func (d *document) value(v any) {
	text, err := json.Marshal(v)
	if err != nil && d.err == nil {
		d.err = err
	}
	d.write(string(text))
}

// name begins the next member.
func (d *document) name(name string) {
	before := ",\n"
	if d.members == 0 {
		before = "{\n"
	}
	if d.open {
		before, d.open = "]"+before, false
	}
	d.members++
	d.write(before + `"` + name + `": `)
}

// member writes a member whose name needs no escape.
func (d *document) member(name string, value any) {
	d.name(name)
	d.value(value)
}

// list begins a member that is a list; it ends where the next one begins.
func (d *document) list(name string) {
	d.name(name)
	d.write("[")
	d.open, d.items = true, 0
}

// item is the next of the list.
func (d *document) item(value any) {
	before := ",\n"
	if d.items == 0 {
		before = "\n"
	}
	d.items++
	d.write(before)
	d.value(value)
}

func (d *document) end() error {
	if d.open {
		d.write("]")
	}
	d.write("\n}\n")
	return d.err
}
