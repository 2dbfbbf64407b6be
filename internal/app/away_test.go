package app

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
)

// away is a Redis that cannot be reached any more.
type away struct{}

var errAway = errors.New("away")

func (away) DialHook(next redis.DialHook) redis.DialHook { return next }

func (away) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(_ context.Context, cmd redis.Cmder) error {
		cmd.SetErr(errAway)
		return errAway
	}
}

func (away) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(context.Context, []redis.Cmder) error { return errAway }
}
