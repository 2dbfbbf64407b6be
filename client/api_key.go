package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// APIKey is a key of the API. Its text is not in it.
type APIKey struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Role is admin, publisher, analyst or ops.
	Role string `json:"role"`
	// Scopes narrow the role ("publications:write"); nil: all that it allows.
	Scopes []string `json:"scopes"`
	// RatePerHour is how many requests it has in an hour; 0: as configured.
	RatePerHour int        `json:"rate_per_hour"`
	ExpiresAt   *time.Time `json:"expires_at"`
	Version     int        `json:"version"`
	// CreatedBy is the principal that made it: "key:admin", or "key:" and the id of another.
	CreatedBy  string     `json:"created_by"`
	CreatedAt  time.Time  `json:"created_at"`
	UpdatedAt  time.Time  `json:"updated_at"`
	LastUsedAt *time.Time `json:"last_used_at"`
	RevokedAt  *time.Time `json:"revoked_at"`
	// Secrets are what opens it: two or more while it is rotated, none once it was revoked.
	Secrets []APIKeySecret `json:"secrets"`
	// Key is the text. It is there in what CreateAPIKey and RotateAPIKey return, and never again.
	Key string `json:"key,omitempty"`
}

// APIKeySecret is a text of a key, by its public part.
type APIKeySecret struct {
	Prefix    string     `json:"prefix"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at"` // nil: with the key
}

// NewAPIKey is what a key is to be.
type NewAPIKey struct {
	Name        string     `json:"name"`
	Role        string     `json:"role"`
	Scopes      []string   `json:"scopes"` // nil: all that the role allows; empty: nothing
	ExpiresAt   *time.Time `json:"expires_at,omitempty"`
	RatePerHour int        `json:"rate_per_hour,omitempty"`
}

// CreateAPIKey makes a key. Its Key is not to be had again.
func (c *Client) CreateAPIKey(ctx context.Context, k NewAPIKey) (APIKey, error) {
	var made APIKey
	err := c.Call(ctx, http.MethodPost, "/api-keys", k, &made)
	return made, err
}

// APIKeys are the oldest keys, at most limit, revoked ones too.
func (c *Client) APIKeys(ctx context.Context, limit int) ([]APIKey, error) {
	return first[APIKey](ctx, c, "/api-keys", url.Values{}, limit)
}

// UpdateAPIKey replaces what a key is; its texts stay. It takes effect within a second. version is the one that is to be
// replaced; 0: whichever it is.
func (c *Client) UpdateAPIKey(ctx context.Context, id string, version int, k NewAPIKey) (APIKey, error) {
	var now APIKey
	err := c.Call(ctx, http.MethodPut, "/api-keys/"+url.PathEscape(id), k, &now, ifMatch(version)...)
	return now, err
}

// RotateAPIKey gives a key a new text; those before it go on for overlap, in whole seconds, 30 days at most.
func (c *Client) RotateAPIKey(ctx context.Context, id string, overlap time.Duration) (APIKey, error) {
	var now APIKey
	err := c.Call(ctx, http.MethodPost, "/api-keys/"+url.PathEscape(id)+"/rotate", map[string]int64{"overlap_seconds": int64(overlap / time.Second)}, &now)
	return now, err
}

// RevokeAPIKey ends a key for good: within a second nothing opens with it. It may be repeated.
func (c *Client) RevokeAPIKey(ctx context.Context, id string) error {
	return c.Call(ctx, http.MethodDelete, "/api-keys/"+url.PathEscape(id), nil, nil)
}

// ifMatch is the header of a change that is meant for one version; 0: for any.
func ifMatch(version int) []string {
	if version == 0 {
		return nil
	}
	return []string{"If-Match", `"` + strconv.Itoa(version) + `"`}
}
