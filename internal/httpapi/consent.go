package httpapi

import (
	"context"
	"encoding/hex"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/tally"
)

// ConsentStore reads the record of consent.
type ConsentStore interface {
	ConsentHistory(ctx context.Context, uid ident.UID, before int64, limit int) ([]consent.Entry, error)
	TotalConsent(ctx context.Context, uid ident.UID) (tally.Total, error)
	RecordAccess(ctx context.Context, verb string, uid ident.UID, count int) error
}

type consents struct{ store ConsentStore }

func registerConsent(r gin.IRouter, d Deps) {
	h := consents{d.Consent}
	r.GET("/subscribers/:id/consent", handle(h.list))
}

func showConsent(e consent.Entry) wire.ConsentEntry {
	entry := wire.ConsentEntry{
		ID: e.ID, At: e.At.UTC(), Event: wire.ConsentEntryEvent(e.Event), Status: wire.SubscriberStatus(e.Status), Topics: e.Topics,
		ChannelsOff: channelNames(e.ChannelsOff), Source: wire.ConsentEntrySource(e.Source), By: e.By,
	}
	if e.TextHash != nil {
		entry.Text = &wire.ConsentText{Language: e.Text.Language, Body: e.Text.Body, Hash: hex.EncodeToString(e.TextHash)}
	}
	if d := e.Detail; d != nil {
		entry.Detail = &wire.ConsentDetail{Email: d.Email, Stated: d.Stated, IP: d.IP, UserAgent: d.UserAgent, Since: utc(d.Since)}
	}
	return entry
}

// channelNames are the names of kinds of channel by their numbers in the ledger.
func channelNames(numbers []int16) []string {
	names := make([]string, 0, len(numbers))
	for _, n := range numbers {
		if kind, err := channel.KindOf(n); err == nil {
			names = append(names, string(kind))
		}
	}
	return names
}

// list is newest first. Who never was has no entries, and is not found.
func (h consents) list(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	p, err := readPage(c, "consent")
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	rows, err := h.store.ConsentHistory(ctx, uid, p.After, p.Limit+1)
	if err != nil {
		return err
	}
	if len(rows) == 0 && p.After == 0 {
		return fault.New(fault.NotFound, "not_found", "There is no such subscriber.")
	}
	if err := h.store.RecordAccess(ctx, "read_consent", uid, min(len(rows), p.Limit)); err != nil {
		return err
	}
	if err := p.count(c, func(ctx context.Context) (tally.Total, error) { return h.store.TotalConsent(ctx, uid) }); err != nil {
		return err
	}
	return answerPage(c, "consent", p, rows, func(e consent.Entry) int64 { return e.ID }, showConsent)
}
