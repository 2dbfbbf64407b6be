package postgres

import (
	"fmt"
	"testing"

	"github.com/presswork/presswork/internal/subscriber"
	"github.com/presswork/presswork/internal/tally"
)

// TestTotal: few are counted, many are estimated, and what would cost too much is not even tried.
func TestTotal(t *testing.T) {
	t.Parallel()
	db := open(t)
	run := func(sql string) {
		t.Helper()
		if _, err := db.pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	people := func(from, to int, domain string) {
		run(fmt.Sprintf(`INSERT INTO subscriber (uid, email, status) SELECT gen_random_uuid(), 'p' || n || '@%s', 'active' FROM generate_series(%d, %d) n`, domain, from, to))
	}
	total := func(f subscriber.Filter) tally.Total {
		t.Helper()
		got, err := db.TotalSubscribers(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := total(subscriber.Filter{}); got != (tally.Total{}) {
		t.Errorf("of nobody: %+v", got)
	}
	people(1, 10_000, "x.org")
	people(1, 7, "deleted.invalid")
	if got := total(subscriber.Filter{}); got != (tally.Total{N: 10_000}) {
		t.Errorf("of 10,000: %+v", got)
	}
	people(10_001, 20_000, "x.org")
	if got := total(subscriber.Filter{}); !got.Estimate || got.N <= 10_000 {
		t.Errorf("of 20,000: %+v", got)
	}
	if got := total(subscriber.Filter{EmailPrefix: "p1999"}); got != (tally.Total{N: 11}) {
		t.Errorf("of those called 1999: %+v", got)
	}
	if got := total(subscriber.Filter{Topic: "nothing"}); got != (tally.Total{}) {
		t.Errorf("of an unknown topic: %+v", got)
	}
	got, err := db.total(t.Context(), `FROM generate_series(1, 1000000000) n WHERE n % 2 = 3`)
	if err != nil || !got.Estimate || got.N == 0 {
		t.Errorf("of what would take minutes: %+v, %v", got, err)
	}
	if _, err := db.total(t.Context(), `FROM nothing`); err == nil {
		t.Error("a statement that is none")
	}
}
