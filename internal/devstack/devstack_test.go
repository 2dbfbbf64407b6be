package devstack

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(helperVariable); role != "" {
		helper(role)
		return
	}
	goleak.VerifyTestMain(m)
}

// start starts a stack that the test stops.
func start(t *testing.T, o Options) *Stack {
	t.Helper()
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// dataFolder makes a folder that PostgreSQL's user reaches even when we are root.
// t.TempDir alone is closed to others.
func dataFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, part := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(part, FolderMode()); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// ask runs one query with one result.
func ask[T any](t *testing.T, url, query string) T {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	var answer T
	if err := errors.Join(conn.QueryRow(t.Context(), query).Scan(&answer), conn.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	return answer
}

// with calls do with a client of the Redis at url.
func with(t *testing.T, url string, do func(context.Context, *redis.Client) error) {
	t.Helper()
	opts, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(opts)
	if err := errors.Join(do(t.Context(), client), client.Close()); err != nil {
		t.Fatal(err)
	}
}

func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err == nil && strings.Contains(string(stat), ") Z ") {
		return false // dead, but nobody has collected it
	}
	return syscall.Kill(pid, 0) == nil
}

func TestStartAndClose(t *testing.T) {
	t.Parallel()
	s := start(t, Options{RequireRedis: true})
	if got := ask[bool](t, s.DatabaseURL(), "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"); got {
		t.Error("the application's role is a superuser")
	}
	if got := ask[string](t, s.DatabaseURL(), "SELECT lower('ÉCOLE')"); got != "école" {
		t.Errorf("lower case: got %q", got)
	}
	if got := ask[bool](t, s.AdminURL(), "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"); !got {
		t.Error("the admin is not a superuser")
	}
	if got := ask[string](t, s.AdminURL(), "SHOW fsync"); got != "off" {
		t.Errorf("fsync is %s in a stack that need not be durable", got)
	}
	with(t, strings.TrimSuffix(s.RedisURL(), "/0")+"/511", func(ctx context.Context, c *redis.Client) error {
		return c.Ping(ctx).Err()
	})
	if s.RedisInProcess() {
		t.Error("an imitation stands in for Redis")
	}
	pids := []int{s.PostgresPID(), s.RedisPID()}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("process %d outlives its stack", pid)
		}
	}
	if _, err := os.Stat(s.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the temporary folder is still there: %v", err)
	}
}

