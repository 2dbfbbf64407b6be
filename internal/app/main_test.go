package app

import (
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/testkit/dbtest"
	"github.com/presswork/presswork/internal/testkit/fixture"
	"github.com/presswork/presswork/internal/testkit/redistest"
	"github.com/presswork/presswork/tasks"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// settings are those of a process in development on servers of the test's own, which is not migrated yet.
func settings(t *testing.T) *config.Config {
	t.Helper()
	return &config.Config{
		Environment: "development", DatabaseURL: dbtest.NewEmpty(t), RedisURL: redistest.New(t),
		SecretKey: fixture.Secret, APIKey: fixture.Key, Organisation: "The House",
		Listen: "127.0.0.1:0", OpsListen: "127.0.0.1:0", QueueWeights: tasks.Queues(),
		UrgentSlots: 1, BulkSlots: 1, Connections: 2, DatabasePool: 4, ShutdownGrace: 20 * time.Second,
	}
}

// migrated are settings with a database that is ready.
func migrated(t *testing.T) *config.Config {
	t.Helper()
	c := settings(t)
	c.DatabaseURL = dbtest.New(t)
	return c
}

// quiet is an App that has nothing but settings and a silent log.
func quiet(environment string) *App {
	return &App{Config: &config.Config{Environment: environment}, Log: zap.NewNop()}
}
