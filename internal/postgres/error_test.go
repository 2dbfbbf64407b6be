package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/testkit/dbtest"
)

// TestErrorsRepeatNoValues of a row or of a statement: they end in logs.
func TestErrorsRepeatNoValues(t *testing.T) {
	t.Parallel()
	db := open(t)
	for name, ask := range map[string]func(out any) error{
		"a cast": func(out any) error {
			return db.pool.QueryRow(t.Context(), `SELECT $1::text::bigint`, "ann@x.org").Scan(out)
		},
		"a date": func(out any) error {
			return db.pool.QueryRow(t.Context(), `SELECT $1::text::date`, "ann@x.org").Scan(out)
		},
		"JSON": func(out any) error {
			return db.pool.QueryRow(t.Context(), `SELECT $1::text::jsonb`, "ann@x.org").Scan(out)
		},
		"an exception": func(any) error {
			_, err := db.pool.Exec(t.Context(), `DO $$ BEGIN RAISE EXCEPTION 'ann@x.org'; END $$`)
			return err
		},
		"an argument": func(out any) error { return db.pool.QueryRow(t.Context(), `SELECT $1::bigint`, "ann@x.org").Scan(out) },
	} {
		var out any
		raw := ask(&out)
		if err := translate(raw, "ask"); raw == nil || !strings.Contains(raw.Error(), "ann@x.org") && name != "JSON" || strings.Contains(err.Error(), "ann") || !errors.Is(err, raw) {
			t.Errorf("%s: %v of %v", name, err, raw)
		}
	}
}

func TestTranslate(t *testing.T) {
	t.Parallel()
	state := func(code string) error {
		return fmt.Errorf("query: %w", &pgconn.PgError{Code: code, ConstraintName: "c"})
	}
	for name, tc := range map[string]struct {
		err  error
		kind fault.Kind
		code string
	}{
		"no row":                {pgx.ErrNoRows, fault.NotFound, "not_found"},
		"unique violation":      {state("23505"), fault.Conflict, "already_exists"},
		"foreign key violation": {state("23503"), fault.Conflict, "in_use"},
		"statement timeout":     {state("57014"), fault.Timeout, "database_timeout"},
		"idle in transaction":   {state("25P03"), fault.Timeout, "database_timeout"},
		"shutting down":         {state("57P01"), fault.Unavailable, "database_unavailable"},
		"starting up":           {state("57P03"), fault.Unavailable, "database_unavailable"},
		"connection failure":    {state("08006"), fault.Unavailable, "database_unavailable"},
		"too many connections":  {state("53300"), fault.Unavailable, "database_unavailable"},
		"disk full":             {state("53100"), fault.Unavailable, "database_unavailable"},
		"syntax error":          {state("42601"), fault.Internal, "internal"},
		"deadline":              {fmt.Errorf("x: %w", context.DeadlineExceeded), fault.Timeout, "database_timeout"},
		"cancelled":             {fmt.Errorf("x: %w", context.Canceled), fault.Internal, "internal"},
		"network":               {&net.OpError{Op: "read", Err: errors.New("connection reset by peer")}, fault.Unavailable, "database_unavailable"},
		"closed":                {net.ErrClosed, fault.Unavailable, "database_unavailable"},
		"closed by us":          {errors.New("conn closed"), fault.Unavailable, "database_unavailable"},
		"cut":                   {fmt.Errorf("receive: %w", io.ErrUnexpectedEOF), fault.Unavailable, "database_unavailable"},
		"of our own":            {fault.New(fault.Forbidden, "no", ""), fault.Forbidden, "no"},
		"something else":        {errors.New("odd"), fault.Internal, "internal"},
	} {
		got := translate(tc.err, "do something")
		if !fault.Is(got, tc.kind) || fault.CodeOf(got) != tc.code || !errors.Is(got, tc.err) {
			t.Errorf("%s: %v", name, got)
		}
		if tc.kind != fault.Forbidden && !strings.HasPrefix(got.Error(), "do something: ") {
			t.Errorf("%s does not say what was done: %v", name, got)
		}
	}
	if err := translate(nil, "do something"); err != nil {
		t.Error(err)
	}
}

