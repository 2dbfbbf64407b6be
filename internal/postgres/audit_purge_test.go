package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/chain"
)

const (
	day  = 24 * time.Hour
	kept = 400 * day
)

// sealedAgo is what sealAll makes of n events, as if it had been so long ago.
func sealedAgo(t *testing.T, db *DB, n int, ago time.Duration) {
	t.Helper()
	asOwner(t, db, fmt.Sprintf(`INSERT INTO audit_event (at, actor, action, entity)
		SELECT now() - interval '%d s', 'x', 'topic.update', 'topic' FROM generate_series(1, %d)`, int(ago.Seconds()), n))
	previous := newest(t, db)
	b := db.chain.Seal(previous, rowsFrom(t, db, previous.Last+1), time.Now().Add(-ago))
	storeBlock(t, db, b)
}

func storeBlock(t *testing.T, db *DB, b chain.Block) {
	t.Helper()
	if err := db.tx(t.Context(), "store a block", func(tx pgx.Tx) error { return auditBlocks{}.insert(t.Context(), tx, b) }); err != nil {
		t.Fatal(err)
	}
}

// purgeAll removes what is due, and says how much that was.
func purgeAll(t *testing.T, db *DB) (total audit.Purged) {
	t.Helper()
	for {
		p, err := db.PurgeAudit(t.Context(), kept)
		if err != nil {
			t.Fatal(err)
		}
		if p.Blocks == 0 {
			return total
		}
		total = audit.Purged{Blocks: total.Blocks + p.Blocks, Events: total.Events + p.Events, Through: p.Through}
	}
}

func TestPurge(t *testing.T) {
	t.Parallel()
	db := openSealing(t)
	for _, ago := range []time.Duration{500 * day, 450 * day, 402 * day, 399 * day, time.Hour} {
		sealedAgo(t, db, 3, ago)
	}
	mark, err := chain.ParseMark(verified(t, db).Anchor)
	if err != nil {
		t.Fatal(err)
	}
	if p := purgeAll(t, db); p != (audit.Purged{Blocks: 3, Events: 9, Through: 3}) {
		t.Errorf("removed %+v", p)
	}
	if p := purgeAll(t, db); p != (audit.Purged{}) {
		t.Errorf("removed %+v", p)
	}
	sealAll(t, db)
	r, err := db.chain.Verify(t.Context(), db.AuditLog(), 0, mark)
	if err != nil || !r.Intact || r.First != 4 || r.Purged != 3 || r.Events != 7 || r.Unsealed != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	events, err := db.AuditEvents(t.Context(), audit.Filter{Action: "audit_event.purge"}, 0, 10)
	if err != nil || len(events.Events) != 1 || fmt.Sprint(events.Events[0].Changes["events"]) != "9" || fmt.Sprint(events.Events[0].Changes["through"]) != "3" {
		t.Errorf("in the log: %+v, %v", events, err)
	}
	// What was noted of a block that is gone cannot be compared, but of the last one that went.
	if r, err := db.chain.Verify(t.Context(), db.AuditLog(), 0, chain.Mark{N: 2}); err != nil || !r.Intact || !r.AnchorPurged {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := db.chain.Verify(t.Context(), db.AuditLog(), 0, chain.Mark{N: 3}); err != nil || findings(r) != "anchor_lost 3/0" {
		t.Errorf("%+v, %v", r, err)
	}
	asOwner(t, db, `UPDATE audit_anchor SET last_id = last_id - 1`)
	if got := findings(verified(t, db)); got != "beginning_altered 3/0, block_unlinked 4/0" {
		t.Errorf("got %q", got)
	}
}

// TestPurgeKeeps what is young, whatever a block says of itself, and the newest block.
func TestPurgeKeeps(t *testing.T) {
	t.Parallel()
	db := openSealing(t)
	sealedAgo(t, db, 3, 500*day)
	if p := purgeAll(t, db); p.Blocks != 0 {
		t.Errorf("removed the newest block: %+v", p)
	}
	note(t, db, 3)
	previous := newest(t, db)
	backdated := db.chain.Seal(previous, rowsFrom(t, db, previous.Last+1), time.Now().Add(-500*day))
	storeBlock(t, db, backdated)
	sealedAgo(t, db, 3, 0)
	if _, err := db.PurgeAudit(t.Context(), kept); err == nil {
		t.Error("removed events of today, in a block that says it is old")
	}
	if _, err := db.pool.Exec(t.Context(), `SELECT purge_audit(2, '400 days', '', '')`); err == nil || !strings.Contains(err.Error(), "younger") {
		t.Errorf("events of today: %v", err)
	}
	for _, keep := range []string{`'89 days'`, `'-400 days'`, `NULL`} {
		if _, err := db.pool.Exec(t.Context(), `SELECT purge_audit(1, `+keep+`::interval, '', '')`); err == nil || !strings.Contains(err.Error(), "90 days") {
			t.Errorf("%s: %v", keep, err)
		}
	}
	if _, err := db.PurgeAudit(t.Context(), 30*day); err == nil {
		t.Error("kept for 30 days only")
	}
	// The function removes what is old for whoever may call it. Without SECRET_KEY that shows.
	if _, err := db.pool.Exec(t.Context(), `SELECT purge_audit(1, '400 days', '\x00', '\x00')`); err != nil {
		t.Error(err)
	}
	if got := findings(verified(t, db)); got != "beginning_altered 1/0" {
		t.Errorf("got %q", got)
	}
}

// TestPurgeByBlocksWorth: one call removes as many events as one block holds, or one block.
func TestPurgeByBlocksWorth(t *testing.T) {
	t.Parallel()
	db := openSealing(t)
	for _, n := range []int{chain.BlockRows, 4000, 5000, 3000, 1} {
		sealedAgo(t, db, n, 500*day)
	}
	var took []int64
	for {
		p, err := db.PurgeAudit(t.Context(), kept)
		if err != nil {
			t.Fatal(err)
		}
		if p.Blocks == 0 {
			break
		}
		took = append(took, p.Events)
	}
	if fmt.Sprint(took) != "[10000 9000 3000]" {
		t.Errorf("removed %v", took)
	}
	if r := verified(t, db); !r.Intact || r.Events != 1 || r.Unsealed != 3 {
		t.Errorf("%+v", r)
	}
}

// purging removes old blocks while they are verified: whenever the verification reads a block.
type purging struct {
	*ChainedLog[audit.Row]
	due func()
}

func (p purging) Block(ctx context.Context, n int64) (chain.Block, error) {
	b, err := p.ChainedLog.Block(ctx, n)
	p.due()
	return b, err
}

// TestVerifyWhilePurged: what goes because its time is over is not missed.
func TestVerifyWhilePurged(t *testing.T) {
	t.Parallel()
	for _, after := range []int{1, 2, 3} {
		db := openSealing(t)
		for range 4 {
			sealedAgo(t, db, 3, 500*day)
		}
		calls := 0
		source := purging{db.AuditLog(), func() {
			if calls++; calls == after {
				purgeAll(t, db)
			}
		}}
		r, err := db.chain.Verify(t.Context(), source, 0, chain.Mark{})
		if err != nil || !r.Intact || r.Purged > 3 || r.Newest != 4 {
			t.Errorf("removed after %d: %+v, %v", after, r, err)
		}
	}
}
