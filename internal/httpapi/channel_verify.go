package httpapi

import (
	"context"
	"errors"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
)

// proven reports whether the channel, as it is set up, was found to work before.
func (h channels) proven(c channel.Channel) bool {
	return len(c.Verified) > 0 && h.store.Proves(c.Verified, h.registry.Proof(c))
}

// prove is nil if the channel may be used: it is switched off, it was found to work before as it is now, or it is found to
// work now, and the channel knows that. Once it was, it can be switched off and on again while its provider is down.
func (h channels) prove(ctx context.Context, c channel.Channel) (channel.Channel, error) {
	if !c.Enabled || h.proven(c) {
		return c, nil
	}
	if err := h.works(ctx, c); err != nil {
		return c, err
	}
	if !h.registry.Placeholder(c) {
		c.Verified, c.VerifiedAt = h.store.Prove(h.registry.Proof(c)), time.Now()
	}
	return c, nil
}

// works asks the provider.
func (h channels) works(ctx context.Context, c channel.Channel) error {
	from, err := h.from(ctx, c)
	if err != nil {
		return err
	}
	return h.registry.Verify(ctx, c, from)
}

// from is the address that mail comes from unless a publication says otherwise, empty if there is none yet.
func (h channels) from(ctx context.Context, c channel.Channel) (string, error) {
	if h.senders == nil || !c.Kind.Personal() {
		return "", nil
	}
	list, err := h.senders.ListSenders(ctx, 0, maxLimit)
	if err != nil {
		return "", err
	}
	for _, one := range list {
		if one.Default {
			return one.FromEmail, nil
		}
	}
	return "", nil
}

// verify asks the provider whether the channel works, enabled or not, and keeps what it found out. It switches nothing.
func (h channels) verify(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	one, err := h.store.Channel(ctx, uid)
	if err != nil {
		return err
	}
	body, began := wire.Verification{Placeholder: h.registry.Placeholder(one)}, time.Now()
	err = h.works(ctx, one)
	body.TookMs = int(time.Since(began).Milliseconds())
	var wrong *fault.Error
	switch {
	case err == nil:
		body.Verified = true
	case errors.As(err, &wrong) && wrong.Code == channel.CodeUnverified:
		body.Detail = wrong.Detail
	default:
		return err
	}
	var proof []byte
	if body.Verified && !body.Placeholder {
		proof = h.registry.Proof(one)
	}
	if err := h.store.NoteVerification(ctx, uid, one.Version, body.Verified, proof); err != nil {
		return err
	}
	return found(c, 0, body)
}
