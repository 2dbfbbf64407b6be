package app

import (
	"context"
	"time"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/httpapi"
	"github.com/presswork/presswork/internal/postgres"
)

// sendingRates tells dry runs how fast each kind of channel sends, as autoscaling knows it.
func (a *App) sendingRates() httpapi.SendingRates {
	record := postgres.NewCapacity(a.db)
	return func(ctx context.Context) (map[string]float64, error) {
		load, err := record.Load(ctx, time.Minute)
		if err != nil {
			return nil, err
		}
		if load.Rates, err = a.rates(ctx); err != nil {
			return nil, err
		}
		known := map[string]float64{}
		for _, kind := range channel.Kinds() {
			if rate, ok := load.PerSecond(string(kind)); ok {
				known[string(kind)] = rate
			}
		}
		return known, nil
	}
}
