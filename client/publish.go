package client

import (
	"context"

	"github.com/presswork/presswork/client/api"
)

// Publish hands in a publication. Once it returns without an error, the publication is stored, and will be sent unless it
// is a draft, or waits for approval. It is repeated safely: every call has an Idempotency-Key.
func (c *Client) Publish(ctx context.Context, p api.PublicationInput, options ...api.Option) (api.Accepted, error) {
	answer, err := c.CreatePublication(ctx, api.CreatePublicationParams{}, p, options...)
	if err != nil || answer.Accepted == nil {
		return api.Accepted{}, err
	}
	return *answer.Accepted, nil
}

// DryRun says what Publish would do, and stores nothing: it needs no key.
func (c *Client) DryRun(ctx context.Context, p api.PublicationInput, options ...api.Option) (api.Forecast, error) {
	options = append(options, func(r *api.Request) { r.Keyed = false })
	answer, err := c.CreatePublication(ctx, api.CreatePublicationParams{DryRun: "true"}, p, options...)
	if err != nil || answer.Forecast == nil {
		return api.Forecast{}, err
	}
	return *answer.Forecast, nil
}
