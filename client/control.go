package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Pause is something that is paused: all, channel:slack, queue:email-bulk.
type Pause struct {
	Scope string    `json:"scope"`
	By    string    `json:"paused_by"`
	At    time.Time `json:"paused_at"`
}

// Pauses lists what is paused; publications aside, whose state says so.
func (c *Client) Pauses(ctx context.Context) ([]Pause, error) {
	var p page[Pause]
	err := c.Call(ctx, http.MethodGet, "/pauses", nil, &p)
	return p.Items, err
}

// Pause stops the sending of a scope: no call to a provider begins later than a second after it returns. It may be repeated.
func (c *Client) Pause(ctx context.Context, scope string) error {
	return c.Call(ctx, http.MethodPut, "/pauses/"+url.PathEscape(scope), nil, nil)
}

// Resume goes on with a paused scope. It may be repeated.
func (c *Client) Resume(ctx context.Context, scope string) error {
	return c.Call(ctx, http.MethodDelete, "/pauses/"+url.PathEscape(scope), nil, nil)
}

// PausePublication stops one publication, as Pause does; ResumePublication sends exactly the rest; CancelPublication is
// final. All may be repeated.
func (c *Client) PausePublication(ctx context.Context, id string) (Publication, error) {
	return c.control(ctx, id, "pause")
}

// ResumePublication goes on with a paused publication.
func (c *Client) ResumePublication(ctx context.Context, id string) (Publication, error) {
	return c.control(ctx, id, "resume")
}

// CancelPublication ends a publication: who is still owed is skipped.
func (c *Client) CancelPublication(ctx context.Context, id string) (Publication, error) {
	return c.control(ctx, id, "cancel")
}

func (c *Client) control(ctx context.Context, id, verb string) (Publication, error) {
	var p Publication
	err := c.Call(ctx, http.MethodPost, publicationPath(id)+"/"+verb, nil, &p)
	return p, err
}
