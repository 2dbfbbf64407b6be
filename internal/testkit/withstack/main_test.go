package main

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/presswork/presswork/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// These tests change the environment or signal this process, and take turns.

func TestGivesServersToTheCommand(t *testing.T) {
	t.Setenv(testkit.DatabaseVariable, "")
	t.Setenv(testkit.RedisVariable, "")
	code, err := run(t.Context(), []string{"sh", "-c",
		`case "$` + testkit.DatabaseVariable + `$` + testkit.RedisVariable + `" in postgres://*redis://*) exit 7;; esac`})
	if err != nil || code != 7 {
		t.Errorf("got code %d, %v", code, err)
	}
}

// named keeps run from starting servers.
func named(t *testing.T) {
	t.Helper()
	t.Setenv(testkit.DatabaseVariable, "postgres://named")
	t.Setenv(testkit.RedisVariable, "redis://named")
}

func TestExitCodes(t *testing.T) {
	named(t)
	for script, want := range map[string]int{"exit 0": 0, "exit 3": 3, "kill -KILL $$": 137} {
		if code, err := run(t.Context(), []string{"sh", "-c", script}); err != nil || code != want {
			t.Errorf("%s: got code %d, %v, want %d", script, code, err, want)
		}
	}
}

func TestForwardsSignals(t *testing.T) {
	named(t)
	code, err := run(t.Context(), []string{"sh", "-c", "kill -TERM $PPID; exec sleep 600"})
	if err != nil || code != 143 {
		t.Errorf("got code %d, %v", code, err)
	}
}

func TestUnknownCommand(t *testing.T) {
	named(t)
	if _, err := run(t.Context(), []string{os.DevNull}); err == nil {
		t.Error("ran a command that is none")
	}
}
