package httpapi

import (
	"context"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

// ChannelStore keeps channels, their secrets sealed.
type ChannelStore interface {
	CreateChannel(ctx context.Context, c channel.Channel) (channel.Channel, error)
	Channel(ctx context.Context, uid ident.UID) (channel.Channel, error)
	UpdateChannel(ctx context.Context, uid ident.UID, change func(channel.Channel) (channel.Channel, error)) (channel.Channel, error)
	DeleteChannel(ctx context.Context, uid ident.UID, check func(version int) error) error
	ListChannels(ctx context.Context, after int64, limit int) ([]channel.Channel, error)
}

// placeholderProvider records instead of sending; production has no use for it.
const placeholderProvider = "placeholder"

// CircuitReader knows the circuit breakers of channels.
type CircuitReader interface {
	// Circuit is the one of the channel with this internal id.
	Circuit(ctx context.Context, id int64) (channel.Circuit, error)
}

type channels struct {
	store      ChannelStore
	circuits   CircuitReader // nil: nothing is known of them
	registry   *channel.Registry
	production bool
}

func registerChannels(r gin.IRouter, d Deps) {
	h := channels{d.Channels, d.Circuits, d.Registry, d.Production}
	r.GET("/channels", handle(h.list))
	r.POST("/channels", handle(h.create))
	r.GET("/channels/:id", handle(h.get))
	r.PUT("/channels/:id", handle(h.update))
	r.POST("/channels/:id/enable", handle(h.enable))
	r.POST("/channels/:id/disable", handle(h.disable))
	r.DELETE("/channels/:id", handle(h.delete))
}

// channelInput describes a channel. Left out of an update, secrets and enabled stay as they are; given
// secrets replace all.
type channelInput struct {
	Kind     string            `json:"kind"`
	Provider string            `json:"provider"`
	Name     string            `json:"name"`
	Enabled  *bool             `json:"enabled"`
	Settings map[string]string `json:"settings"`
	Secrets  map[string]string `json:"secrets"`
}

func (in channelInput) over(c channel.Channel) channel.Channel {
	c.Kind, c.Provider, c.Name, c.Settings = channel.Kind(in.Kind), in.Provider, in.Name, in.Settings
	if in.Enabled != nil {
		c.Enabled = *in.Enabled
	}
	if in.Secrets != nil {
		c.Secrets, c.Unreadable = in.Secrets, false
	}
	return c
}

// channelBody has the names of the secrets that are set, and never their values.
type channelBody struct {
	ID       ident.UID         `json:"id"`
	Kind     channel.Kind      `json:"kind"`
	Provider string            `json:"provider"`
	Name     string            `json:"name"`
	Enabled  bool              `json:"enabled"`
	Settings map[string]string `json:"settings"`
	Secrets  []string          `json:"secret_names"`
	// Unreadable: there are secrets, sealed with a key that is not known any more. They have to be given anew.
	Unreadable bool `json:"secrets_unreadable,omitempty"`
	Version    int  `json:"version"`
	// Breaker is there when one channel is asked for, and its state can be read.
	Breaker *breakerBody `json:"breaker,omitempty"`
}

// breakerBody is a channel's circuit breaker, shared by all workers.
type breakerBody struct {
	State     channel.CircuitState `json:"state"`
	Failures  int                  `json:"failures"`
	ReopensAt *time.Time           `json:"reopens_at,omitempty"`
}

// breaker is nil if it cannot be read just now: the channel can be shown all the same.
func (h channels) breaker(ctx context.Context, id int64) *breakerBody {
	if h.circuits == nil {
		return nil
	}
	circuit, err := h.circuits.Circuit(ctx, id)
	if err != nil {
		return nil
	}
	b := &breakerBody{State: circuit.State, Failures: circuit.Failures}
	if !circuit.Reopens.IsZero() {
		at := circuit.Reopens.Truncate(time.Millisecond)
		b.ReopensAt = &at
	}
	return b
}

// candidates are all channels, if c names a fallback: channel.CheckFallback goes by them. They are read before a
// transaction begins, which would hold one connection and wait for another.
func (h channels) candidates(ctx context.Context, c channel.Channel) ([]channel.Channel, error) {
	if c.Limits().Fallback == "" {
		return nil, nil
	}
	var all []channel.Channel
	for after := int64(0); ; {
		page, err := h.store.ListChannels(ctx, after, maxLimit)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if len(page) < maxLimit {
			return all, nil
		}
		after = page[len(page)-1].ID
	}
}

func showChannel(c channel.Channel) channelBody {
	settings := c.Settings
	if settings == nil {
		settings = map[string]string{}
	}
	return channelBody{
		ID: c.UID, Kind: c.Kind, Provider: c.Provider, Name: c.Name, Enabled: c.Enabled,
		Settings: settings, Secrets: sortedKeys(c.Secrets), Unreadable: c.Unreadable, Version: c.Version,
	}
}

// check is nil if the channel may be stored.
func (h channels) check(c channel.Channel) error {
	if err := h.registry.Check(c); err != nil {
		return err
	}
	if h.production && c.Enabled && c.Provider == placeholderProvider {
		return fault.New(fault.Conflict, "placeholder_channel",
			"In production a channel without a real provider cannot be enabled: nobody would get anything.")
	}
	if missing := h.registry.Missing(c); h.production && c.Enabled && len(missing) > 0 {
		return fault.New(fault.Conflict, "credentials_missing",
			"In production a channel is not switched on without its credentials: "+strings.Join(missing, ", ")+".")
	}
	if refused := h.registry.Refused(c); h.production && c.Enabled && len(refused) > 0 {
		return fault.New(fault.Conflict, "credentials_refused",
			"In production a channel is not switched on with credentials that cannot be real: "+strings.Join(refused, ", ")+".")
	}
	return nil
}

func (h channels) list(c *gin.Context) error {
	p, err := readPage(c, "channels")
	if err != nil {
		return err
	}
	rows, err := h.store.ListChannels(c.Request.Context(), p.After, p.Limit+1)
	if err != nil {
		return err
	}
	return answerPage(c, "channels", p, rows, func(c channel.Channel) int64 { return c.ID }, showChannel)
}

func (h channels) create(c *gin.Context) error {
	in, err := decode[channelInput](c, limitOther)
	if err != nil {
		return err
	}
	made := in.over(channel.Channel{Enabled: true})
	if err := h.check(made); err != nil {
		return err
	}
	others, err := h.candidates(c.Request.Context(), made)
	if err != nil {
		return err
	}
	if err := channel.CheckFallback(made, others); err != nil {
		return err
	}
	if made, err = h.store.CreateChannel(c.Request.Context(), made); err != nil {
		return err
	}
	return created(c, made.UID, made.Version, showChannel(made))
}

func (h channels) get(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	one, err := h.store.Channel(c.Request.Context(), uid)
	if err != nil {
		return err
	}
	body := showChannel(one)
	body.Breaker = h.breaker(c.Request.Context(), one.ID)
	return found(c, one.Version, body)
}

func (h channels) update(c *gin.Context) error {
	in, err := decode[channelInput](c, limitOther)
	if err != nil {
		return err
	}
	others, err := h.candidates(c.Request.Context(), in.over(channel.Channel{}))
	if err != nil {
		return err
	}
	return h.change(c, func(before channel.Channel) (channel.Channel, error) {
		after := in.over(before)
		if err := h.check(after); err != nil {
			return after, err
		}
		return after, channel.CheckFallback(after, others)
	})
}

func (h channels) enable(c *gin.Context) error {
	return h.change(c, func(before channel.Channel) (channel.Channel, error) {
		before.Enabled = true
		return before, h.check(before)
	})
}

// disable asks nothing: whatever is wrong with a channel, it can be switched off.
func (h channels) disable(c *gin.Context) error {
	return h.change(c, func(before channel.Channel) (channel.Channel, error) {
		before.Enabled = false
		return before, nil
	})
}

// change stores what next makes of the channel and answers with it.
func (h channels) change(c *gin.Context, next func(channel.Channel) (channel.Channel, error)) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	changed, err := h.store.UpdateChannel(c.Request.Context(), uid, func(before channel.Channel) (channel.Channel, error) {
		if err := ifMatch(c, before.Version); err != nil {
			return before, err
		}
		return next(before)
	})
	if err != nil {
		return err
	}
	return found(c, changed.Version, showChannel(changed))
}

func (h channels) delete(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	check := func(version int) error { return ifMatch(c, version) }
	if err := h.store.DeleteChannel(c.Request.Context(), uid, check); err != nil {
		return err
	}
	return gone(c)
}
