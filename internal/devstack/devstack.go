// Package devstack starts a private PostgreSQL and a private Redis from the
// programs found on the machine. It is what lets `presswork demo`, `presswork
// all` and the tests run with no account, no container and no configuration.
//
// Everything lives in one data folder. PostgreSQL listens on a unix socket in a
// folder only its user can enter, Redis on a free loopback port behind a random
// password, so other users of the machine reach neither. Both die with the
// process that started them, even when it is killed with SIGKILL.
//
// PostgreSQL refuses to run as root. When we are root it runs as the user
// postgres, or else nobody; if that user cannot reach the data folder (say, one
// under a root-only home), the cluster is placed under /var/lib/presswork or the
// temporary folder, and <Dir>/postgres is a symbolic link to it.
package devstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
)

// Options say what to start and where.
type Options struct {
	// Dir is the data folder. It is created when missing and kept between runs.
	// Empty means a fresh temporary folder, in memory where the machine offers
	// that and Durable is false; Close removes it.
	Dir string
	// Durable keeps what was committed through a crash of the machine: fsync,
	// synchronous_commit and full_page_writes on, Redis appends every second.
	// Without it all of that is off, which suits tests only.
	Durable bool
	// Log receives progress and what a person should know, such as a fallback.
	// It has the shape of zap's SugaredLogger.Infow. Nil discards.
	Log func(msg string, kv ...any)
	// Postgres and Redis choose what to start; both when neither is set.
	Postgres, Redis bool
	// RequireRedis makes a missing redis-server an error instead of a reason to
	// fall back to an in-process imitation. Tests set it.
	RequireRedis bool

	findRedis func() (string, error) // tests replace it
}

// Stack is a running PostgreSQL and Redis.
type Stack struct {
	folder    *folder
	postgres  *postgres
	redis     *redisServer
	imitation *imitation
	closeOnce sync.Once
	closeErr  error
}

// Start starts the servers and returns when each has answered a query. The
// context bounds the start only. The caller must Close the stack.
//
// A data folder that another stack is using, and a server program that is not
// installed, are errors that say so.
func Start(ctx context.Context, o Options) (*Stack, error) {
	if !o.Postgres && !o.Redis {
		o.Postgres, o.Redis = true, true
	}
	if o.findRedis == nil {
		o.findRedis = RedisServer
	}
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	f, err := openFolder(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("open the data folder: %w", err)
	}
	s := &Stack{folder: f}
	if err := s.start(ctx, o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Stack) start(ctx context.Context, o Options) (err error) {
	if o.Postgres {
		if s.postgres, err = startPostgres(ctx, s.folder, o); err != nil {
			return fmt.Errorf("start PostgreSQL: %w", err)
		}
	}
	if !o.Redis {
		return nil
	}
	program, err := o.findRedis()
	if err != nil {
		if o.RequireRedis {
			return err
		}
		o.Log("redis-server is not installed: using an in-process imitation, whose data is lost on exit")
		s.imitation, err = startImitation()
		return err
	}
	if s.redis, err = startRedis(ctx, program, s.folder, o); err != nil {
		return fmt.Errorf("start Redis: %w", err)
	}
	return nil
}

// DatabaseURL is the URL of the database "presswork", as its owner: the role
// "presswork", which is not a superuser. Empty without PostgreSQL.
func (s *Stack) DatabaseURL() string { return s.postgres.url("presswork", "presswork") }

// AdminURL is the URL of the maintenance database as a superuser. Empty without
// PostgreSQL.
func (s *Stack) AdminURL() string { return s.postgres.url("postgres", "postgres") }

// RedisURL is a redis:// URL of database 0 of 512. Empty without Redis.
func (s *Stack) RedisURL() string {
	if s.imitation != nil {
		return s.imitation.url()
	}
	return s.redis.url()
}

// RedisInProcess tells that an imitation inside this process stands in for
// redis-server. It keeps nothing after Close.
func (s *Stack) RedisInProcess() bool { return s.imitation != nil }

// PostgresPID is the process id of the postmaster, the parent of every
// PostgreSQL process of this stack. 0 without PostgreSQL.
func (s *Stack) PostgresPID() int {
	if s.postgres == nil {
		return 0
	}
	return s.postgres.process.pid()
}

// RedisPID is the process id of redis-server. 0 without one.
func (s *Stack) RedisPID() int {
	if s.redis == nil {
		return 0
	}
	return s.redis.process.pid()
}

// Dir is the data folder in use. Server logs are postgres/postgres.log and
// redis/redis.log in it.
func (s *Stack) Dir() string { return s.folder.path }

// Close stops the servers, waits until they are gone and removes the folder if
// it was temporary. It may be called again and then returns the same.
func (s *Stack) Close() error {
	s.closeOnce.Do(func() {
		s.imitation.close()
		s.closeErr = errors.Join(s.redis.stop(), s.postgres.stop(), s.folder.close())
	})
	return s.closeErr
}

// tail returns the end of a server's log, for error messages.
func tail(path string) string {
	const most = 2048
	b, err := os.ReadFile(path) //nolint:gosec // a log file of our own
	if err != nil {
		return "(no log: " + err.Error() + ")"
	}
	return string(b[max(0, len(b)-most):])
}
