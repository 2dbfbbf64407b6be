package app

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"
)

// Waiting for a server: up to 30 tries, from 1 s doubling to 30 s.
const (
	waitTries = 30
	waitFirst = time.Second
	waitMost  = 30 * time.Second
)

// How long one try may take. A migration of large tables takes its time, and is not to be cut short and begun anew.
const (
	tryTime    = 5 * time.Second
	schemaTime = time.Hour
)

// waitFor tries a server by really using it, until that works; each try may take so long. The order in which things
// start does not matter.
func waitFor(ctx context.Context, log *zap.Logger, what string, each time.Duration, try func(context.Context) error) error {
	pause := waitFirst
	var err error
	for n := 1; ; n++ {
		attempt, cancel := context.WithTimeout(ctx, each)
		err = try(attempt)
		cancel()
		if err == nil {
			return nil
		}
		if n == waitTries {
			break
		}
		log.Warn("waiting for a server", zap.String("server", what), zap.Int("try", n), zap.Error(err))
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		case <-time.After(pause):
			pause = min(2*pause, waitMost)
		}
	}
	return fmt.Errorf("%s could not be used after %d tries: %w", what, waitTries, err)
}
