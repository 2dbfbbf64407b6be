package app

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/backoff"
	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/postgres"
	"github.com/presswork/presswork/internal/provider/attempt"
	"github.com/presswork/presswork/internal/provider/discord"
	"github.com/presswork/presswork/internal/provider/placeholder"
	"github.com/presswork/presswork/internal/provider/ses"
	"github.com/presswork/presswork/internal/provider/slack"
	"github.com/presswork/presswork/internal/provider/smtp"
	"github.com/presswork/presswork/internal/provider/webhook"
)

// broadcastConnections is how many posts of one kind may be under way at once in a process: places limit what
// they take (Slack: one message a second per channel), so more would only wait.
const broadcastConnections = 16

// providers is every way out. A new channel adds a line.
func (a *App) providers() *channel.Registry {
	network := a.network()
	network.Connections = a.Config.Connections
	relays := network.Inside().Dialer()
	relays.Timeout = smtp.DialTimeout
	registry := channel.NewRegistry(a.Config.Credential,
		ses.Provider(ses.Options{Network: network}),
		smtp.Provider(smtp.Options{Connections: a.Config.Connections, Dial: relays.DialContext}),
		slack.Provider(slack.Options{Network: network}),
		slack.WebhookProvider(slack.Options{Network: network}),
		discord.Provider(discord.Options{Network: network}),
		discord.WebhookProvider(discord.Options{Network: network}),
		webhook.Provider(webhook.Options{Network: network}),
	)
	if a.Config.Production() {
		return registry
	}
	return registry.Development(placeholder.Provider(a.logInsteadOfSending))
}

// network is what may be called for those who set up channels and webhook endpoints.
func (a *App) network() attempt.Network {
	return attempt.Network{AllowPrivate: a.Config.AllowPrivate, Allow: a.Config.Reachable}
}

// logInsteadOfSending is what the placeholder does with a message.
func (a *App) logInsteadOfSending(_ context.Context, c channel.Channel, m *channel.Message) {
	a.Log.Info("placeholder: not sent", zap.String("channel", c.Name), zap.Stringer("delivery", m.ID))
}

func (a *App) connections(channelID int16) int {
	kind, err := channel.KindOf(channelID)
	if err == nil && kind.Personal() {
		return a.Config.Connections
	}
	return broadcastConnections
}

// scheduleOf is how a channel kind is tried again: webhooks are looked after by people, who need a night's sleep.
func (a *App) scheduleOf(channelID int16) backoff.Schedule {
	if channelID != channel.Webhook.ID() {
		return backoff.Transient
	}
	if len(a.Config.WebhookRetries) == 0 {
		return backoff.Webhook
	}
	return backoff.Waits(a.Config.WebhookRetries)
}

// credentials refuses to start sending in production while a channel that is switched on cannot send.
func (a *App) credentials(ctx context.Context, channels *postgres.Channels) error {
	if !a.Config.Production() {
		return nil
	}
	list, err := channels.EnabledChannels(ctx)
	if err != nil {
		return err
	}
	registry := a.providers()
	var errs []error
	for _, c := range list {
		if _, known := registry.Provider(c.Provider); !known {
			errs = append(errs, fmt.Errorf("channel %s: provider %q does not send: switch it off", c.Name, c.Provider))
		} else if c.Unreadable {
			errs = append(errs, fmt.Errorf("channel %s: %w: give them anew, or switch it off", c.Name, channel.ErrUnreadable))
		} else if missing := registry.Missing(c); len(missing) > 0 {
			errs = append(errs, fmt.Errorf("channel %s: %s missing: give them, or switch it off", c.Name, strings.Join(missing, ", ")))
		} else if refused := registry.Refused(c); len(refused) > 0 {
			errs = append(errs, fmt.Errorf("channel %s: %s: give a real one, or switch it off", c.Name, strings.Join(refused, ", ")))
		}
	}
	return errors.Join(errs...)
}

// placeholders are the names of the channels that only pretend to send: none in production, and none that a process
// without SECRET_KEY, which sends nothing, could tell.
func (a *App) placeholders(ctx context.Context) ([]string, error) {
	if a.Config.Production() || a.Config.SecretKey == "" {
		return []string{}, nil
	}
	sealer, err := a.sealer()
	if err != nil {
		return nil, err
	}
	list, err := a.db.Channels(sealer).EnabledChannels(ctx)
	if err != nil {
		return nil, err
	}
	registry, names := a.providers(), []string{}
	for _, c := range list {
		if registry.Placeholder(c) {
			names = append(names, c.Name)
		}
	}
	return names, nil
}
