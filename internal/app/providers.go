package app

import (
	"context"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/channel"
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
	network := attempt.Network{Connections: a.Config.Connections, AllowPrivate: a.Config.AllowPrivate}
	return channel.NewRegistry(
		ses.Provider(ses.Options{Network: network}),
		smtp.Provider(smtp.Options{Connections: a.Config.Connections}),
		slack.Provider(slack.Options{Network: network}),
		slack.WebhookProvider(slack.Options{Network: network}),
		discord.Provider(discord.Options{Network: network}),
		discord.WebhookProvider(discord.Options{Network: network}),
		webhook.Provider(webhook.Options{Network: network}),
		placeholder.Provider(a.logInsteadOfSending),
	)
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
