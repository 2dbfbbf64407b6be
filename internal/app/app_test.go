package app

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/testkit/dbtest"
	"github.com/presswork/presswork/internal/testkit/fixture"
	"github.com/presswork/presswork/internal/testkit/redistest"
)

// get asks an operators' or API listener and returns status and text.
func get(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+fixture.Key)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// TestRolesStartAndStop each alone and all together, on a database that the first one migrates.
func TestRolesStartAndStop(t *testing.T) {
	t.Parallel()
	for name, roles := range map[string][]Role{"api": {API}, "worker": {Worker}, "scheduler": {Scheduler}, "all": {API, Worker, Scheduler}, "none": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := settings(t)
			a, err := New(t.Context(), c, zap.NewNop(), roles...)
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			if status, text := get(t, a.OpsURL+"/metrics"); status != http.StatusOK || !strings.Contains(text, `presswork_queue_tasks{queue="email",state="pending"} 0`) ||
				!strings.Contains(text, "presswork_database_connections_max 4") || strings.Contains(text, "presswork_reconciler_behind 0") != (name == "scheduler" || name == "all") {
				t.Errorf("metrics: %d\n%s", status, text)
			}
			if status, text := get(t, a.OpsURL+"/readyz"); status != http.StatusOK || !strings.Contains(text, `"redis":"ok"`) {
				t.Errorf("ready: %d %s", status, text)
			}
			if (a.APIURL != "") != (name == "api" || name == "all") {
				t.Errorf("the API is at %q", a.APIURL)
			}
			if a.APIURL != "" {
				if status, text := get(t, a.APIURL+"/api/v1/topics"); status != http.StatusOK || c.PublicURL != a.APIURL {
					t.Errorf("topics: %d %s; public at %s", status, text, c.PublicURL)
				}
			}
			if err := a.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRunUntilInterrupted is what Ctrl-C does.
func TestRunUntilInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	core := zapcore.NewCore(zapcore.NewJSONEncoder(zapcore.EncoderConfig{}), zapcore.AddSync(io.Discard), zap.InfoLevel)
	log := zap.New(zapcore.RegisterHooks(core, func(e zapcore.Entry) error {
		if e.Message == "started" {
			cancel()
		}
		return nil
	}))
	a, err := New(ctx, migrated(t), log, API, Worker, Scheduler)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Run(ctx); err != nil {
		t.Error(err)
	}
}

func TestNewLetsGoOnAnError(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*config.Config)
		role   Role
		want   string
	}{
		"unknown role":  {func(*config.Config) {}, "baker", `no role is called "baker"`},
		"unknown queue": {func(c *config.Config) { c.QueueWeights = map[string]int{"fax": 1} }, Worker, `no queue is called "fax"`},
		"ops address":   {func(c *config.Config) { c.OpsListen = "nonsense" }, API, "nonsense"},
		"API address":   {func(c *config.Config) { c.Listen = "nonsense" }, API, "nonsense"},
		"no Redis URL":  {func(c *config.Config) { c.RedisURL = "nonsense" }, API, "Redis URL"},
		"no database":   {func(c *config.Config) { c.DatabaseURL = "postgres://%zz" }, API, "database URL"},
	} {
		c := migrated(t)
		tc.change(c)
		if a, err := New(t.Context(), c, zap.NewNop(), tc.role); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, %v", name, a, err)
		}
	}
}

