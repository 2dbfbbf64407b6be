// Package redistest gives every test a Redis database number of its own.
//
// Two things are shared by all numbers of a server: Pub/Sub channels (asynq's
// cancellations are such messages) and FLUSHALL, which a test must not call: use
// FLUSHDB, or a devstack.Stack of the test's own if the server itself is to fail.
package redistest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/presswork/presswork/internal/devstack"
	"github.com/presswork/presswork/internal/testkit"
)

const (
	// claimTime is after how long a number is free again whose test was killed.
	claimTime = time.Hour
	patience  = time.Minute
)

// Main is the TestMain of a package whose tests use Redis and not PostgreSQL.
// See testkit.Main.
func Main(m *testing.M, exceptions ...goleak.Option) {
	testkit.Main(m, devstack.Options{Redis: true}, exceptions...)
}

// New returns the URL of an empty Redis database that no other test uses, in
// this process or another. It is flushed when the test ends.
func New(t testing.TB) string {
	t.Helper()
	opts := options(t)
	var number int
	err := onZero(opts, func(ctx context.Context, zero *redis.Client) (err error) {
		number, err = claim(ctx, zero)
		return err
	})
	if err == nil {
		err = flush(opts, number)
	}
	if err != nil {
		t.Fatalf("take a Redis database: %v", err)
	}
	t.Cleanup(func() {
		err := flush(opts, number)
		if err == nil {
			err = onZero(opts, func(ctx context.Context, zero *redis.Client) error {
				return zero.Del(ctx, claimKey(number)).Err()
			})
		}
		if err != nil {
			t.Errorf("give a Redis database back: %v", err)
		}
	})
	address, err := numbered(testkit.URL(t, testkit.RedisVariable), number)
	if err != nil {
		t.Fatalf("read the URL of Redis: %v", err)
	}
	return address
}

// Client is a client of a database made by New, closed when the test ends.
func Client(t testing.TB) *redis.Client {
	t.Helper()
	opts, err := redis.ParseURL(New(t))
	if err != nil {
		t.Fatalf("read the URL of Redis: %v", err)
	}
	client := redis.NewClient(opts)
	t.Cleanup(func() {
		if err := client.Close(); err != nil && !errors.Is(err, redis.ErrClosed) {
			t.Errorf("close the client: %v", err)
		}
	})
	return client
}

// claim takes a number that is free. Number 0 holds the claims.
func claim(ctx context.Context, zero *redis.Client) (int, error) {
	settings, err := zero.ConfigGet(ctx, "databases").Result()
	if err != nil {
		return 0, fmt.Errorf("ask for the number of databases: %w", err)
	}
	count, err := strconv.Atoi(settings["databases"])
	if err != nil || count < 2 {
		return 0, fmt.Errorf("the server has %q databases", settings["databases"])
	}
	for range count {
		turn, err := zero.Incr(ctx, "presswork:test:turn").Result()
		if err != nil {
			return 0, err
		}
		number := 1 + int(turn%int64(count-1))
		err = zero.SetArgs(ctx, claimKey(number), os.Getpid(), redis.SetArgs{Mode: "NX", TTL: claimTime}).Err()
		if err == nil {
			return number, nil
		}
		if !errors.Is(err, redis.Nil) {
			return 0, err
		}
	}
	return 0, fmt.Errorf("all %d databases are taken", count-1)
}

func claimKey(number int) string { return "presswork:test:database:" + strconv.Itoa(number) }

// onZero calls do with a client of database 0.
func onZero(opts redis.Options, do func(context.Context, *redis.Client) error) error {
	return onNumber(opts, 0, do)
}

func flush(opts redis.Options, number int) error {
	return onNumber(opts, number, func(ctx context.Context, c *redis.Client) error {
		return c.FlushDB(ctx).Err()
	})
}

func onNumber(opts redis.Options, number int, do func(context.Context, *redis.Client) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	opts.DB = number
	client := redis.NewClient(&opts)
	return errors.Join(do(ctx, client), client.Close())
}
