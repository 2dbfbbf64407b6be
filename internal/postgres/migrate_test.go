package postgres

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/testkit/dbtest"
	"github.com/presswork/presswork/migrations"
)

// schemaOf is everything in the schema public as text, goose's own table aside.
const schemaOf = `
WITH rel AS (
    SELECT c.* FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relname NOT LIKE 'goose_db_version%'
)
SELECT line FROM (
    SELECT format('%s %s %s %s', relkind, relname, reloptions, pg_get_expr(relpartbound, oid)) AS line FROM rel
    UNION ALL
    SELECT format('column %s.%s %s null=%s %s %s', rel.relname, attname, format_type(atttypid, atttypmod), NOT attnotnull,
                  attidentity, pg_get_expr(adbin, adrelid))
    FROM pg_attribute a JOIN rel ON rel.oid = a.attrelid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE attnum > 0 AND NOT attisdropped
    UNION ALL SELECT pg_get_indexdef(oid) FROM rel WHERE relkind IN ('i', 'I')
    UNION ALL SELECT format('constraint %s.%s %s', rel.relname, conname, pg_get_constraintdef(k.oid)) FROM pg_constraint k JOIN rel ON rel.oid = conrelid
    UNION ALL SELECT pg_get_functiondef(p.oid) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'public'
    UNION ALL SELECT 'type ' || t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
              WHERE n.nspname = 'public' AND t.typname NOT LIKE '%goose_db_version%'
    UNION ALL SELECT 'trigger ' || pg_get_triggerdef(g.oid) FROM pg_trigger g JOIN rel ON rel.oid = g.tgrelid WHERE NOT tgisinternal
) x ORDER BY line`

func schema(t *testing.T, url string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	rows, err := conn.Query(t.Context(), schemaOf)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

func migrateTo(t *testing.T, url string, version int64) string {
	t.Helper()
	if err := MigrateTo(t.Context(), url, version); err != nil {
		t.Fatalf("to version %d: %v", version, err)
	}
	return schema(t, url)
}

// TestEachStepDownUndoesItsStepUp, back to the empty database, from where all of them lead up again.
func TestEachStepDownUndoesItsStepUp(t *testing.T) {
	t.Parallel()
	url := dbtest.NewEmpty(t)
	empty := schema(t, url)
	steps, err := Migrations(t.Context(), url)
	if err != nil || len(steps) == 0 {
		t.Fatal(steps, err)
	}
	at := []string{empty} // at[i] is the schema below steps[i]
	for i, step := range steps {
		if step.Version != int64(i+1) || step.Applied {
			t.Fatalf("step %d is %+v", i+1, step)
		}
		at = append(at, migrateTo(t, url, step.Version))
		if at[i+1] == at[i] {
			t.Errorf("%s changes nothing", step.Name)
		}
	}
	for i, step := range slices.Backward(steps) {
		if back := migrateTo(t, url, step.Version-1); back != at[i] {
			t.Errorf("%s down leaves\n%s\nwant\n%s", step.Name, back, at[i])
		}
	}
	if err := Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	if up := schema(t, url); up != at[len(steps)] {
		t.Errorf("all the way up again makes\n%s\nwant\n%s", up, at[len(steps)])
	}
	if steps, err = Migrations(t.Context(), url); err != nil || !steps[len(steps)-1].Applied || steps[0].Name == "" {
		t.Errorf("%+v, %v", steps, err)
	}
}

func TestManyMigrateAtOnce(t *testing.T) {
	t.Parallel()
	url := dbtest.NewEmpty(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := Migrate(t.Context(), url); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got, want := schema(t, url), schema(t, dbtest.New(t)); got != want {
		t.Errorf("made\n%s\nwant\n%s", got, want)
	}
}

func TestSchemaReady(t *testing.T) {
	t.Parallel()
	url := dbtest.NewEmpty(t)
	db, err := Open(t.Context(), url, Options{MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	if err := db.SchemaReady(t.Context()); err == nil || !strings.Contains(err.Error(), "run presswork migrate up") {
		t.Errorf("an empty database: %v", err)
	}
	migrateTo(t, url, 3)
	if err := db.SchemaReady(t.Context()); err == nil || !strings.Contains(err.Error(), "version 3 of") {
		t.Errorf("half way: %v", err)
	}
	if err := Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	if err := db.SchemaReady(t.Context()); err != nil {
		t.Error(err)
	}
	exec(t, db, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, true)`)
	if err := db.SchemaReady(t.Context()); err != nil {
		t.Errorf("newer than this build: %v", err)
	}
}

func TestMigratingWhatCannotBeReached(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{"no URL": "postgres://%zz", "nobody there": "postgres://nobody@127.0.0.1:1/none"} {
		if err := Migrate(t.Context(), url); err == nil || name == "nobody there" && !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Migrations(t.Context(), url); err == nil {
			t.Errorf("%s: steps without a database", name)
		}
		if err := MigrateTo(t.Context(), url, 1); err == nil {
			t.Errorf("%s: migrated without a database", name)
		}
	}
}

// TestMigrationsAreInOrder since SchemaReady counts them.
func TestMigrationsAreInOrder(t *testing.T) {
	t.Parallel()
	entries, err := migrations.FS.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range entries {
		if want := "000" + string(rune('1'+i)) + "_"; i < 9 && !strings.HasPrefix(e.Name(), want) {
			t.Errorf("%s does not begin with %s", e.Name(), want)
		}
	}
}
