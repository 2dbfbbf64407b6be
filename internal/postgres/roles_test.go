package postgres

import (
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/testkit/dbtest"
)

// asOwner does what only the role that migrates may do to a test's database.
func asOwner(tb testing.TB, db *DB, sql string) {
	tb.Helper()
	conn, err := pgx.Connect(tb.Context(), dbtest.Owner(tb, db.pool.Config().ConnString()))
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := conn.Exec(tb.Context(), sql); err != nil {
		tb.Error(err)
	}
	if err := conn.Close(tb.Context()); err != nil {
		tb.Error(err)
	}
}

// TestPartitionsAreMadeByWhoOwnsNothing, as the owner's, and nothing else is: neither arguments nor temporary tables
// that stand in for others lead the function astray.
func TestPartitionsAreMadeByWhoOwnsNothing(t *testing.T) {
	t.Parallel()
	db := open(t)
	asOwner(t, db, `DO $$ BEGIN
		DROP TABLE delivery_1;
		EXECUTE format('DROP TABLE event_%s', to_char(now() AT TIME ZONE 'UTC' + interval '1 month', 'YYYY_MM'));
	END $$`)
	conn, err := db.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	for _, sql := range []string{
		`CREATE TEMP TABLE publication AS SELECT 5000000::bigint AS id`,
		`CREATE FUNCTION pg_temp.ensure_delivery_partitions(bigint) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'astray'; END $$`,
		`SET search_path = pg_temp, public`,
		`SELECT public.make_partitions()`, `SELECT public.make_partitions()`,
		`DISCARD ALL`,
	} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	if got := value[string](t, db, `SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relname ~ '^delivery_\d$'`); got != "delivery_0 delivery_1" {
		t.Errorf("made %s", got)
	}
	if n := value[int](t, db, `SELECT count(*)::int FROM pg_inherits WHERE inhparent = 'event'::regclass`); n != 2 {
		t.Errorf("%d partitions of events", n)
	}
	if own := value[int](t, db, `SELECT count(*)::int FROM pg_class WHERE relowner = current_user::regrole`); own != 0 {
		t.Errorf("the application owns %d relations", own)
	}
	exec(t, db, `INSERT INTO delivery (publication_id, recipient_id, channel_id) VALUES (1000001, 1, 1)`)
	for _, sql := range []string{
		`SELECT ensure_delivery_partitions(9000000)`, `SELECT ensure_event_partitions('2100-01-01')`,
		`DROP TABLE delivery_1`, `ALTER TABLE event ADD COLUMN x int`, `CREATE TABLE x ()`, `TRUNCATE outbox`,
		`CREATE OR REPLACE FUNCTION make_partitions() RETURNS void LANGUAGE sql AS 'SELECT'`,
	} {
		if _, err := db.pool.Exec(t.Context(), sql); err == nil {
			t.Errorf("the application may %s", sql)
		}
	}
}

// TestWithoutTheGrant a role may not make partitions, and says so.
func TestWithoutTheGrant(t *testing.T) {
	t.Parallel()
	db := open(t)
	asOwner(t, db, `REVOKE EXECUTE ON FUNCTION make_partitions() FROM `+dbtest.Role)
	if err := db.Maintain(t.Context()); err == nil || fault.KindOf(err) == fault.NotFound || !strings.Contains(err.Error(), "make partitions") {
		t.Errorf("got %v", err)
	}
}

// TestGrantsAreDocumented: the tests' application has the grants that the documentation tells operators to give.
func TestGrantsAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, grant := range dbtest.Grants() {
		if !strings.Contains(string(page), grant+";") {
			t.Errorf("docs/operations.md lacks %s;", grant)
		}
	}
}
