package httpapi

import (
	"context"
	"fmt"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
)

// PreferenceStore keeps what readers chose.
type PreferenceStore interface {
	// ReadPreferences also notes in the audit log that they were read.
	ReadPreferences(ctx context.Context, uid ident.UID) (subscriber.Preferences, error)
	ChangePreferences(
		ctx context.Context, uid ident.UID, change func(subscriber.Preferences) (subscriber.PreferencesChange, error),
	) (subscriber.Preferences, error)
}

// Asker has letters ask readers whether they want messages.
type Asker interface {
	Ask(ctx context.Context, uid ident.UID) error
}

type preferences struct {
	store PreferenceStore
	asker Asker
}

func registerPreferences(r gin.IRouter, d Deps) {
	h := preferences{d.Preferences, d.Asker}
	r.GET("/subscribers/:id/preferences", handle(h.get))
	r.PUT("/subscribers/:id/preferences", handle(h.update))
	r.POST("/subscribers/:id/confirmation", handle(h.confirm))
}

func showPreferences(p subscriber.Preferences) wire.Preferences {
	body := wire.Preferences{
		Status: wire.SubscriberStatus(p.Status), Topics: p.Topics, ChannelsOff: channelNames(p.ChannelsOff),
		Frequency: wire.PreferencesFrequency(p.Frequency.String()), PausedUntil: utc(p.PausedUntil),
		Language: p.Language, Timezone: p.Timezone, Version: p.Version,
	}
	if q := p.Quiet; q != nil {
		body.QuietHours = &wire.QuietHours{From: subscriber.Clock(q.From), To: subscriber.Clock(q.To)}
	}
	return body
}

// parsePreferences is what a client gave, as the domain reads it. Errors are Invalid with every problem, of names of channels at
// /channels_off/0.
func parsePreferences(in wire.PreferencesInput) (subscriber.PreferencesInput, error) {
	var f fault.Fields
	p := subscriber.PreferencesInput{Topics: in.Topics, Frequency: string(in.Frequency), PausedUntil: in.PausedUntil,
		Language: in.Language, Timezone: in.Timezone}
	for i, name := range in.ChannelsOff {
		kind := channel.Kind(name)
		if !kind.Personal() {
			f.Add(fmt.Sprintf("/channels_off/%d", i), "unknown_channel", "must be %s or %s", channel.Email, channel.Newsletter)
			continue
		}
		p.ChannelsOff = append(p.ChannelsOff, kind.ID())
	}
	if q := in.QuietHours; q != nil {
		p.QuietFrom, p.QuietTo = q.From, q.To
	}
	_, err := subscriber.Preferences{}.Change(p, time.Now())
	f.Join(err)
	return p, f.Err()
}

func (h preferences) get(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	p, err := h.store.ReadPreferences(c.Request.Context(), uid)
	if err != nil {
		return err
	}
	return shownOnce(c, p.Version, showPreferences(p))
}

func (h preferences) update(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	if err := needMatch(c); err != nil {
		return err
	}
	chosen, err := parsed[wire.PreferencesInput](c, limitSubscriber, parsePreferences)
	if err != nil {
		return err
	}
	p, err := h.store.ChangePreferences(c.Request.Context(), uid, func(before subscriber.Preferences) (subscriber.PreferencesChange, error) {
		if err := ifMatch(c, before.Version); err != nil {
			return subscriber.PreferencesChange{}, err
		}
		return before.Change(chosen, time.Now())
	})
	if err != nil {
		return err
	}
	return found(c, p.Version, showPreferences(p))
}

// confirm mails the link by which a reader says that they want messages.
func (h preferences) confirm(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	if err := h.asker.Ask(c.Request.Context(), uid); err != nil {
		return err
	}
	return gone(c)
}
