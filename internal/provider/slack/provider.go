// Package slack posts publications to Slack with Block Kit: as a bot through chat.postMessage, or through
// an incoming webhook.
package slack

import (
	"context"
	"errors"
	"strings"

	"github.com/slack-go/slack"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/credential"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/provider/attempt"
)

// The providers' names in a channel.
const (
	Name        = "slack"
	WebhookName = "slack-webhook"
)

// Options of both providers.
type Options struct {
	// Network says which addresses may be called; the zero value allows public ones only.
	Network attempt.Network
}

// pace is what Slack takes of one conversation, and of one incoming webhook: a message a second, and a few more at once
// now and then. https://docs.slack.dev/apis/web-api/rate-limits
func pace() channel.Rate { return channel.Rate{PerSecond: 1, Burst: 3} }

// Provider posts as a bot with the secret bot_token to the setting conversation.
func Provider(o Options) channel.Provider {
	return channel.Provider{
		Name:  Name,
		Kinds: []channel.Kind{channel.Slack},
		Rate:  pace(),
		Settings: []channel.Setting{
			{Name: "bot_token", Secret: true, Required: true, Env: "SLACK_BOT_TOKEN", Real: realToken, Doc: "The bot's token (xoxb-…), with the scope chat:write."},
			{Name: "conversation", Required: true, Doc: "The conversation's id (C…); the bot must be a member."},
			{Name: "api_url", URL: true, Doc: "Where Slack's Web API is, with a slash at its end; https://slack.com/api/ if not given."},
		},
		Open: func(_ context.Context, c channel.Channel) (channel.Sender, error) {
			token, conversation := c.Secrets["bot_token"], c.Settings["conversation"]
			if token == "" || conversation == "" {
				return nil, errors.New("slack needs a bot_token and a conversation")
			}
			client := o.Network.Client()
			options := []slack.Option{slack.OptionHTTPClient(client)}
			if api := c.Settings["api_url"]; api != "" {
				options = append(options, slack.OptionAPIURL(api))
			}
			return &bot{api: slack.New(token, options...), conversation: conversation, close: client.CloseIdleConnections}, nil
		},
	}
}

// WebhookProvider posts through an incoming webhook, whose address is the secret hook_url.
func WebhookProvider(o Options) channel.Provider {
	return channel.Provider{
		Name:  WebhookName,
		Kinds: []channel.Kind{channel.Slack},
		Rate:  pace(),
		Settings: []channel.Setting{
			{Name: "hook_url", Secret: true, Required: true, URL: true, Real: credential.CheckURL, Doc: "The incoming webhook's address (https://hooks.slack.com/services/…)."},
		},
		Open: func(_ context.Context, c channel.Channel) (channel.Sender, error) {
			url := c.Secrets["hook_url"]
			if url == "" {
				return nil, errors.New("slack-webhook needs a hook_url")
			}
			return &hook{url: url, client: o.Network.Client()}, nil
		},
	}
}

// realToken says why a value cannot be a bot's token: those begin with xoxb-, or xoxe.xoxb- if they expire.
// https://docs.slack.dev/authentication/tokens
func realToken(value string) error {
	if err := credential.Check(value, leastToken); err != nil {
		return err
	}
	if !strings.HasPrefix(value, "xoxb-") && !strings.HasPrefix(value, "xoxe.xoxb-") {
		return errors.New("is no bot's token, which begins with xoxb-")
	}
	return nil
}

// leastToken is less than the shortest that Slack has given out.
const leastToken = 24

// bot sends through chat.postMessage.
type bot struct {
	api          *slack.Client
	conversation string
	close        func()
}

// Send posts m.Post with the delivery's identity in the message's metadata.
func (b *bot) Send(ctx context.Context, m *channel.Message) error {
	if m.Post == nil {
		return errEmpty()
	}
	ctx, a := attempt.Start(ctx, m.ID)
	_, ts, err := b.api.PostMessageContext(ctx, b.conversation,
		slack.MsgOptionText(fallback(m.Post), false),
		slack.MsgOptionBlocks(blocks(m.Post)...),
		slack.MsgOptionMetadata(slack.SlackMetadata{
			EventType: "presswork_delivery", EventPayload: map[string]any{"delivery": m.ID.String()},
		}),
		slack.MsgOptionDisableLinkUnfurl(),
		slack.MsgOptionDisableMediaUnfurl(),
	)
	if err != nil {
		return classify(a, err)
	}
	if ts == "" {
		// The library takes a refusal without a reason for a success.
		return a.Fault(errors.New("the answer names no message"))
	}
	return nil
}

// Verify proves the token with auth.test.
func (b *bot) Verify(ctx context.Context) error {
	if _, err := b.api.AuthTestContext(ctx); err != nil {
		return attempt.Cause(err)
	}
	return nil
}

// Close lets go of connections.
func (b *bot) Close() error {
	b.close()
	return nil
}

func errEmpty() error {
	return fault.New(fault.GiveUp, "empty_message", "There is no post to send.")
}
