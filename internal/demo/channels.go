package demo

import (
	"context"
	"net/http"

	"github.com/presswork/presswork/client"
)

// channelInput is a channel as the API takes it.
type channelInput struct {
	Kind     string            `json:"kind"`
	Provider string            `json:"provider"`
	Name     string            `json:"name"`
	Enabled  bool              `json:"enabled"`
	Settings map[string]string `json:"settings"`
	Secrets  map[string]string `json:"secrets"`
}

// outlets are the demo's channels: every provider, and two places of each kind that has places. The
// credentials are made up; the sandbox takes any.
func outlets(s Sandbox) []channelInput {
	type values = map[string]string
	ses := values{"region": "eu-central-1", "endpoint": s.SESEndpoint()}
	access := values{"access_key_id": "demo-access-key-of-nobody", "secret_access_key": "made-up"}
	token := values{"bot_token": "made-up"}
	list := []channelInput{
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
		list = append(list, channelInput{
			Kind: "webhook", Provider: "webhook", Name: "demo-webhook-" + name,
			Settings: values{"url": s.WebhookURL(name)}, Secrets: values{"signing_secrets": s.WebhookSecret(name)},
		})
	}
	for i := range list {
		list[i].Enabled = true
		if list[i].Settings == nil {
			list[i].Settings = values{}
		}
	}
	return list
}

// connect makes the channels, or points those that are there at this sandbox, whose addresses change from
// run to run. It returns how many channels of each kind are switched on, others' included.
func connect(ctx context.Context, c *client.Client, s Sandbox) (map[string]int64, error) {
	there, err := client.List[named](ctx, c, "/channels", nil)
	if err != nil {
		return nil, err
	}
	ours := map[string]bool{}
	targets := map[string]int64{}
	for _, outlet := range outlets(s) {
		method, path := http.MethodPost, "/channels"
		if id, ok := find(there, outlet.Name); ok {
			method, path = http.MethodPut, "/channels/"+id
		}
		if err := c.Call(ctx, method, path, outlet, nil); err != nil {
			return nil, err
		}
		ours[outlet.Name] = true
		targets[outlet.Kind]++
	}
	for _, other := range there {
		if other.Enabled && !ours[other.Name] {
			targets[other.Kind]++
		}
	}
	return targets, nil
}
