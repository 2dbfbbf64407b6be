package app

import (
	"context"
	"time"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/httpapi"
	"github.com/presswork/presswork/internal/postgres"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/tasks"
)

// sendingRates tells dry runs how fast each kind of channel sends and what it owes already, as autoscaling knows it.
func (a *App) sendingRates() httpapi.SendingRates {
	record := postgres.NewCapacity(a.db)
	return func(ctx context.Context) (map[string]publication.Speed, error) {
		load, err := record.Load(ctx, time.Minute)
		if err != nil {
			return nil, err
		}
		if load.Rates, err = a.rates(ctx); err != nil {
			return nil, err
		}
		known := map[string]publication.Speed{}
		for _, kind := range channel.Kinds() {
			if rate, ok := load.PerSecond(string(kind)); ok {
				speed := publication.Speed{PerSecond: rate, Ahead: map[tasks.Lane]float64{}}
				for lane := tasks.LaneCritical; lane <= tasks.LaneBulk; lane++ {
					speed.Ahead[lane] = load.Ahead(string(kind), lane)
				}
				known[string(kind)] = speed
			}
		}
		return known, nil
	}
}
