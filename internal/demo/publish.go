package demo

import (
	"context"
	"time"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
)

// pollPeriod is how often the progress is looked at.
const pollPeriod = 500 * time.Millisecond

// kinds are the channels of the demo's publication, in the order in which they are shown.
func kinds() []string { return []string{"email", "newsletter", "slack", "discord", "webhook"} }

// publish hands the publication in: every run publishes once.
func publish(ctx context.Context, c *client.Client, m made) (api.Accepted, error) {
	var channels []api.ChannelKind
	for _, kind := range kinds() {
		channels = append(channels, api.ChannelKind(kind))
	}
	return c.Publish(ctx, api.PublicationInput{
		Title: "The Slow Post, spring issue", PublicationType: api.PublicationTypeNewsletter, Channels: channels,
		ContentIDs: m.contents, Audience: api.AudienceInput{All: true},
		TemplateIDs: map[string]string{"email": m.template}, SenderID: m.sender, BrandID: m.brand,
		Data: map[string]any{"issue": 7},
	})
}