func TestKeepsDataBetweenRuns(t *testing.T) {
	t.Parallel()
	o := Options{Dir: filepath.Join(dataFolder(t), "new", "folder"), Durable: true, RequireRedis: true}
	for run := 1; run <= 3; run++ {
		s := start(t, o)
		if got := ask[string](t, s.AdminURL(), "SHOW fsync"); got != "on" {
			t.Errorf("fsync is %s in a durable stack", got)
		}

		if got := countRun(t, s.DatabaseURL()); got != run {
			t.Errorf("PostgreSQL counts %d in run %d", got, run)
		}
		with(t, s.RedisURL(), func(ctx context.Context, c *redis.Client) error {
			got, err := c.Incr(ctx, "runs").Result()
			if got != int64(run) {
				t.Errorf("Redis counts %d in run %d", got, run)
			}
			return err
		})
		if run == 2 { // a crash between two orderly ends
			if err := syscall.Kill(s.PostgresPID(), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// countRun adds a row to a table, made if needed, and counts the rows.
func countRun(t *testing.T, url string) int {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	_, err = conn.Exec(t.Context(), "CREATE TABLE IF NOT EXISTS run (); INSERT INTO run DEFAULT VALUES")
	if err := errors.Join(err, conn.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	return ask[int](t, url, "SELECT count(*)::int FROM run")
}

func TestRestartAfterCrash(t *testing.T) {
	t.Parallel()
	s := start(t, Options{RequireRedis: true, Durable: true})
	database, cache := s.DatabaseURL(), s.RedisURL()
	for run := 1; run <= 4; run++ {
		if got := countRun(t, database); got != run {
			t.Errorf("PostgreSQL counts %d in run %d", got, run)
		}
		pids := []int{s.PostgresPID(), s.RedisPID()}
		if run%2 == 0 { // else the restart has to end them
			for _, pid := range pids {
				if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := errors.Join(s.RestartPostgres(t.Context()), s.RestartRedis(t.Context())); err != nil {
			t.Fatal(err)
		}
		if s.PostgresPID() == pids[0] || s.RedisPID() == pids[1] {
			t.Error("a server was not restarted")
		}
		with(t, cache, func(ctx context.Context, c *redis.Client) error { return c.Ping(ctx).Err() })
	}
}

// A restored Redis holds what it held when it was copied, and nothing since.
func TestRestoreRedis(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Redis: true, RequireRedis: true, Durable: true})
	add := func() (n int64) {
		with(t, s.RedisURL(), func(ctx context.Context, c *redis.Client) (err error) {
			n, err = c.Incr(ctx, "visits").Result()
			return err
		})
		return n
	}
	add()
	backup := filepath.Join(t.TempDir(), "backup")
	if err := s.CopyRedis(backup); err != nil {
		t.Fatal(err)
	}
	add()
	for range 2 {
		if err := s.RestoreRedis(t.Context(), backup); err != nil {
			t.Fatal(err)
		}
		if n := add(); n != 2 {
			t.Errorf("the restored Redis counts %d", n)
		}
	}
	if err := s.RestoreRedis(t.Context(), filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("restored from nothing")
	}
	if err := s.CopyRedis(backup); err == nil {
		t.Error("copied over an earlier copy")
	}
}

func TestOneStackPerFolder(t *testing.T) {
	t.Parallel()
	o := Options{Dir: t.TempDir(), Redis: true, RequireRedis: true}
	start(t, o)
	_, err := Start(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "in use by process "+strconv.Itoa(os.Getpid())) {
		t.Errorf("a second stack on the folder: got %v", err)
	}
}

func TestUnreachableFolder(t *testing.T) {
	t.Parallel()
	parent := filepath.Join(t.TempDir(), "private")
	if err := os.Mkdir(parent, 0o700); err != nil {
		t.Fatal(err)
	}
	o := Options{Dir: filepath.Join(parent, "stack"), Postgres: true}
	t.Cleanup(func() {
		if err := removeStack(o.Dir); err != nil {
			t.Error(err)
		}
	})
	for range 2 {
		s := start(t, o)
		ask[int](t, s.DatabaseURL(), "SELECT 1")
		info, err := os.Lstat(filepath.Join(o.Dir, "postgres"))
		if err != nil {
			t.Fatal(err)
		}
		moved := info.Mode()&os.ModeSymlink != 0
		if asRoot := os.Getuid() == 0; moved != asRoot {
			t.Errorf("as root: %v, placed elsewhere: %v", asRoot, moved)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLongFolderName(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Dir: filepath.Join(dataFolder(t), strings.Repeat("long", 30)), Postgres: true})
	ask[int](t, s.DatabaseURL(), "SELECT 1")
	scratch := s.postgres.scratch
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(scratch); scratch == "" || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket's folder %q is still there: %v", scratch, err)
	}
}

func TestWithoutRedisServer(t *testing.T) {
	t.Parallel()
	var said []string
	o := Options{
		Redis: true, findRedis: func() (string, error) { return "", ErrNoRedis },
		Log: func(msg string, _ ...any) { said = append(said, msg) },
	}
	s := start(t, o)
	if !s.RedisInProcess() || len(said) != 1 || s.RedisPID() != 0 {
		t.Errorf("in process: %v, pid %d, said %q", s.RedisInProcess(), s.RedisPID(), said)
	}
	with(t, s.RedisURL(), func(ctx context.Context, c *redis.Client) error {
		if err := c.Set(ctx, "k", "v", 50*time.Millisecond).Err(); err != nil {
			return err
		}
		for c.Exists(ctx, "k").Val() == 1 { // keys expire by themselves; else the test times out
			if err := pause(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	o.RequireRedis = true
	if _, err := Start(t.Context(), o); !errors.Is(err, ErrNoRedis) {
		t.Errorf("Redis required but missing: got %v", err)
	}
}

func TestStartGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ctx, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestStartExplainsWhatPostgresSaid(t *testing.T) {
	t.Parallel()
	o := Options{Dir: dataFolder(t), Postgres: true}
	if err := start(t, o).Close(); err != nil {
		t.Fatal(err)
	}
	version := filepath.Join(o.Dir, "postgres", "data", "PG_VERSION")
	if err := os.WriteFile(version, []byte("9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "incompatible") {
		t.Errorf("got %v", err)
	}
}
