package attack

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/presswork/presswork/internal/app"
	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/sandbox"
	"github.com/presswork/presswork/internal/testkit/dbtest"
	"github.com/presswork/presswork/internal/testkit/fixture"
	"github.com/presswork/presswork/internal/testkit/redistest"
	"github.com/presswork/presswork/tasks"
)

// patience is how long anything may take that normally takes less than a second or two: the machine may be busy with other tests.
const patience = 3 * time.Minute

// house is a running Presswork with stand-in providers, on a database that notices what must not run in it.
type house struct {
	*fixture.API
	sandbox *sandbox.Sandbox
	t       testing.TB
	app     *app.App
	pool    *pgxpool.Pool
	owner   *pgxpool.Pool
	logs    *observer.ObservedLogs
	tables  string // as they were
}

// open starts a house with the roles; change may change its settings.
func open(t testing.TB, change func(*config.Config), roles ...app.Role) *house {
	t.Helper()
	s, err := sandbox.Start(t.Context(), sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	database := dbtest.New(t)
	h := &house{sandbox: s, t: t, owner: dbtest.Connect(t, dbtest.Owner(t, database))}
	h.trap()
	core, logs := observer.New(zapcore.InfoLevel)
	h.logs = logs
	c := config.Config{
		Environment: "development", DatabaseURL: database, RedisURL: redistest.New(t),
		SecretKey: fixture.Secret, APIKey: fixture.Key, Organisation: "The House",
		Listen: "127.0.0.1:0", OpsListen: "127.0.0.1:0", QueueWeights: tasks.Queues(),
		UrgentSlots: 2, BulkSlots: 2, Connections: 4, DatabasePool: 8, ShutdownGrace: 20 * time.Second,
	}
	change(&c)
	if h.app, err = app.New(t.Context(), &c, zap.New(core), roles...); err != nil {
		t.Fatal(err)
	}
	if err := h.app.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.close)
	h.API, h.pool = fixture.NewAPI(t, h.app.APIURL), dbtest.Connect(t, database)
	h.tables = h.schema()
	return h
}

func (h *house) close() {
	if err := h.app.Close(); err != nil {
		h.t.Errorf("stop: %v", err)
	}
	for _, entry := range h.logs.All() {
		if strings.Contains(entry.Message, "panic") {
			h.t.Errorf("%s: %v", entry.Message, entry.ContextMap())
		}
		if h.t.Failed() && entry.Level > zapcore.InfoLevel {
			h.t.Log(entry.Level, entry.Message, entry.ContextMap())
		}
	}
}

// host is the API's address as a socket has it.
func (h *house) host() string { return strings.TrimPrefix(h.URL, "http://") }

// trap makes what the corpus aims at. A sequence counts whatever runs, since no rollback takes that back; the functions that
// wait are found here before those of PostgreSQL, and count as well.
func (h *house) trap() {
	h.t.Helper()
	for _, statement := range []string{
		`CREATE SEQUENCE attack_marks`,
		`CREATE FUNCTION attack_mark() RETURNS bigint LANGUAGE sql AS $$ SELECT nextval('public.attack_marks') $$`,
		`CREATE FUNCTION pg_sleep(double precision) RETURNS bigint LANGUAGE sql AS $$ SELECT nextval('public.attack_marks') $$`,
		`CREATE FUNCTION pg_sleep_for(interval) RETURNS bigint LANGUAGE sql AS $$ SELECT nextval('public.attack_marks') $$`,
		`CREATE TABLE attack_canary (word text)`,
		`INSERT INTO attack_canary VALUES ('sings')`,
		`GRANT ALL ON attack_canary, attack_marks TO ` + dbtest.Role,
		`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, pg_catalog', current_database()); END $$`,
	} {
		if _, err := h.owner.Exec(h.t.Context(), statement); err != nil {
			h.t.Fatalf("%s: %v", statement, err)
		}
	}
}

// schema names all tables with their columns, and how many functions there are.
func (h *house) schema() string {
	return value[string](h, `SELECT string_agg(table_name || '.' || column_name, ' ' ORDER BY table_name, column_name) ||
		(SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace)
		FROM information_schema.columns WHERE table_schema = 'public'`)
}

// wantNothingRan fails if any SQL of the corpus was executed.
func (h *house) wantNothingRan() {
	h.t.Helper()
	if marks := value[bool](h, `SELECT is_called FROM attack_marks`); marks {
		h.t.Errorf("SQL of the corpus ran: %d times", value[int64](h, `SELECT last_value FROM attack_marks`))
	}
	if rows := value[string](h, `SELECT coalesce(string_agg(word, ','), 'empty') FROM attack_canary`); rows != "sings" {
		h.t.Errorf("the canary's table has %q", rows)
	}
	if now := h.schema(); now != h.tables {
		h.t.Errorf("tables were\n%s\nand are\n%s", h.tables, now)
	}
}

// TestTheTrapWorks: what the corpus says would be noticed if it ran, also in a transaction that fails.
func TestTheTrapWorks(t *testing.T) {
	t.Parallel()
	address := dbtest.New(t)
	h := &house{t: t, owner: dbtest.Connect(t, dbtest.Owner(t, address))}
	h.trap()
	h.pool = dbtest.Connect(t, address)
	for i, statement := range []string{"SELECT attack_mark()", "SELECT pg_sleep(30)", "SELECT pg_sleep_for('30 seconds')"} {
		tx, err := h.pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := value[int64](h, `SELECT last_value FROM attack_marks WHERE is_called`); got != int64(i+1) {
			t.Errorf("%s: %d marks", statement, got)
		}
	}
}

// value is the result of a query about the record itself.
func value[T any](h *house, query string, args ...any) T {
	h.t.Helper()
	v, err := one[T](h, query, args...)
	if err != nil {
		h.t.Fatal(err)
	}
	return v
}

func one[T any](h *house, query string, args ...any) (T, error) {
	rows, err := h.owner.Query(h.t.Context(), query, args...)
	if err != nil {
		var none T
		return none, err
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowTo[T])
}
