package app

import (
	"context"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
	"github.com/presswork/presswork/internal/devstack"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

// TestKeysWithTheDatabaseAway: an API key that is good is never refused because nobody can look it up. A server that does
// not answer is 504, one that is gone 503, and when it is back the key is good again.
func TestKeysWithTheDatabaseAway(t *testing.T) {
	t.Parallel()
	stack, err := devstack.Start(t.Context(), devstack.Options{Dir: t.TempDir(), Postgres: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stack.Close(); err != nil {
			t.Error(err)
		}
	})
	c := settings(t)
	c.DatabaseURL = stack.DatabaseURL()
	a := started(t, c)
	remote := client.New(a.APIURL, fixture.Key)
	defer remote.Close()
	newKey := func(name string) string { // each is looked up for the first time
		t.Helper()
		made, err := remote.CreateAPIKey(t.Context(), api.APIKeyInput{Name: name, Role: "analyst"})
		if err != nil {
			t.Fatal(err)
		}
		return made.Key
	}
	slow, gone := newKey("slow"), newKey("gone")
	ask := func(key string) int {
		t.Helper()
		return with(t, a.APIURL+"/api/v1/topics", "Authorization", "Bearer "+key)
	}
	release := lockKeys(t, stack.DatabaseURL())
	if got := ask(slow); got != http.StatusGatewayTimeout {
		t.Errorf("slow: %d", got)
	}
	release()
	if got := ask(slow); got != http.StatusOK {
		t.Errorf("slow no more: %d", got)
	}
	if err := syscall.Kill(stack.PostgresPID(), syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	fixture.Until(t, 20*time.Second, "the end", func() (bool, string) {
		got := ask(gone)
		if got == http.StatusUnauthorized {
			t.Error("refused")
		}
		return got == http.StatusServiceUnavailable, http.StatusText(got)
	})
	if err := stack.RestartPostgres(t.Context()); err != nil {
		t.Fatal(err)
	}
	fixture.Until(t, 20*time.Second, "the key", func() (bool, string) {
		got := ask(gone)
		if got == http.StatusUnauthorized {
			t.Error("refused")
		}
		return got == http.StatusOK, http.StatusText(got)
	})
}

// lockKeys has look-ups of keys wait until release.
func lockKeys(t *testing.T, address string) (release func()) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), `BEGIN; LOCK TABLE api_key`); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := conn.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}
}