// TestPartsAreStoppedInReverse, those too that did not start, or were not reached.
func TestPartsAreStoppedInReverse(t *testing.T) {
	t.Parallel()
	a, err := Open(t.Context(), migrated(t), zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	errStart, errStop := errors.New("does not start"), errors.New("does not stop")
	for _, name := range []string{"first", "second", "third", "fourth"} {
		a.add(part{name: name,
			start: func(context.Context) error {
				order = append(order, "+"+name)
				if name == "third" {
					return errStart
				}
				return nil
			},
			stop: func(context.Context) error {
				order = append(order, "-"+name)
				if name == "second" {
					return errStop
				}
				return nil
			}})
	}
	err = a.Run(t.Context())
	if !errors.Is(err, errStart) || !errors.Is(err, errStop) || !strings.Contains(err.Error(), "start the third") || !strings.Contains(err.Error(), "stop the second") {
		t.Errorf("got %v", err)
	}
	if got := strings.Join(order, " "); got != "+first +second +third -fourth -third -second -first" {
		t.Errorf("order %s", got)
	}
}

// TestProductionDoesNotMigrate unless it is told how, and waits for who does.
func TestProductionDoesNotMigrate(t *testing.T) {
	t.Parallel()
	c := settings(t)
	c.Environment = "production"
	empty, err := Open(t.Context(), c, interruptAt(t, "waiting for a server", func() {
		if err := Migrate(t.Context(), c); err != nil { // as another process
			t.Error(err)
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	if err := empty.Close(); err != nil {
		t.Error(err)
	}
	c = settings(t)
	c.Environment, c.MigrateURL = "production", c.DatabaseURL
	own, err := Open(t.Context(), c, interruptAt(t, "waiting for a server", func() { t.Error("it waited for somebody to migrate") }))
	if err != nil {
		t.Fatal(err)
	}
	if err := own.Close(); err != nil {
		t.Error(err)
	}
}

// interruptAt is a log that does something at the first line with a message.
func interruptAt(t *testing.T, message string, do func()) *zap.Logger {
	t.Helper()
	done := false
	core := zapcore.NewCore(zapcore.NewJSONEncoder(zapcore.EncoderConfig{}), zapcore.AddSync(io.Discard), zap.InfoLevel)
	return zap.New(zapcore.RegisterHooks(core, func(e zapcore.Entry) error {
		if e.Message == message && !done {
			done = true
			do()
		}
		return nil
	}))
}

func TestMigrations(t *testing.T) {
	t.Parallel()
	c := settings(t)
	c.MigrateURL, c.DatabaseURL = c.DatabaseURL, "postgres://127.0.0.1:1/unused"
	status := func() string {
		t.Helper()
		var out strings.Builder
		if err := MigrationStatus(t.Context(), c, &out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if err := MigrateTo(t.Context(), c, 2); err != nil {
		t.Fatal(err)
	}
	if text := status(); strings.Count(text, "applied  ") != 2 || !strings.Contains(text, "pending  ") || !strings.HasPrefix(text, "applied  0001_") {
		t.Errorf("half way:\n%s", text)
	}
	if err := Migrate(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if text := status(); strings.Contains(text, "pending  ") {
		t.Errorf("at the end:\n%s", text)
	}
	if err := MigrationStatus(t.Context(), c, failingWriter{}); err == nil {
		t.Error("nobody could read it, and no error")
	}
	c.MigrateURL = c.DatabaseURL
	if err := MigrationStatus(t.Context(), c, io.Discard); err == nil {
		t.Error("the status of no database")
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// TestServe takes its settings from the environment; tests that set it do not run beside others.
func TestServe(t *testing.T) {
	database := dbtest.New(t)
	for name, value := range map[string]string{"ENVIRONMENT": "development", "DATABASE_URL": database, "REDIS_URL": redistest.New(t),
		"SECRET_KEY": fixture.Secret, "PRESSWORK_API_KEY": fixture.Key, "PRESSWORK_LISTEN": "127.0.0.1:0",
		"PRESSWORK_OPS_LISTEN": "127.0.0.1:0", "PRESSWORK_LOG_LEVEL": "error"} {
		t.Setenv(name, value)
	}
	pool := dbtest.Connect(t, database)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(ctx, func(c *config.Config) error { c.BulkSlots = 1; return nil }, false, API, Worker, Scheduler)
	}()
	fixture.Until(t, time.Minute, "the scheduler to beat", func() (bool, string) {
		var canary int64
		err := pool.QueryRow(t.Context(), `SELECT canary FROM queue_state`).Scan(&canary)
		return err == nil && canary > 0, "not yet"
	})
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("interrupted: %v", err)
	}
	if err := Serve(ctx, nil, false, API); err != nil {
		t.Errorf("interrupted before it started: %v", err)
	}
	if err := Serve(t.Context(), func(*config.Config) error { return errNotYet }, false); !errors.Is(err, errNotYet) {
		t.Errorf("settings that cannot be changed: %v", err)
	}
	if err := Serve(t.Context(), nil, false, "baker"); err == nil {
		t.Error("an unknown role")
	}
	t.Setenv("DATABASE_URL", "")
	if err := Serve(t.Context(), nil, false, API); err == nil || !strings.Contains(err.Error(), "DATABASE_URL is required") {
		t.Errorf("without a database: %v", err)
	}
	t.Setenv("PRESSWORK_LISEN", "x")
	if err := Serve(t.Context(), nil, false, API); err == nil || !strings.Contains(err.Error(), "PRESSWORK_LISEN") {
		t.Errorf("with a typo: %v", err)
	}
}

func TestClientFindsItsKey(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PRESSWORK_DATA_DIR", dir)
	t.Setenv("PRESSWORK_API_KEY", "")
	if _, err := Client(t.Context(), "", ""); err == nil || !strings.Contains(err.Error(), "PRESSWORK_API_KEY is not set") {
		t.Errorf("without a key: %v", err)
	}
	if _, err := Embed(t.Context(), &config.Config{DataDir: dir, DatabaseURL: "d", RedisURL: "r"}, zap.NewNop()); err != nil {
		t.Fatal(err)
	}
	for name, find := range map[string]func() error{
		"kept":  func() error { _, err := Client(t.Context(), "", ""); return err },
		"given": func() error { _, err := Client(t.Context(), "http://localhost:1", fixture.Key); return err },
	} {
		if err := find(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInterruptible(t *testing.T) {
	t.Parallel()
	ctx, stop := Interruptible(t.Context())
	if ctx.Err() != nil {
		t.Error(ctx.Err())
	}
	stop()
	<-ctx.Done()
}
