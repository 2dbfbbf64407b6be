package httpapi

import (
	"context"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/auth"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/tally"
)

// APIKeyStore keeps API keys.
type APIKeyStore interface {
	TotalKeys(ctx context.Context) (tally.Total, error)
	CreateKey(ctx context.Context, k auth.Key, prefix string, hash auth.Hash) (auth.Key, error)
	Key(ctx context.Context, uid ident.UID) (auth.Key, error)
	ListKeys(ctx context.Context, after int64, limit int) ([]auth.Key, error)
	UpdateKey(ctx context.Context, uid ident.UID, change func(auth.Key) (auth.Key, error)) (auth.Key, error)
	RotateKey(ctx context.Context, uid ident.UID, overlap time.Duration, prefix string, hash auth.Hash, check func(auth.Key) error) (auth.Key, error)
	RevokeKey(ctx context.Context, uid ident.UID, check func(auth.Key) error) error
}

type apiKeys struct {
	store APIKeyStore
	now   func() time.Time
}

// registerAPIKeys has the keys of the API. A key's text is in two answers only, those to its making and to its rotation.
func registerAPIKeys(r gin.IRouter, d Deps) {
	h := apiKeys{d.APIKeys, time.Now}
	r.GET("/api-keys", handle(h.list))
	r.POST("/api-keys", handle(h.create))
	r.GET("/api-keys/:id", handle(h.get))
	r.PUT("/api-keys/:id", handle(h.update))
	r.POST("/api-keys/:id/rotate", handle(h.rotate))
	r.DELETE("/api-keys/:id", handle(h.revoke))
}

func showAPIKey(k auth.Key) wire.APIKey {
	body := wire.APIKey{
		ID: k.UID, Name: k.Name, Role: wire.Role(k.Role), RatePerHour: k.RatePerHour, ExpiresAt: utc(k.ExpiresAt), Version: k.Version,
		CreatedBy: k.CreatedBy, CreatedAt: k.CreatedAt.UTC(), UpdatedAt: k.UpdatedAt.UTC(), LastUsedAt: utc(k.LastUsedAt),
		RevokedAt: utc(k.RevokedAt), Secrets: []wire.APIKeySecret{},
	}
	if k.Scopes != nil {
		body.Scopes = make([]string, 0, len(k.Scopes))
		for _, p := range k.Scopes {
			body.Scopes = append(body.Scopes, p.String())
		}
	}
	if k.RevokedAt == nil {
		for _, s := range k.Secrets {
			body.Secrets = append(body.Secrets, wire.APIKeySecret{Prefix: s.Prefix, CreatedAt: s.CreatedAt.UTC(), ExpiresAt: utc(s.ExpiresAt)})
		}
	}
	return body
}

// showMade is a key with the text of its new secret, which is shown this once.
func showMade(k auth.Key, text string) wire.APIKeyMade {
	b := showAPIKey(k)
	return wire.APIKeyMade{
		ID: b.ID, Name: b.Name, Role: b.Role, Scopes: b.Scopes, RatePerHour: b.RatePerHour, ExpiresAt: b.ExpiresAt, Version: b.Version,
		CreatedBy: b.CreatedBy, CreatedAt: b.CreatedAt, UpdatedAt: b.UpdatedAt, LastUsedAt: b.LastUsedAt, RevokedAt: b.RevokedAt,
		Secrets: b.Secrets, Key: text,
	}
}

// readAPIKey reads and checks a body, and that the caller may hand such a key out.
func (h apiKeys) readAPIKey(c *gin.Context) (auth.Key, error) {
	k, err := parsed[wire.APIKeyInput](c, limitOther, h.keyOf)
	if err != nil {
		return k, err
	}
	return k, mayGrant(c, k)
}

func (h apiKeys) keyOf(in wire.APIKeyInput) (auth.Key, error) {
	return auth.NewKey(in.Name, string(in.Role), in.Scopes, in.ExpiresAt, in.RatePerHour, h.now())
}

func mayGrant(c *gin.Context, k auth.Key) error {
	p, _ := auth.From(c.Request.Context())
	err := auth.MayGrant(p, k)
	if err != nil {
		c.Header("WWW-Authenticate", challenge+`, error="insufficient_scope"`)
	}
	return err
}

func (h apiKeys) list(c *gin.Context) error {
	p, err := readPage(c, "api-keys")
	if err != nil {
		return err
	}
	rows, err := h.store.ListKeys(c.Request.Context(), p.After, p.Limit+1)
	if err != nil {
		return err
	}
	if err := p.count(c, h.store.TotalKeys); err != nil {
		return err
	}
	return answerPage(c, "api-keys", p, rows, func(k auth.Key) int64 { return k.ID }, showAPIKey)
}

func (h apiKeys) create(c *gin.Context) error {
	k, err := h.readAPIKey(c)
	if err != nil {
		return err
	}
	p, _ := auth.From(c.Request.Context())
	k.CreatedBy = p.ID
	text, prefix, hash := auth.NewSecret()
	if k, err = h.store.CreateKey(c.Request.Context(), k, prefix, hash); err != nil {
		return err
	}
	return created(c, k.UID, k.Version, showMade(k, text))
}

func (h apiKeys) get(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	k, err := h.store.Key(c.Request.Context(), uid)
	if err != nil {
		return err
	}
	return found(c, k.Version, showAPIKey(k))
}

// update replaces what a key is; its secrets stay. Neither before nor after may it do more than who changes it.
func (h apiKeys) update(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	if err := needMatch(c); err != nil {
		return err
	}
	wanted, err := h.readAPIKey(c)
	if err != nil {
		return err
	}
	k, err := h.store.UpdateKey(c.Request.Context(), uid, func(before auth.Key) (auth.Key, error) {
		if err := ifMatch(c, before.Version); err != nil {
			return before, err
		}
		return wanted, mayGrant(c, before)
	})
	if err != nil {
		return err
	}
	return found(c, k.Version, showAPIKey(k))
}

func keyOverlap(in wire.RotateInput) (time.Duration, error) {
	var f fault.Fields
	overlap := readOverlap(&f, in.OverlapSeconds, auth.DefaultOverlap, auth.MaxOverlap)
	return overlap, f.Err()
}

// readOverlap is for how long secrets before a new one hold.
func readOverlap(f *fault.Fields, seconds *int, usual, most time.Duration) time.Duration {
	if seconds == nil {
		return usual
	}
	if most := int(most / time.Second); *seconds < 0 || *seconds > most {
		f.Add("/overlap_seconds", "range", "must be from 0 to %d", most)
	}
	return time.Duration(*seconds) * time.Second
}

// rotate makes a new secret; those before it end after overlap_seconds, a day unless told otherwise.
func (h apiKeys) rotate(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	overlap, err := parsed[wire.RotateInput](c, limitOther, keyOverlap)
	if err != nil {
		return err
	}
	text, prefix, hash := auth.NewSecret()
	k, err := h.store.RotateKey(c.Request.Context(), uid, overlap, prefix, hash, func(before auth.Key) error {
		if err := ifMatch(c, before.Version); err != nil {
			return err
		}
		return mayGrant(c, before)
	})
	if err != nil {
		return err
	}
	return found(c, k.Version, showMade(k, text))
}

// revoke ends a key for good. It may be repeated.
func (h apiKeys) revoke(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	err = h.store.RevokeKey(c.Request.Context(), uid, func(before auth.Key) error {
		if err := ifMatch(c, before.Version); err != nil {
			return err
		}
		return mayGrant(c, before)
	})
	if err != nil {
		return err
	}
	return gone(c)
}
