package postgres

import (
	"testing"

	"github.com/presswork/presswork/internal/testkit/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// testBatch is how many recipients the batches of tests have, whose numbers rest on it.
const testBatch = 100

// open is a pool on a fresh, migrated database.
func open(tb testing.TB) *DB {
	tb.Helper()
	db, err := Open(tb.Context(), dbtest.New(tb), Options{BatchSize: testBatch})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(db.Close)
	return db
}
