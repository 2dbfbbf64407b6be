package demo

import (
	"context"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
)

// outlets are the demo's channels: every provider, and two places of each kind that has places. The
// credentials are made up; the sandbox takes any.
func outlets(s Sandbox) []api.ChannelInput {
	type values = map[string]string
	ses := values{"region": "eu-central-1", "endpoint": s.SESEndpoint()}
	access := values{"access_key_id": "demo-access-key-of-nobody", "secret_access_key": "made-up"}
	token := values{"bot_token": "made-up"}
	list := []api.ChannelInput{
		{Kind: "email", Provider: "ses", Name: "demo-email", Settings: ses, Secrets: access},
		{Kind: "newsletter", Provider: "ses", Name: "demo-newsletter", Settings: ses, Secrets: access},
		{
			Kind: "slack", Provider: "slack", Name: "demo-slack-bot", Secrets: token,
			Settings: values{"conversation": "C0DEMO", "api_url": s.SlackAPIURL()},
		},
		{Kind: "slack", Provider: "slack-webhook", Name: "demo-slack-hook", Secrets: values{"hook_url": s.SlackHookURL("newsroom")}},
		{
			Kind: "discord", Provider: "discord", Name: "demo-discord-bot", Secrets: token,
			Settings: values{"channel_id": "100000000000000042", "api_url": s.DiscordAPIURL()},
		},
		{Kind: "discord", Provider: "discord-webhook", Name: "demo-discord-hook", Secrets: values{"hook_url": s.DiscordHookURL("readers")}},
	}
	for _, name := range []string{"archive", "search"} {
		list = append(list, api.ChannelInput{
			Kind: "webhook", Provider: "webhook", Name: "demo-webhook-" + name,
			Settings: values{"url": s.WebhookURL(name)}, Secrets: values{"signing_secrets": s.WebhookSecret(name)},
		})
	}
	for i := range list {
		list[i].Enabled = new(true)
		if list[i].Settings == nil {
			list[i].Settings = values{}
		}
	}
	return list
}

// connect makes the channels, or points those that are there at this sandbox, whose addresses change from
// run to run. It returns how many channels of each kind are switched on, others' included.
func connect(ctx context.Context, c *client.Client, s Sandbox) (map[string]int64, error) {
	there := map[string]api.Channel{}
	for one, err := range c.Channels(ctx, api.ListChannelsParams{}) {
		if err != nil {
			return nil, err
		}
		there[one.Name] = one
	}
	targets := map[string]int64{}
	for _, outlet := range outlets(s) {
		var err error
		if one, ok := there[outlet.Name]; ok {
			_, err = c.UpdateChannel(ctx, one.ID, outlet, client.IfVersion(0))
		} else {
			_, err = c.CreateChannel(ctx, outlet)
		}
		if err != nil {
			return nil, err
		}
		delete(there, outlet.Name)
		targets[string(outlet.Kind)]++
	}
	for _, other := range there {
		if other.Enabled {
			targets[string(other.Kind)]++
		}
	}
	return targets, nil
}
