package discord

import (
	"context"
	"net/http"
	"net/url"

	"github.com/presswork/presswork/internal/provider/attempt"
)

// hook posts through a channel's webhook.
type hook struct{ sender }

// Verify asks Discord for the webhook, which its token allows.
// https://docs.discord.com/developers/resources/webhook#get-webhook-with-token
func (h *hook) Verify(ctx context.Context) error {
	where, err := url.Parse(h.endpoint)
	if err != nil {
		return attempt.Cause(err)
	}
	query := where.Query()
	query.Del("wait")
	where.RawQuery = query.Encode()
	if _, err := h.request(ctx, http.MethodGet, where.String(), nil); err != nil {
		return attempt.Cause(err)
	}
	return nil
}
