// Package discord posts publications to Discord with embeds: as a bot, or through a channel's webhook.
package discord

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/bwmarrin/discordgo"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/credential"
	"github.com/presswork/presswork/internal/provider/attempt"
)

// The providers' names in a channel.
const (
	Name        = "discord"
	WebhookName = "discord-webhook"
)

// Options of both providers.
type Options struct {
	// Network says which addresses may be called; the zero value allows public ones only.
	Network attempt.Network
}

// pace is what Discord takes of one channel or webhook, as its answers' X-RateLimit headers have it: five messages in five
// seconds. Where those say otherwise, they win (see sender). https://discord.com/developers/docs/topics/rate-limits
func pace() channel.Rate { return channel.Rate{PerSecond: 1, Burst: 5} }

// Provider posts as a bot with the secret bot_token to the setting channel_id.
func Provider(o Options) channel.Provider {
	return channel.Provider{
		Name:  Name,
		Kinds: []channel.Kind{channel.Discord},
		Rate:  pace(),
		Settings: []channel.Setting{
			{Name: "bot_token", Secret: true, Required: true, Env: "DISCORD_BOT_TOKEN", Real: realToken, Doc: "The bot's token, without \"Bot\" before it."},
			{Name: "channel_id", Required: true, Doc: "The channel's id; the bot needs Send Messages and Embed Links there."},
			{Name: "api_url", URL: true, Doc: "Where Discord's API is; https://discord.com/api/v9/ if not given."},
		},
		Open: func(_ context.Context, c channel.Channel) (channel.Sender, error) { return openBot(o, c) },
	}
}

// WebhookProvider posts through a channel's webhook, whose address is the secret hook_url.
func WebhookProvider(o Options) channel.Provider {
	return channel.Provider{
		Name:  WebhookName,
		Kinds: []channel.Kind{channel.Discord},
		Rate:  pace(),
		Settings: []channel.Setting{
			{Name: "hook_url", Secret: true, Required: true, URL: true, Real: credential.CheckURL, Doc: "The webhook's address (https://discord.com/api/webhooks/…)."},
		},
		Open: func(_ context.Context, c channel.Channel) (channel.Sender, error) { return openHook(o, c) },
	}
}

// realToken says why a value cannot be a bot's token: the bot's id, a time and a signature, with dots between them.
// https://docs.discord.com/developers/reference#authentication
func realToken(value string) error {
	if err := credential.Check(value, leastToken); err != nil {
		return err
	}
	if strings.Count(value, ".") != 2 {
		return errors.New("is no bot's token, which has three parts with dots between them")
	}
	return nil
}

// leastToken is less than the shortest that Discord has given out.
const leastToken = 50

func openBot(o Options, c channel.Channel) (*bot, error) {
	token, id := c.Secrets["bot_token"], c.Settings["channel_id"]
	if token == "" || id == "" {
		return nil, errors.New("discord needs a bot_token and a channel_id")
	}
	api := c.Settings["api_url"]
	if api == "" {
		api = discordgo.EndpointAPI
	}
	api = strings.TrimSuffix(api, "/")
	client := o.Network.Client()
	session, err := newSession("Bot "+strings.TrimPrefix(token, "Bot "), client)
	if err != nil {
		return nil, err
	}
	return &bot{
		sender: sender{session: session, endpoint: api + "/channels/" + url.PathEscape(id) + "/messages", enforceNonce: true},
		me:     api + "/users/@me",
	}, nil
}

func openHook(o Options, c channel.Channel) (*hook, error) {
	endpoint, err := url.Parse(c.Secrets["hook_url"])
	if err != nil || endpoint.Host == "" {
		return nil, errors.New("discord-webhook needs a hook_url")
	}
	// With wait=true the answer is the stored message; without it, 204 before Discord has looked.
	query := endpoint.Query()
	query.Set("wait", "true")
	endpoint.RawQuery = query.Encode()
	session, err := newSession("", o.Network.Client())
	if err != nil {
		return nil, err
	}
	return &hook{sender{session: session, endpoint: endpoint.String(), hook: true}}, nil
}

// newSession makes a session that is used for requests only. It never repeats one and never waits.
func newSession(token string, client *http.Client) (*discordgo.Session, error) {
	session, err := discordgo.New(token)
	if err != nil {
		return nil, fmt.Errorf("discord session: %w", attempt.Cause(err))
	}
	session.Client = client
	session.ShouldRetryOnRateLimit = false
	session.MaxRestRetries = 0
	session.StateEnabled = false
	return session, nil
}

// bot is a sender whose token can be proved.
type bot struct {
	sender
	me string
}

// Verify proves the token by asking who it belongs to.
func (b *bot) Verify(ctx context.Context) error {
	if _, err := b.request(ctx, http.MethodGet, b.me, nil); err != nil {
		return attempt.Cause(err)
	}
	return nil
}
