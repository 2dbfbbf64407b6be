package httpapi

import (
	"context"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/auth"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

// APIKeyStore keeps API keys.
type APIKeyStore interface {
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

type apiKeyInput struct {
	Name string `json:"name"`
	Role string `json:"role"`
	// Scopes narrow the role; null or absent: they do not.
	Scopes      *[]string  `json:"scopes"`
	ExpiresAt   *time.Time `json:"expires_at"`
	RatePerHour int        `json:"rate_per_hour"`
}

type apiKeySecretBody struct {
	Prefix    string     `json:"prefix"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at"`
}

type apiKeyBody struct {
	ID          ident.UID          `json:"id"`
	Name        string             `json:"name"`
	Role        string             `json:"role"`
	Scopes      *[]string          `json:"scopes"`
	RatePerHour int                `json:"rate_per_hour"`
	ExpiresAt   *time.Time         `json:"expires_at"`
	Version     int                `json:"version"`
	CreatedBy   string             `json:"created_by"`
	CreatedAt   time.Time          `json:"created_at"`
	UpdatedAt   time.Time          `json:"updated_at"`
	LastUsedAt  *time.Time         `json:"last_used_at"`
	RevokedAt   *time.Time         `json:"revoked_at"`
	Secrets     []apiKeySecretBody `json:"secrets"`
	// Key is the text of a key that was just made.
	Key string `json:"key,omitempty"`
}

func showAPIKey(k auth.Key) apiKeyBody {
	body := apiKeyBody{
		ID: k.UID, Name: k.Name, Role: string(k.Role), RatePerHour: k.RatePerHour, ExpiresAt: utc(k.ExpiresAt), Version: k.Version,
		CreatedBy: k.CreatedBy, CreatedAt: k.CreatedAt.UTC(), UpdatedAt: k.UpdatedAt.UTC(), LastUsedAt: utc(k.LastUsedAt),
		RevokedAt: utc(k.RevokedAt), Secrets: []apiKeySecretBody{},
	}
	if k.Scopes != nil {
		texts := make([]string, 0, len(k.Scopes))
		for _, p := range k.Scopes {
			texts = append(texts, p.String())
		}
		body.Scopes = &texts
	}
	if k.RevokedAt == nil {
		for _, s := range k.Secrets {
			body.Secrets = append(body.Secrets, apiKeySecretBody{s.Prefix, s.CreatedAt.UTC(), utc(s.ExpiresAt)})
		}
	}
	return body
}

// readAPIKey reads and checks a body, and that the caller may hand such a key out.
func (h apiKeys) readAPIKey(c *gin.Context) (auth.Key, error) {
	in, err := decode[apiKeyInput](c, limitOther)
	if err != nil {
		return auth.Key{}, err
	}
	var scopes []string
	if in.Scopes != nil {
		scopes = append([]string{}, *in.Scopes...)
	}
	k, err := auth.NewKey(in.Name, in.Role, scopes, in.ExpiresAt, in.RatePerHour, h.now())
	if err != nil {
		return k, err
	}
	return k, mayGrant(c, k)
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
	body := showAPIKey(k)
	body.Key = text
	return created(c, k.UID, k.Version, body)
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

// rotate makes a new secret; those before it end after overlap_seconds, a day unless told otherwise.
func (h apiKeys) rotate(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	in, err := decode[struct {
		OverlapSeconds *int64 `json:"overlap_seconds"`
	}](c, limitOther)
	if err != nil {
		return err
	}
	overlap := auth.DefaultOverlap
	if in.OverlapSeconds != nil {
		var f fault.Fields
		if most := int64(auth.MaxOverlap / time.Second); *in.OverlapSeconds < 0 || *in.OverlapSeconds > most {
			f.Add("/overlap_seconds", "range", "must be from 0 to %d", most)
			return f.Err()
		}
		overlap = time.Duration(*in.OverlapSeconds) * time.Second
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
	body := showAPIKey(k)
	body.Key = text
	return found(c, k.Version, body)
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
