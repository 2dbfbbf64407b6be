package slack

import (
	"context"
	"net/http"

	"github.com/slack-go/slack"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/provider/attempt"
)

// hook sends through an incoming webhook. Those take no metadata: only the header X-Presswork-Delivery
// names the delivery, and Slack forgets it.
type hook struct {
	url    string
	client *http.Client
}

// Send posts m.Post. Incoming webhooks tell errors by the status alone.
func (h *hook) Send(ctx context.Context, m *channel.Message) error {
	if m.Post == nil {
		return errEmpty()
	}
	ctx, a := attempt.Start(ctx, m.ID)
	unfurl := false
	err := slack.PostWebhookCustomHTTPContext(ctx, h.url, h.client, &slack.WebhookMessage{
		Text:        fallback(m.Post),
		Blocks:      &slack.Blocks{BlockSet: blocks(m.Post)},
		UnfurlLinks: &unfurl,
		UnfurlMedia: &unfurl,
	})
	switch {
	case err == nil:
		return nil
	case a.Status() == http.StatusNotFound || a.Status() == http.StatusGone:
		// no_service, channel_not_found, channel_is_archived: the hook leads nowhere any more.
		return fault.New(fault.GiveUp, channel.CodeGone, "Slack knows no such hook any more, or its channel is closed.")
	}
	return classify(a, err)
}

// Close lets go of connections.
func (h *hook) Close() error {
	h.client.CloseIdleConnections()
	return nil
}
