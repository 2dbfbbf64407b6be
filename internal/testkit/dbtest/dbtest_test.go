package dbtest

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
)

func TestMain(m *testing.M) { Main(m) }

// value runs a query with one result.
func value[T any](t *testing.T, url, query string, args ...any) T {
	t.Helper()
	var v T
	if err := Connect(t, url).QueryRow(t.Context(), query, args...).Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func steps(name, sql string) fstest.MapFS {
	return fstest.MapFS{name: {Data: []byte("-- +goose Up\n" + sql + "\n-- +goose Down\nSELECT 1;\n")}}
}

func TestNewIsMigrated(t *testing.T) {
	t.Parallel()
	url := New(t)
	if n := value[int](t, url, "SELECT count(*)::int FROM goose_db_version"); n < 2 {
		t.Errorf("%d migrations are recorded", n)
	}
	if super := value[bool](t, url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"); super {
		t.Error("tests run as a superuser")
	}
	own := value[int](t, url, `SELECT count(*)::int FROM pg_class WHERE relowner = current_user::regrole`)
	if own != 0 {
		t.Errorf("the application owns %d tables", own)
	}
	if _, err := Connect(t, url).Exec(t.Context(), "CREATE TABLE mine (id int)"); err == nil {
		t.Error("the application may make tables")
	}
	if owner := value[string](t, Owner(t, url), "SELECT tableowner FROM pg_tables WHERE tablename = 'publication'"); owner != ownerRole {
		t.Errorf("they belong to %s", owner)
	}
}

func TestNewEmptyIsEmpty(t *testing.T) {
	t.Parallel()
	url := NewEmpty(t)
	if n := value[int](t, url, "SELECT count(*)::int FROM pg_tables WHERE schemaname = 'public'"); n != 0 {
		t.Errorf("an empty database has %d tables", n)
	}
	if _, err := Connect(t, url).Exec(t.Context(), "CREATE TABLE mine (id int)"); err != nil {
		t.Errorf("the owner may not make a table: %v", err)
	}
}

func TestDatabasesAreApart(t *testing.T) {
	t.Parallel()
	shared := steps("0001_note.sql", "CREATE TABLE note (body text);")
	for range 16 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			pool := Connect(t, clone(t, shared))
			if _, err := pool.Exec(t.Context(), "INSERT INTO note VALUES ('x')"); err != nil {
				t.Fatal(err)
			}
			var n int
			if err := pool.QueryRow(t.Context(), "SELECT count(*) FROM note").Scan(&n); err != nil || n != 1 {
				t.Errorf("a test sees %d notes: %v", n, err)
			}
		})
	}
}

func TestDroppedAtTheEnd(t *testing.T) {
	t.Parallel()
	var name string
	t.Run("inner", func(t *testing.T) {
		pool := Pool(t)
		name = pool.Config().ConnConfig.Database
	})
	admin := Admin(t)
	there, err := exists(t.Context(), admin, name)
	if err != nil || there {
		t.Errorf("%s is still there: %v", name, err)
	}
}

// Each connection stands for another process: the lock is the server's.
func TestTemplateIsMadeOnce(t *testing.T) {
	t.Parallel()
	made := steps("0001_slow.sql", "SELECT pg_sleep(0.1); CREATE TABLE slow ();")
	names := make([]string, 8)
	var wg sync.WaitGroup
	for i := range names {
		wg.Go(func() {
			err := asAdmin(t, func(ctx context.Context, admin *pgx.Conn) (err error) {
				names[i], err = ensureTemplate(ctx, admin, made)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, name := range names {
		if name != names[0] || name == "" {
			t.Fatalf("different templates: %q", names)
		}
	}
}

func TestBrokenMigrationLeavesNoTemplate(t *testing.T) {
	t.Parallel()
	broken := steps("0001_broken.sql", "CREATE TABLE;")
	for range 2 { // the second meets what the first left behind
		err := asAdmin(t, func(ctx context.Context, admin *pgx.Conn) error {
			_, err := ensureTemplate(ctx, admin, broken)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), "migrate the template") {
			t.Errorf("got %v", err)
		}
	}
	sum, err := hash(broken)
	if err != nil {
		t.Fatal(err)
	}
	if there, err := exists(t.Context(), Admin(t), "template_"+sum); err != nil || there {
		t.Errorf("a template was made of it: %v, %v", there, err)
	}
}

func TestHash(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for name, fsys := range map[string]fstest.MapFS{
		"none":          {},
		"one":           {"a": {Data: []byte("x")}},
		"other name":    {"b": {Data: []byte("x")}},
		"other content": {"a": {Data: []byte("y")}},
		"shifted":       {"ax": {Data: []byte("")}},
		"two":           {"a": {Data: []byte("x")}, "b": {Data: []byte("x")}},
	} {
		sum, err := hash(fsys)
		if err != nil {
			t.Fatal(err)
		}
		if twin, ok := seen[sum]; ok {
			t.Errorf("%s and %s have the same hash", name, twin)
		}
		seen[sum] = name
	}
}

func TestDatabaseURL(t *testing.T) {
	t.Parallel()
	for admin, want := range map[string]string{ //nolint:gosec // made-up passwords
		"postgres://postgres@/postgres?host=%2Frun&port=5432": "postgres://presswork@/x?host=%2Frun&port=5432",
		"postgres://root:secret@db:5433/postgres":             "postgres://presswork:secret@db:5433/x",
		"postgresql://db": "postgresql://presswork@db/x",
	} {
		if got, err := databaseURL(admin, Role, "x"); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", admin, got, err, want)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		New(b)
	}
}
