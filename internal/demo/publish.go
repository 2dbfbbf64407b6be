package demo

import (
	"context"
	"time"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/internal/ident"
)

// pollPeriod is how often the progress is looked at.
const pollPeriod = 500 * time.Millisecond

// kinds are the channels of the demo's publication, in the order in which they are shown.
func kinds() []string { return []string{"email", "newsletter", "slack", "discord", "webhook"} }

// publish hands the publication in. Its key is new: every run publishes once.
func publish(ctx context.Context, c *client.Client, m made) (client.Publication, error) {
	return c.Publish(ctx, client.PublicationRequest{
		Title: "The Slow Post, spring issue", Type: "newsletter", Channels: kinds(),
		ContentIDs: m.contents, Audience: &client.Audience{All: true},
		Templates: map[string]string{"email": m.template}, SenderID: m.sender,
		Data: map[string]any{"issue": 7},
	}, "demo-"+ident.New().String())
}