func TestDatabaseTimeouts(t *testing.T) {
	t.Parallel()
	db, err := Open(t.Context(), dbtest.New(t), Options{MaxConns: 2, StatementTimeout: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	err = db.tx(t.Context(), "sleep", func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `SELECT pg_sleep(60)`)
		return err
	})
	if !fault.Is(err, fault.Timeout) {
		t.Errorf("a slow statement: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	if err := db.Ping(ctx); !fault.Is(err, fault.Timeout) {
		t.Errorf("no time left: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if err := db.Ping(ctx); !errors.Is(err, context.Canceled) || fault.Is(err, fault.Timeout) || fault.Is(err, fault.Unavailable) {
		t.Errorf("cancelled: %v", err)
	}
	if err := db.Ping(t.Context()); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	away, err := Open(t.Context(), "postgres://nobody@127.0.0.1:1/none", Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(away.Close)
	if err := away.Ping(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("nobody there: %v", err)
	}
	if db, err := Open(t.Context(), "postgres://%zz", Options{}); err == nil || strings.Contains(err.Error(), "panic") {
		t.Errorf("no URL: %v, %v", db, err)
	}
	// The server ends the connection in the middle of a transaction, as in a fail-over; the pool recovers.
	db := open(t)
	err = db.tx(t.Context(), "be cut", func(tx pgx.Tx) error {
		var pid int
		if err := tx.QueryRow(t.Context(), `SELECT pg_backend_pid()`).Scan(&pid); err != nil {
			return err
		}
		exec(t, db, `SELECT pg_terminate_backend($1, 10000)`, pid)
		_, err := tx.Exec(t.Context(), `SELECT 1`)
		return err
	})
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("cut: %v", err)
	}
	if err := db.Ping(t.Context()); err != nil {
		t.Errorf("after the cut: %v", err)
	}
}

func TestTooManyConnections(t *testing.T) {
	t.Parallel()
	url := dbtest.New(t)
	db, err := Open(t.Context(), url, Options{MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	asOwner(t, db, `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 0', current_database()); END $$`)
	db.Close()
	full, err := Open(t.Context(), url, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(full.Close)
	if err := full.Ping(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("no connection is free: %v", err)
	}
}

func TestPoolLimits(t *testing.T) {
	t.Parallel()
	url := dbtest.New(t)
	for asked, want := range map[int]int32{-1: 20, 0: 20, 5: 5, 30: 30, 31: 30, 1000: 30} {
		db, err := Open(t.Context(), url, Options{MaxConns: asked})
		if err != nil {
			t.Fatal(err)
		}
		if got := db.Stat().Max; got != want {
			t.Errorf("asked for %d: at most %d, want %d", asked, got, want)
		}
		db.Close()
	}
	db, err := Open(t.Context(), url, Options{MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	if err := db.tx(t.Context(), "hold the connection", func(pgx.Tx) error {
		if s := db.Stat(); s.Acquired != 1 || s.Idle != 0 {
			t.Errorf("%+v while one is borrowed", s)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if err := db.Ping(ctx); !fault.Is(err, fault.Timeout) {
			t.Errorf("waiting for a connection: %v", err)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	// Sessions end what hangs, and say who they are.
	for setting, want := range map[string]string{"statement_timeout": "10s", "idle_in_transaction_session_timeout": "30s",
		"TimeZone": "UTC", "application_name": "presswork"} {
		if got := value[string](t, db, `SELECT current_setting($1)`, setting); got != want {
			t.Errorf("%s is %s, want %s", setting, got, want)
		}
	}
}

func TestTransactionsAreRunAgainAfterADeadlock(t *testing.T) {
	t.Parallel()
	db := open(t)
	for code, want := range map[string]int{"40P01": serializationTries, "40001": serializationTries, "23505": 1} {
		tries := 0
		err := db.tx(t.Context(), "try", func(pgx.Tx) error { tries++; return &pgconn.PgError{Code: code} })
		if err == nil || tries != want {
			t.Errorf("%s: %d tries, %v, want %d", code, tries, err, want)
		}
	}
}

// TestSlowStatementsAreLoggedWithoutParameters since those are people's data.
func TestSlowStatementsAreLoggedWithoutParameters(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zapcore.DebugLevel)
	config, err := pgxpool.ParseConfig(dbtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	config.ConnConfig.Tracer = slowTracer{log: zap.New(core), slow: -1} // every statement is slower than that
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if _, err := pool.Exec(t.Context(), `SELECT $1::text`, "ada@example.org"); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(t.Context(), `SELECT 1 / $1::integer`, 0); err == nil {
		t.Fatal("divided by zero")
	}
	var batch pgx.Batch
	batch.Queue(`SELECT $1::text`, "ada@example.org")
	batch.Queue(`SELECT 2`)
	batch.Queue(`SELECT $1::text`, "bob@example.org")
	if err := pool.SendBatch(t.Context(), &batch).Close(); err != nil {
		t.Fatal(err)
	}
	entries := logs.FilterMessage("slow statement").All()
	if len(entries) != 3 || entries[2].ContextMap()["sql"] != "SELECT $1::text;\nSELECT 2" || entries[2].ContextMap()["failed"] != false || entries[0].ContextMap()["sql"] != `SELECT $1::text` || entries[0].ContextMap()["failed"] != false ||
		entries[1].ContextMap()["failed"] != true {
		t.Errorf("logged %v", entries)
	}
	if text := fmt.Sprint(entries); strings.Contains(text, "@example") {
		t.Errorf("a parameter is in the log: %s", text)
	}
	// A quick statement, and one whose begin was not seen, are not worth a line.
	quick := slowTracer{log: zap.New(core), slow: time.Hour}
	quick.TraceQueryEnd(quick.TraceQueryStart(t.Context(), nil, pgx.TraceQueryStartData{}), nil, pgx.TraceQueryEndData{})
	quick.TraceQueryEnd(t.Context(), nil, pgx.TraceQueryEndData{})
	quick.TraceBatchEnd(quick.TraceBatchStart(t.Context(), nil, pgx.TraceBatchStartData{}), nil, pgx.TraceBatchEndData{})
	quick.TraceBatchQuery(t.Context(), nil, pgx.TraceBatchQueryData{})
	quick.TraceBatchEnd(t.Context(), nil, pgx.TraceBatchEndData{})
	if n := logs.Len(); n != 3 {
		t.Errorf("%d lines, want 3", n)
	}
}
