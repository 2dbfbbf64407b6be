package httpapi

import (
	"context"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/content"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/mailbox"
	"github.com/presswork/presswork/internal/tally"
)

// RecipientStore says what became of each recipient.
type RecipientStore interface {
	TotalRecipients(ctx context.Context, uid ident.UID, f delivery.Find) (tally.Total, error)
	Recipients(ctx context.Context, uid ident.UID, f delivery.Find) (delivery.Found, error)
	Timeline(ctx context.Context, publication, recipient ident.UID) (delivery.Timeline, error)
	SubscriberByEmail(ctx context.Context, email string) (ident.UID, error)
	PublicationContents(ctx context.Context, uid ident.UID) ([]content.Item, error)
	// RecordAccess notes who looked at a subscriber.
	RecordAccess(ctx context.Context, verb string, uid ident.UID, count int) error
}

type recipients struct{ store RecipientStore }

func registerRecipients(r gin.IRouter, d Deps) {
	h := recipients{d.Recipients}
	r.GET("/publications/:id/recipients", handle(h.list))
	r.GET("/publications/:id/recipients/lookup", handle(h.lookup))
	r.GET("/publications/:id/recipients/:recipient", handle(h.get))
}

func showEntry(e delivery.Entry) wire.Recipient {
	return wire.Recipient{RecipientID: optionalID(e.UID), Channel: channelName(e.Channel), State: wire.DeliveryState(e.State.String()),
		Reason: reasonCode(e.Reason), AttemptsUsed: int(e.Used), SettledAt: utc(e.SettledAt),
		Until: utc(e.Until)}
}

func reasonCode(r delivery.Reason) *wire.DeliveryReason {
	if r == delivery.NoReason {
		return nil
	}
	code := wire.DeliveryReason(r.String())
	return &code
}

// list is in the order of channel and recipient: ?channel= takes one, ?state= and ?reason= several values with commas. A
// page may have few items, or none, and still a cursor: what is rare in a large publication is looked for in parts.
func (h recipients) list(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	p, err := readPage(c, "recipients", "state", "reason", "channel")
	if err != nil {
		return err
	}
	f := delivery.Find{Limit: p.Limit + 1}
	f.AfterChannel, f.AfterRecipient = splitPosition(p.After)
	if f.States, err = readNamed(c, "state", delivery.States()); err != nil {
		return err
	}
	if f.Reasons, err = readNamed(c, "reason", delivery.Reasons()); err != nil {
		return err
	}
	q := queryReader{c: c}
	if f.Channel = q.kind("channel").ID(); q.err != nil {
		return q.err
	}
	looked, err := h.store.Recipients(c.Request.Context(), uid, f)
	if err != nil {
		return err
	}
	if err := p.count(c, func(ctx context.Context) (tally.Total, error) { return h.store.TotalRecipients(ctx, uid, f) }); err != nil {
		return err
	}
	return answerFound(c, p, looked)
}

func answerFound(c *gin.Context, p page, looked delivery.Found) error {
	entries, next := looked.Entries, ""
	switch {
	case len(entries) > p.Limit:
		entries = entries[:p.Limit]
		last := entries[p.Limit-1]
		next = cursor("recipients", position(last.Channel, last.Recipient))
	case !looked.Done:
		next = cursor("recipients", position(looked.LastChannel, looked.LastRecipient))
	}
	body := pageOf(p, make([]wire.Recipient, 0, len(entries)), next)
	for _, e := range entries {
		body.Items = append(body.Items, showEntry(e))
	}
	return found(c, 0, body)
}

// position is where a list of deliveries is, as one number: channel kinds are few, and ids far below 2⁴⁸.
func position(channelID int16, recipient int64) int64 { return int64(channelID)<<48 | recipient }

func splitPosition(n int64) (channelID int16, recipient int64) {
	return int16(n >> 48), n & (1<<48 - 1) //nolint:gosec // what position made, or another place in the list
}

// readNamed reads values by their names, separated by commas; nil if the parameter is absent.
func readNamed[T interface{ String() string }](c *gin.Context, name string, known []T) ([]T, error) {
	byName := make(map[string]T, len(known))
	names := make([]string, len(known))
	for i, value := range known {
		names[i] = value.String()
		byName[names[i]] = value
	}
	given, err := readValues(c, name, names)
	values := make([]T, len(given))
	for i, text := range given {
		values[i] = byName[text]
	}
	return values, err
}

// lookup finds a subscriber by exactly one address. It is a query, since paths are logged by many; and it answers what the
// recipient's own resource does.
func (h recipients) lookup(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	if err := knownQuery(c, "email"); err != nil {
		return err
	}
	email, err := mailbox.Parse(c.Query("email"))
	if err != nil {
		return badQuery("email", "must be an address")
	}
	recipient, err := h.store.SubscriberByEmail(c.Request.Context(), email)
	if err != nil {
		return err
	}
	return h.answer(c, uid, recipient)
}

func (h recipients) get(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	recipient, err := ident.Parse(c.Param("recipient"))
	if err != nil {
		return fault.New(fault.NotFound, "not_found", "There is nothing with this id.")
	}
	return h.answer(c, uid, recipient)
}

func (h recipients) answer(c *gin.Context, uid, recipient ident.UID) error {
	ctx := c.Request.Context()
	t, err := h.store.Timeline(ctx, uid, recipient)
	if err != nil {
		return err
	}
	if t.Personal {
		if err := h.store.RecordAccess(ctx, "timeline", recipient, 1); err != nil {
			return err
		}
	}
	items, err := h.store.PublicationContents(ctx, uid)
	if err != nil && !fault.Is(err, fault.NotFound) { // one of the items is no more
		return err
	}
	return found(c, 0, showTimeline(uid, t, newExplainer(items, t)))
}
