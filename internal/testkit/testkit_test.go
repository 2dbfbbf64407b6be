package testkit

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/presswork/presswork/internal/devstack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// These tests change the environment and therefore take turns.

func TestProvideUsesNamedServers(t *testing.T) {
	t.Setenv(DatabaseVariable, "postgres://named")
	t.Setenv(RedisVariable, "redis://named")
	stop, err := Provide(t.Context(), devstack.Options{Postgres: true, Redis: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if got := URL(t, DatabaseVariable); got != "postgres://named" {
		t.Errorf("got %q", got)
	}
}

func TestProvideStartsWhatIsMissing(t *testing.T) {
	t.Setenv(DatabaseVariable, "postgres://named")
	t.Setenv(RedisVariable, "")
	stop, err := Provide(t.Context(), devstack.Options{Postgres: true, Redis: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if got := os.Getenv(RedisVariable); got == "" {
		t.Error("the new Redis is not named")
	}
	if got := os.Getenv(DatabaseVariable); got != "postgres://named" {
		t.Errorf("the database is now %q", got)
	}
}
