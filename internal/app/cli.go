package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/telemetry"
)

// Environment reads the settings and makes the logger of a process.
func Environment() (*config.Config, *zap.Logger, error) {
	c, err := config.Load(os.Environ())
	if err != nil {
		return nil, nil, err
	}
	log, err := telemetry.NewLogger(c.LogLevel)
	return c, log, err
}

// Interruptible is a context that ends with Ctrl-C or SIGTERM. A second signal ends the process at once.
func Interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// Serve runs roles until ctx ends, and then returns nil. change, if not nil, adjusts the settings first; embed says whether private
// servers are started where none are set.
func Serve(ctx context.Context, change func(*config.Config) error, embed bool, roles ...Role) (err error) {
	c, log, err := Environment()
	if err != nil {
		return err
	}
	defer func() { _ = log.Sync() }()
	if change != nil {
		if err := change(c); err != nil {
			return err
		}
	}
	if embed {
		stop, err := Embed(ctx, c, log)
		if err != nil {
			return err
		}
		defer func() {
			if stopErr := stop(); stopErr != nil {
				log.Error("private servers not stopped", zap.Error(stopErr))
			}
		}()
	}
	if err := needed(c); err != nil {
		return err
	}
	a, err := New(ctx, c, log, roles...)
	if err != nil && ctx.Err() != nil {
		log.Info("stopped while starting", zap.Error(err))
		return nil
	}
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

// needed names what a single role cannot make up for itself.
func needed(c *config.Config) error {
	var errs []error
	for name, value := range map[string]string{"DATABASE_URL": c.DatabaseURL, "REDIS_URL": c.RedisURL,
		"SECRET_KEY": c.SecretKey, "PRESSWORK_API_KEY": c.APIKey} {
		if value == "" {
			errs = append(errs, fmt.Errorf("%s is not set (presswork all starts private servers and makes keys)", name))
		}
	}
	return errors.Join(errs...)
}
