package app

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/queue"
	"github.com/presswork/presswork/internal/secret"
	"github.com/presswork/presswork/internal/telemetry"
)

// Environment reads the settings of a process, with the secrets that they refer to, and checks that there is what its
// uses need.
func Environment(ctx context.Context, uses ...config.Use) (*config.Config, error) {
	return config.Read(ctx, os.Environ(), secret.Resolvers(os.Getenv), uses...)
}

// Interruptible is a context that ends with Ctrl-C or SIGTERM. A second signal ends the process at once.
func Interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// Quiet keeps libraries from writing to standard error in a form that is not ours. It is for the whole program: main
// calls it first.
func Quiet() {
	queue.QuietDriver()
	log.SetOutput(io.Discard) // the reader of style sheets writes there what a sheet has; servers write their errors to ours
}

// Serve runs roles until ctx ends, and then returns nil. change, if not nil, adjusts the settings first; embed says whether private
// servers are started where none are set.
func Serve(ctx context.Context, change func(*config.Config) error, embed bool, roles ...Role) (err error) {
	c, err := Environment(ctx, usesOf(embed, roles)...)
	if err != nil {
		return err
	}
	log, err := telemetry.NewLogger(c.LogLevel)
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
			return unlessStopped(ctx, log, err)
		}
		defer func() {
			if stopErr := stop(); stopErr != nil {
				log.Error("private servers not stopped", zap.Error(stopErr))
			}
		}()
	}
	a, err := New(ctx, c, log, roles...)
	if err != nil {
		return unlessStopped(ctx, log, err)
	}
	return a.Run(ctx)
}

// unlessStopped is err, or nil if it comes of being told to stop while starting.
func unlessStopped(ctx context.Context, log *zap.Logger, err error) error {
	if ctx.Err() == nil {
		return err
	}
	log.Info("stopped while starting", zap.Error(err))
	return nil
}

// usesOf is what the settings have to be good for.
func usesOf(embed bool, roles []Role) []config.Use {
	if embed {
		return []config.Use{config.All}
	}
	uses := make([]config.Use, len(roles))
	for i, role := range roles {
		uses[i] = config.Use(role)
	}
	return uses
}
