package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Suppression is an entry of the list of addresses that nothing is sent to. Whose it is cannot be told from it.
type Suppression struct {
	ID     string `json:"id"`
	Reason string `json:"reason"` // bounce, complaint, manual
	Source string `json:"source"` // ses, api
	// PublicationID is what the bounce or complaint was about; "" if there was none.
	PublicationID string    `json:"publication_id,omitempty"`
	CreatedAt     time.Time `json:"created_at"`
}

// Suppressions are the oldest entries, at most limit.
func (c *Client) Suppressions(ctx context.Context, limit int) ([]Suppression, error) {
	return first[Suppression](ctx, c, "/suppressions", url.Values{}, limit)
}

type address struct {
	Email string `json:"email"`
}

// LookupSuppression is the entry of an address, alone in a list, or none.
func (c *Client) LookupSuppression(ctx context.Context, email string) ([]Suppression, error) {
	var p page[Suppression]
	err := c.Call(ctx, http.MethodPost, "/suppressions/lookup", address{email}, &p)
	return p.Items, err
}

// Suppress puts an address on the list and returns its entry. It may be repeated: an entry that is there stays as it is.
func (c *Client) Suppress(ctx context.Context, email string) (Suppression, error) {
	var s Suppression
	err := c.Call(ctx, http.MethodPost, "/suppressions", address{email}, &s)
	return s, err
}

// Unsuppress takes an entry off the list: its address is sent to again.
func (c *Client) Unsuppress(ctx context.Context, id string) error {
	return c.Call(ctx, http.MethodDelete, "/suppressions/"+url.PathEscape(id), nil, nil)
}
