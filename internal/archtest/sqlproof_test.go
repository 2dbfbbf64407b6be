package archtest

import "testing"

func TestSQLCanFail(t *testing.T) {
	t.Parallel()
	one := func(text string) map[string]string {
		return map[string]string{"internal/postgres/f.go": "package postgres\n" + text + "\n"}
	}
	in := func(body string) map[string]string {
		return one(`import ("context"; "fmt"; "strings"; "github.com/jackc/pgx/v5")
const list = "SELECT 1"
type DB struct { pool interface { Exec(ctx context.Context, sql string, args ...any) error } }
func (db *DB) Do(ctx context.Context, b *pgx.Batch, name string, ok bool) {` + body + `}`)
	}
	bad := []string{"SQL that is not constant"}
	prove(t, checkSQL("internal/postgres", nil), []sample{
		{"literal", in("db.pool.Exec(ctx, `SELECT $1`, name)"), nil},
		{"constant", in(`db.pool.Exec(ctx, list+" LIMIT 1", name)`), nil},
		{"local constant", in(`const q = list + "x"; db.pool.Exec(ctx, q)`), nil},
		{"chosen among constants", in(`q := list; if ok { q = "SELECT 2" }; q += " LIMIT 1"; db.pool.Exec(ctx, q)`), nil},
		{"chosen from input", in(`q := list; if ok { q = name }; db.pool.Exec(ctx, q)`), bad},
		{"added from input", in(`q := list; q += name; db.pool.Exec(ctx, q)`), bad},
		{"embedded", one("import _ \"embed\"\n//go:embed q.sql\nvar q string\nfunc f(db DB) { db.Exec(nil, q) }"), nil},
		{"variable of the package", one(`var q = g(); func g() string { return "" }; func f(db DB) { db.Exec(nil, q) }`), bad},
		{"unset variable", one(`var q string; func f(db DB) { db.Exec(nil, q) }`), bad},
		{"Sprintf", in(`db.pool.Exec(ctx, fmt.Sprintf("DROP TABLE %s", name))`), bad},
		{"Sprintf kept", in(`q := fmt.Sprintf("DROP TABLE %s", name); db.pool.Exec(ctx, q)`), bad},
		{"concatenation", in(`db.pool.Exec(ctx, "SELECT '"+name+"'")`), bad},
		{"joined", in(`db.pool.Exec(ctx, strings.Join([]string{"a", name}, ""))`), bad},
		{"QueryRow", in(`db.pool.QueryRow(ctx, fmt.Sprint(name))`), bad},
		{"batch", in(`b.Queue(fmt.Sprint(name))`), bad},
		{"constant batch", in(`b.Queue("SELECT $1", name)`), nil},
		{"queue of a task", in(`tasks.Render{}.Queue(name)`), nil},
		{"copy", in(`db.pool.CopyFrom(ctx, pgx.Identifier{"delivery"}, nil, nil)`), nil},
		{"copy to a named table", in(`db.pool.CopyFrom(ctx, pgx.Identifier{name.table()}, nil, nil)`), bad},
		{"other Query", in(`name.URL.Query()`), nil},
		{"field", in(`db.pool.Exec(ctx, db.text)`), bad},
		{"range", in(`for _, q := range db.all { db.pool.Exec(ctx, q) }`), bad},
		{"second result", in(`q, _ := g(); db.pool.Exec(ctx, q)`), bad},
		{"closure", in(`func(q string) { db.pool.Exec(ctx, q) }(name)`), bad},
		{"elsewhere", map[string]string{"internal/devstack/f.go": "package d\nfunc f(db DB, s string) { db.Exec(nil, s) }\n"}, nil},
		{"test", map[string]string{"internal/postgres/f_test.go": "package p\nfunc f(db DB, s string) { db.Exec(nil, s) }\n"}, nil},
	})
	helper := "func one[T any](db DB, sql string) { db.QueryRow(nil, sql) }\nfunc two(sql string) { one[int](DB{}, sql+\" LIMIT 1\") }\n"
	prove(t, checkSQL("internal/postgres", nil), []sample{
		{"helper with a constant", one(helper + `func f() { two("SELECT 1") }`), nil},
		{"helper with input", one(helper + `func f(s string) { two("SELECT " + g(s)) }`), []string{"not constant in f"}},
		{"unexported helper's parameter", one(helper + `func f(s string) { two(s) }`), nil},
		{"exported helper", one(helper + `func F(s string) { two(s) }`), []string{"not constant in F"}},
		{"method of an unexported type", one(helper + `type tx int; func (tx) Exec(_ int, s string) { two(s) }`), nil},
		{"method of an exported type", one(helper + `type Tx int; func (*Tx) Exec(_ int, s string) { two(s) }`), []string{"not constant in Exec"}},
	})
	exceptions := map[string]string{"internal/postgres/f.go:f": "its parts come from a closed table"}
	prove(t, checkSQL("internal/postgres", exceptions), []sample{
		{"exception", one(`func f(db DB) { db.Exec(nil, g()) }`), nil},
		{"needless exception", one(`func f(db DB) { db.Exec(nil, "SELECT 1") }`), []string{"nothing needs the exception"}},
	})
}
