package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/app"
	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/testkit/dbtest"
	"github.com/presswork/presswork/internal/testkit/fixture"
	"github.com/presswork/presswork/internal/testkit/redistest"
	"github.com/presswork/presswork/tasks"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// TestExample runs it twice against a real server: what is there stays, and it publishes again.
func TestExample(t *testing.T) {
	t.Parallel()
	server, err := app.New(t.Context(), &config.Config{
		Environment: "development", DatabaseURL: dbtest.New(t), RedisURL: redistest.New(t), SecretKey: fixture.Secret, APIKey: fixture.Key,
		Organisation: "The Garden Post", Listen: "127.0.0.1:0", OpsListen: "127.0.0.1:0", QueueWeights: tasks.Queues(),
		UrgentSlots: 2, BulkSlots: 2, Connections: 4, DatabasePool: 10, AllowPrivate: true, ShutdownGrace: 20 * time.Second,
	}, zap.NewNop(), app.API, app.Worker, app.Scheduler)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range 2 {
		var out strings.Builder
		if err := run(ctx, server.APIURL, fixture.Key, &out); err != nil {
			t.Fatalf("%v after\n%s", err, out.String())
		}
		if n := strings.Count(out.String(), "email: sent after 1 attempts\n"); n != 3 {
			t.Errorf("%d e-mails in\n%s", n, out.String())
		}
		for _, line := range []string{"it would be queued, to 2 channels\n", "completed: 4 of 4\n", "webhook: sent after 1 attempts\n", "publication.published: The Garden Post, 2 items\n",
			"publication.completed: 4 of 4 were sent to\n"} {
			if !strings.Contains(out.String(), line) {
				t.Errorf("%q is not in\n%s", line, out.String())
			}
		}
	}
	if err := run(ctx, server.APIURL, "wrong", new(strings.Builder)); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("with a wrong key: %v", err)
	}
}
