package postgres

import (
	"fmt"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/chain"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

// walkAll collects what a filter finds, as many looks as it takes, and says how many that were.
func walkAll(t *testing.T, db *DB, f audit.Filter, limit int) (ids []int64, looks int) {
	t.Helper()
	var before int64
	for {
		found, err := db.AuditEvents(t.Context(), f, before, limit)
		if err != nil || len(found.Events) > limit {
			t.Fatal(len(found.Events), err)
		}
		looks++
		for _, e := range found.Events {
			ids = append(ids, e.ID)
		}
		switch {
		case len(found.Events) == limit:
			before = ids[len(ids)-1]
		case found.Done:
			return ids, looks
		default:
			before = found.Last
		}
	}
}

// TestAuditWalk: what is rare in a long log is found, in parts; and times lead past the blocks that have none of it.
func TestAuditWalk(t *testing.T) {
	t.Parallel()
	db := openSealing(t)
	const rows = 120_000
	asOwner(t, db, fmt.Sprintf(`INSERT INTO audit_event (at, actor, action, entity)
		SELECT now() - interval '100 days' + n * interval '1 second', CASE WHEN n %% 20000 = 1 THEN 'rare' ELSE 'x' END, 'x.y', 'x'
		FROM generate_series(1, %d) n`, rows))
	ids, looks := walkAll(t, db, audit.Filter{Actor: "rare"}, 3)
	if fmt.Sprint(ids) != "[100001 80001 60001 40001 20001 1]" || looks < 3 {
		t.Errorf("found %v in %d looks", ids, looks)
	}
	// The same with blocks of 10,000, sealed when their last event was 10 minutes old.
	previous := chain.Block{}
	start := value[time.Time](t, db, `SELECT at FROM audit_event WHERE id = 1`)
	for last := int64(chain.BlockRows); last <= rows; last += chain.BlockRows {
		previous = db.chain.Seal(previous, rowsFrom(t, db, previous.Last+1), start.Add(time.Duration(last)*time.Second+10*time.Minute))
		storeBlock(t, db, previous)
	}
	at := func(id int64) *time.Time {
		moment := start.Add(time.Duration(id-1) * time.Second)
		return &moment
	}
	for _, c := range []struct {
		since, until *time.Time
		want         string
	}{
		{at(40_001), at(60_001), "[40001]"},
		{at(40_001), at(60_002), "[60001 40001]"},
		{at(40_002), at(60_002), "[60001]"},
		{nil, at(2), "[1]"},
		{at(100_001), nil, "[100001]"},
		{at(100_002), nil, "[]"},
		{nil, at(1), "[]"},
	} {
		f := audit.Filter{Actor: "rare", Since: c.since, Until: c.until}
		if ids, _ := walkAll(t, db, f, 10); fmt.Sprint(ids) != c.want {
			t.Errorf("%v to %v: %v, want %s", c.since, c.until, ids, c.want)
		}
	}
	low, high, err := db.auditBounds(t.Context(), audit.Filter{Since: at(60_001), Until: at(60_002)})
	if err != nil || low < 60_000-2*chain.BlockRows || high > 60_000+2*chain.BlockRows {
		t.Errorf("looks from %d to %d, %v", low, high, err)
	}
	if found, err := db.AuditEvents(t.Context(), audit.Filter{Until: at(1000)}, 0, 50); err != nil || len(found.Events) != 50 || found.Events[0].ID != 999 {
		t.Errorf("%d events, %v", len(found.Events), err)
	}
}

// TestAuditBySelectiveFilter: what one thing or one request left is found in one look.
func TestAuditBySelectiveFilter(t *testing.T) {
	t.Parallel()
	db := open(t)
	thing := ident.New()
	asOwner(t, db, `INSERT INTO audit_event (actor, action, entity, entity_uid, correlation_id)
		SELECT 'x', 'x.y', 'x', gen_random_uuid(), 'c' || n FROM generate_series(1, 20000) n; ANALYZE audit_event`)
	if err := db.RecordAudit(t.Context(), "topic", "create", thing, nil); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]audit.Filter{
		"a thing":   {EntityUID: thing},
		"a request": {CorrelationID: "c777"},
	} {
		found, err := db.AuditEvents(t.Context(), f, 0, 10)
		if err != nil || len(found.Events) != 1 || !found.Done {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
	e, err := db.AuditEvent(t.Context(), 777)
	if err != nil || e.CorrelationID != "c777" || e.Changes == nil {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := db.AuditEvent(t.Context(), 99_999); !fault.Is(err, fault.NotFound) {
		t.Errorf("%v", err)
	}
}

// TestAuditSealedByAnotherClock: who seals may be on a machine whose clock is late, and what was sealed is found all the same.
func TestAuditSealedByAnotherClock(t *testing.T) {
	t.Parallel()
	db := openSealing(t)
	asOwner(t, db, `INSERT INTO audit_event (at, actor, action, entity) SELECT now() - interval '1 minute', 'x', 'x.y', 'x' FROM generate_series(1, 3)`)
	storeBlock(t, db, db.chain.Seal(chain.Block{}, rowsFrom(t, db, 1), time.Now().Add(-5*time.Minute)))
	since := time.Now().Add(-2 * time.Minute)
	if ids, _ := walkAll(t, db, audit.Filter{Since: &since}, 10); fmt.Sprint(ids) != "[3 2 1]" {
		t.Errorf("found %v", ids)
	}
}
