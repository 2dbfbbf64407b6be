// Package testkit gives tests real servers. Packages whose tests need them have
//
//	func TestMain(m *testing.M) { dbtest.Main(m) }    // PostgreSQL and Redis
//	func TestMain(m *testing.M) { redistest.Main(m) } // Redis only
//
// and take a database with dbtest.New(t) or redistest.New(t). Servers named by
// the environment are used, which lets many packages share one pair of them
// (withstack); else the package gets servers of its own while its tests run.
package testkit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/presswork/presswork/internal/devstack"
)

// The environment variables that name the servers tests use. They are also how
// Main tells the tests of a package what it started.
const (
	// DatabaseVariable holds the URL of a PostgreSQL superuser.
	DatabaseVariable = "PRESSWORK_TEST_DATABASE_URL"
	// RedisVariable holds the URL of a Redis whose databases may all be flushed.
	RedisVariable = "PRESSWORK_TEST_REDIS_URL"
)

// Main runs the tests of a package with the servers that need asks for (Postgres,
// Redis), looks for leaked goroutines, stops what it started and exits. Missing
// server programs fail the tests. Goroutines that leak may be excepted.
func Main(m *testing.M, need devstack.Options, exceptions ...goleak.Option) {
	stop, err := Provide(context.Background(), need)
	if err != nil {
		fmt.Fprintln(os.Stderr, "start the servers for the tests:", err)
		os.Exit(1)
	}
	exceptions = append(exceptions,
		goleak.IgnoreCurrent(), // those that watch over the servers
		goleak.Cleanup(func(code int) {
			if err := stop(); err != nil {
				fmt.Fprintln(os.Stderr, "stop the servers of the tests:", err)
				code = max(code, 1)
			}
			os.Exit(code)
		}))
	goleak.VerifyTestMain(m, exceptions...)
}

// Provide starts those of the needed servers that the environment does not name,
// and names them there. stop ends them.
func Provide(ctx context.Context, need devstack.Options) (stop func() error, err error) {
	need.Postgres = need.Postgres && os.Getenv(DatabaseVariable) == ""
	need.Redis = need.Redis && os.Getenv(RedisVariable) == ""
	need.RequireRedis = true
	if !need.Postgres && !need.Redis {
		return func() error { return nil }, nil
	}
	stack, err := devstack.Start(ctx, need)
	if err != nil {
		return nil, err
	}
	for name, url := range map[string]string{DatabaseVariable: stack.AdminURL(), RedisVariable: stack.RedisURL()} {
		if url == "" {
			continue
		}
		if err := os.Setenv(name, url); err != nil {
			return nil, errors.Join(err, stack.Close())
		}
	}
	return stack.Close, nil
}

// URL returns what variable names; without it the test fails and says what to do.
func URL(t testing.TB, variable string) string {
	t.Helper()
	url := os.Getenv(variable)
	if url == "" {
		t.Fatalf("%s is not set: call dbtest.Main or redistest.Main from TestMain", variable)
	}
	return url
}
