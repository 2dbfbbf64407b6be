package devstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
)

// RestartPostgres brings PostgreSQL back at the same address with the same data
// after a test has killed it; if it still runs, it is first made to crash. On a
// Durable stack what was committed is still there; another one commits without
// waiting for its log and may lose the last moments. Do not call it while other
// methods of the stack run.
func (s *Stack) RestartPostgres(ctx context.Context) error {
	if s.postgres == nil {
		return errors.New("the stack has no PostgreSQL")
	}
	// SIGQUIT: no checkpoint, so the start recovers from the log as after a crash.
	if err := s.postgres.process.stop(syscall.SIGQUIT); err != nil {
		return fmt.Errorf("crash PostgreSQL: %w", err)
	}
	for {
		err := s.postgres.launch(ctx)
		// Children of a killed postmaster take a moment to notice, and until then
		// a new one refuses to start.
		if !errors.Is(err, errEnded) || pause(ctx) != nil {
			return err
		}
	}
}

// RestartRedis is the same for Redis. A Durable stack's Redis comes back with
// all but the last second, another one's empty.
func (s *Stack) RestartRedis(ctx context.Context) error {
	if s.redis == nil {
		return errors.New("the stack has no redis-server")
	}
	if err := s.redis.process.stop(syscall.SIGKILL); err != nil {
		return fmt.Errorf("crash Redis: %w", err)
	}
	return s.redis.launch(ctx)
}

// CopyRedis copies what Redis has on disk into a new folder, while it runs: what a backup of a Durable stack would hold.
// A command that is being written just then may be cut off; Redis passes over that when it starts.
func (s *Stack) CopyRedis(to string) error {
	if s.redis == nil {
		return errors.New("the stack has no redis-server")
	}
	if err := os.CopyFS(to, os.DirFS(s.redis.appended())); err != nil {
		return fmt.Errorf("copy the files of Redis: %w", err)
	}
	return nil
}

// RestoreRedis is RestartRedis with the files of an earlier CopyRedis in place of its own: all that was written since
// is forgotten.
func (s *Stack) RestoreRedis(ctx context.Context, from string) error {
	if s.redis == nil {
		return errors.New("the stack has no redis-server")
	}
	if err := s.redis.process.stop(syscall.SIGKILL); err != nil {
		return fmt.Errorf("crash Redis: %w", err)
	}
	if err := os.RemoveAll(s.redis.appended()); err != nil {
		return fmt.Errorf("remove the files of Redis: %w", err)
	}
	if err := os.CopyFS(s.redis.appended(), os.DirFS(from)); err != nil {
		return fmt.Errorf("copy the files of Redis back: %w", err)
	}
	return s.redis.launch(ctx)
}
