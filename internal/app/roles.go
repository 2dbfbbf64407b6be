package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/config"
)

// Role is what a process does.
type Role string

// The roles. A process may have several.
const (
	API       = Role(config.API)
	Worker    = Role(config.Worker)
	Scheduler = Role(config.Scheduler)
)

// New opens an App with the given roles, ready to start. Every process has the operators' listener.
func New(ctx context.Context, c *config.Config, log *zap.Logger, roles ...Role) (*App, error) {
	a, err := Open(ctx, c, log, roles...)
	if err != nil {
		return nil, err
	}
	for _, role := range roles {
		switch role {
		case API:
			err = a.AddAPI(ctx)
		case Worker:
			err = a.AddWorker(ctx)
		case Scheduler:
			err = a.AddScheduler()
		default:
			err = fmt.Errorf("no role is called %q", role)
		}
		if err != nil {
			return nil, errors.Join(err, a.Close())
		}
	}
	if slices.Contains(roles, API) || slices.Contains(roles, Scheduler) {
		if err := a.AddPools(); err != nil {
			return nil, errors.Join(err, a.Close())
		}
	}
	if err := a.AddOps(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}
