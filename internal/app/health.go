package app

import (
	"errors"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/postgres"
	"github.com/presswork/presswork/internal/worker"
)

// addHealth has it kept how places fare, and counts the channels that this process switches off.
func (a *App) addHealth(channels *postgres.Channels) (*worker.Health, error) {
	health := worker.NewHealth(channels, a.Log)
	a.add(background("health of channels", health.Run))
	return health, errors.Join(
		a.Metrics.Counter("presswork_channels_gone_total", "Channels that were switched off since their endpoint asked for no more messages, or is no more.",
			func() float64 { return health.Off(channel.Gone) }),
		a.Metrics.Counter("presswork_channels_failing_total", "Webhook channels that were switched off since they did nothing but fail for five days.",
			func() float64 { return health.Off(channel.Failing) }),
	)
}
