package postgres

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// TestWebhookPlans: with much that is pending, in tables that were never analysed, the next page is read from its index in order,
// and single events are looked up by their key. Otherwise each claim sorts everything, and takes a hundred times as long.
func TestWebhookPlans(t *testing.T) {
	t.Parallel()
	db := open(t)
	e := hooks(t, db).endpoint(t)
	exec(t, db, `WITH v AS (INSERT INTO webhook_event (uid, type, occurred_at, data)
		SELECT gen_random_uuid(), 'delivery.sent', now(), '{}' FROM generate_series(1, 5000) RETURNING id)
		INSERT INTO webhook_message (endpoint, event) SELECT $1, id FROM v`, e.ID)
	plan := func(sql string, args ...any) string {
		t.Helper()
		rows, err := db.pool.Query(t.Context(), `EXPLAIN `+sql, args...)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(lines, "\n")
	}
	if p := plan(claimMessages, e.ID, claimedAtOnce, time.Minute); strings.Contains(p, "Sort") || !strings.Contains(p, "due_at <= now()") || !strings.Contains(p, "webhook_message_due") {
		t.Error(p)
	}
	one := []int64{1}
	p := plan(recordPosts, e.ID, one, one, []string{"delivered"}, []int{0}, []time.Duration{0}, []bool{false}, []time.Time{time.Now()},
		[]int{1}, []int{200}, []string{""}, 1)
	if strings.Contains(p, "webhook_message_due") || strings.Contains(p, "Seq Scan") {
		t.Error(p)
	}
}

// claimedAtOnce is how many a Deliverer claims.
const claimedAtOnce = 32
