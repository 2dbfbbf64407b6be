package bare_test

import (
	"testing"

	"github.com/presswork/presswork/internal/postgres/bare"
	"github.com/presswork/presswork/internal/testkit/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func TestBare(t *testing.T) {
	t.Parallel()
	db, err := bare.Open(t.Context(), dbtest.Owner(t, dbtest.New(t)), 2) // it makes tables
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	d, err := db.Durability(t.Context())
	if err != nil || d.Version == "" || d.Fsync == "" || d.SynchronousCommit == "" || d.FullPageWrites == "" {
		t.Errorf("%+v, %v", d, err)
	}
	for range 2 {
		if err := db.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Settle(t.Context()); err != nil {
		t.Error(err)
	}
	if err := db.Insert(t.Context(), `{"a": 1}`); err != nil {
		t.Error(err)
	}
	if err := db.Insert(t.Context(), `{`); err == nil {
		t.Error("what is no JSON was stored")
	}
	if dir, err := db.DataDirectory(t.Context()); err == nil {
		t.Errorf("the application's role was told the folder %q", dir)
	}
	if _, err := bare.Open(t.Context(), "postgres://%zz", 1); err == nil {
		t.Error("a bad URL was taken")
	}
}
