package httpapi

import (
	"context"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/tally"
)

// ChannelStore keeps channels, their secrets sealed.
type ChannelStore interface {
	TotalChannels(ctx context.Context) (tally.Total, error)
	CreateChannel(ctx context.Context, c channel.Channel) (channel.Channel, error)
	Channel(ctx context.Context, uid ident.UID) (channel.Channel, error)
	UpdateChannel(ctx context.Context, uid ident.UID, change func(channel.Channel) (channel.Channel, error)) (channel.Channel, error)
	DeleteChannel(ctx context.Context, uid ident.UID, check func(version int) error) error
	ListChannels(ctx context.Context, after int64, limit int) ([]channel.Channel, error)
	// Prove is the keyed hash of a proof, and Proves reports whether one is.
	Prove(proof []byte) []byte
	Proves(verified, proof []byte) bool
	// NoteVerification keeps what a verification of a version came to; proof is of what is known to work now, nil: nothing.
	NoteVerification(ctx context.Context, uid ident.UID, version int, works bool, proof []byte) error
}

// placeholderProvider records instead of sending; production has no use for it.
const placeholderProvider = "placeholder"

// CircuitReader knows the circuit breakers of channels.
type CircuitReader interface {
	// Circuit is the one of a version of the channel with this internal id.
	Circuit(ctx context.Context, id int64, version int) (channel.Circuit, error)
}

type channels struct {
	store      ChannelStore
	circuits   CircuitReader // nil: nothing is known of them
	registry   *channel.Registry
	senders    SenderStore // nil: nothing is known of them
	production bool
}

func registerChannels(r gin.IRouter, d Deps) {
	h := channels{d.Channels, d.Circuits, d.Registry, d.Senders, d.Production}
	r.GET("/channels", handle(h.list))
	r.POST("/channels", handle(h.create))
	r.GET("/channels/:id", handle(h.get))
	r.PUT("/channels/:id", handle(h.update))
	r.POST("/channels/:id/verify", handle(h.verify))
	r.POST("/channels/:id/enable", handle(h.enable))
	r.POST("/channels/:id/disable", handle(h.disable))
	r.DELETE("/channels/:id", handle(h.delete))
}

// over puts what a client gave over a channel. Left out, secrets and enabled stay as they are; given secrets replace all.
func over(c channel.Channel, in wire.ChannelInput) channel.Channel {
	c.Kind, c.Provider, c.Name, c.Settings = channel.Kind(in.Kind), in.Provider, in.Name, in.Settings
	if in.Enabled != nil {
		c.Enabled = *in.Enabled
	}
	if in.Secrets != nil {
		c.Secrets, c.Unreadable = in.Secrets, false
	}
	return c
}

// breaker is zero, and thus left out, if it cannot be read just now: the channel can be shown all the same.
func (h channels) breaker(ctx context.Context, of channel.Channel) wire.Breaker {
	if h.circuits == nil {
		return wire.Breaker{}
	}
	circuit, err := h.circuits.Circuit(ctx, of.ID, of.Version)
	if err != nil {
		return wire.Breaker{}
	}
	return wire.Breaker{State: wire.BreakerState(circuit.State), Failures: circuit.Failures, ReopensAt: moment(circuit.Reopens)}
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

// show has the names of the secrets that are set, and never their values.
func (h channels) show(c channel.Channel) wire.Channel {
	settings := c.Settings
	if settings == nil {
		settings = map[string]string{}
	}
	body := wire.Channel{
		ID: c.UID, Kind: wire.ChannelKind(c.Kind), Provider: c.Provider, Name: c.Name, Enabled: c.Enabled,
		Settings: settings, SecretNames: sortedKeys(c.Secrets), SecretsUnreadable: c.Unreadable, Version: c.Version,
		FailingSince: moment(c.FailingSince),
	}
	if h.proven(c) {
		body.VerifiedAt = moment(c.VerifiedAt)
	}
	if !c.Enabled {
		body.DisabledReason, body.DisabledAt = wire.ChannelDisabledReason(c.DisabledReason), moment(c.DisabledAt)
	}
	return body
}

// moment is a time as it is shown; the zero one stays zero, which is left out.
func moment(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

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
	if err := p.count(c, h.store.TotalChannels); err != nil {
		return err
	}
	return answerPage(c, "channels", p, rows, func(c channel.Channel) int64 { return c.ID }, h.show)
}

func (h channels) create(c *gin.Context) error {
	in, err := decode[wire.ChannelInput](c, limitOther, func(in wire.ChannelInput) error {
		return h.registry.Check(over(channel.Channel{}, in))
	})
	if err != nil {
		return err
	}
	made := over(channel.Channel{Enabled: true}, in)
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
	if made, err = h.prove(c.Request.Context(), made); err != nil {
		return err
	}
	if made, err = h.store.CreateChannel(c.Request.Context(), made); err != nil {
		return err
	}
	return created(c, made.UID, made.Version, h.show(made))
}

func (h channels) get(c *gin.Context) error {
	one, err := h.stored(c)
	if err != nil {
		return err
	}
	body := h.show(one)
	body.Breaker = h.breaker(c.Request.Context(), one)
	return found(c, one.Version, body)
}

// stored is the channel that the path names.
func (h channels) stored(c *gin.Context) (channel.Channel, error) {
	uid, err := pathID(c)
	if err != nil {
		return channel.Channel{}, err
	}
	return h.store.Channel(c.Request.Context(), uid)
}

func (h channels) update(c *gin.Context) error {
	if err := needMatch(c); err != nil {
		return err
	}
	in, err := decode[wire.ChannelInput](c, limitOther, func(in wire.ChannelInput) error {
		before, err := h.stored(c)
		if err != nil {
			return err
		}
		return h.registry.Check(over(before, in))
	})
	if err != nil {
		return err
	}
	others, err := h.candidates(c.Request.Context(), over(channel.Channel{}, in))
	if err != nil {
		return err
	}
	return h.change(c, func(before channel.Channel) (channel.Channel, error) {
		after := over(before, in)
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
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	return h.put(c, uid, func(before channel.Channel) (channel.Channel, error) {
		before.Enabled = false
		return before, nil
	})
}

// change stores what next makes of the channel, once it is known to work if it is to be used, and answers with it. Whether it
// does is asked before the transaction begins: a change that comes between is a conflict.
func (h channels) change(c *gin.Context, next func(channel.Channel) (channel.Channel, error)) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	read, err := h.store.Channel(c.Request.Context(), uid)
	if err != nil {
		return err
	}
	if err := ifMatch(c, read.Version); err != nil {
		return err
	}
	after, err := next(read)
	if err != nil {
		return err
	}
	if after, err = h.prove(c.Request.Context(), after); err != nil {
		return err
	}
	return h.put(c, uid, func(before channel.Channel) (channel.Channel, error) {
		if before.Version != read.Version {
			return before, fault.New(fault.Conflict, "changed_meanwhile", "The channel was changed while it was verified.")
		}
		return after, nil
	})
}

// put stores what next makes of the channel and answers with it.
func (h channels) put(c *gin.Context, uid ident.UID, next func(channel.Channel) (channel.Channel, error)) error {
	changed, err := h.store.UpdateChannel(c.Request.Context(), uid, func(before channel.Channel) (channel.Channel, error) {
		if err := ifMatch(c, before.Version); err != nil {
			return before, err
		}
		return next(before)
	})
	if err != nil {
		return err
	}
	return found(c, changed.Version, h.show(changed))
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
