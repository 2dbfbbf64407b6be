package postgres

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/chain"
)

// sealedLog has 5 blocks of 4 events each: ids 1 to 4, 5 to 8, …
func sealedLog(t *testing.T) *DB {
	t.Helper()
	db := openSealing(t)
	for range 5 {
		note(t, db, 4)
		sealAll(t, db)
	}
	return db
}

// findings is what a report says, in one line: "event_missing 2/7" is about event 7 in block 2.
func findings(r chain.Report) string {
	list := make([]string, len(r.Findings))
	for i, f := range r.Findings {
		list[i] = fmt.Sprintf("%s %d/%d", f.Problem, f.Block, f.Event)
	}
	return strings.Join(list, ", ")
}

// swapBlocks puts the contents of blocks 2 and 3 in each other's place.
const swapBlocks = `
UPDATE audit_block b SET first_id = o.first_id, last_id = o.last_id, entries = o.entries, hash = o.hash, sealed_at = o.sealed_at
FROM audit_block o WHERE (b.n, o.n) IN ((2, 3), (3, 2))`

// keepLog and restoreLog bring the log back to what it was.
const (
	keepLog = `
		CREATE SCHEMA kept;
		CREATE TABLE kept.audit_event AS TABLE audit_event; CREATE TABLE kept.audit_block AS TABLE audit_block`
	restoreLog = `
		TRUNCATE audit_event, audit_block, audit_anchor;
		INSERT INTO audit_event OVERRIDING SYSTEM VALUE TABLE kept.audit_event; INSERT INTO audit_block TABLE kept.audit_block`
)

func TestTampering(t *testing.T) {
	t.Parallel()
	db := sealedLog(t)
	asOwner(t, db, keepLog)
	for name, c := range map[string]struct{ sql, want string }{
		"nothing":        {`SELECT`, ""},
		"actor":          {`UPDATE audit_event SET actor = 'nobody' WHERE id = 7`, "event_altered 2/7"},
		"time":           {`UPDATE audit_event SET at = at + interval '1 microsecond' WHERE id = 7`, "event_altered 2/7"},
		"no time":        {`UPDATE audit_event SET at = 'infinity' WHERE id = 7`, "event_altered 2/7"},
		"action":         {`UPDATE audit_event SET action = 'topic.updat', entity = 'etopic' WHERE id = 7`, "event_altered 2/7"},
		"what":           {`UPDATE audit_event SET entity_uid = NULL WHERE id = 7`, "event_altered 2/7"},
		"correlation":    {`UPDATE audit_event SET correlation_id = 'x' WHERE id = 20`, "event_altered 5/20"},
		"changes":        {`UPDATE audit_event SET changes = '{"fields": ["name", "x"]}' WHERE id = 1`, "event_altered 1/1"},
		"another number": {`UPDATE audit_event SET id = DEFAULT WHERE id = 7`, "event_missing 2/7"},
		"an event gone":  {`DELETE FROM audit_event WHERE id = 7`, "event_missing 2/7"},
		"many gone":      {`DELETE FROM audit_event WHERE id IN (5, 6, 12)`, "event_missing 2/5, event_missing 2/6, event_missing 3/12"},
		"an event more": {`
			DELETE FROM audit_event WHERE id = 7;
			INSERT INTO audit_event (id, actor, action, entity) OVERRIDING SYSTEM VALUE VALUES (7, 'x', 'x.y', 'x'), (0, 'x', 'x.y', 'x')`,
			"event_added 0/0, event_altered 2/7"},
		"two in each other's place": {`
			UPDATE audit_event e SET actor = o.actor, at = o.at, entity_uid = o.entity_uid FROM audit_event o
			WHERE (e.id, o.id) IN ((6, 7), (7, 6))`, "event_altered 2/6, event_altered 2/7"},
		"a block gone":            {`DELETE FROM audit_block WHERE n = 3`, "block_missing 3/0"},
		"a block with its events": {`DELETE FROM audit_block WHERE n = 3; DELETE FROM audit_event WHERE id BETWEEN 9 AND 12`, "block_missing 3/0"},
		"blocks renumbered":       {`DELETE FROM audit_block WHERE n = 3; UPDATE audit_block SET n = n - 1 WHERE n > 3`, "block_altered 3/0, block_altered 4/0"},
		"swapped blocks":          {swapBlocks, "block_altered 2/0, block_altered 3/0, block_unlinked 4/0"},
		"hash":                    {`UPDATE audit_block SET hash = previous WHERE n = 2`, "block_altered 2/0, block_unlinked 3/0"},
		"link":                    {`UPDATE audit_block SET previous = hash WHERE n = 2`, "block_altered 2/0"},
		"time of a block":         {`UPDATE audit_block SET sealed_at = sealed_at - interval '1 s' WHERE n = 2`, "block_altered 2/0"},
		"a shorter block": {`
			DELETE FROM audit_event WHERE id = 8;
			UPDATE audit_block SET last_id = 7, events = 3, entries = substr(entries, 1, 72) WHERE n = 2`,
			"block_altered 2/0, block_unlinked 3/0"},
		"key":           {`UPDATE audit_block SET key_id = '\x00000000' WHERE n = 2`, "block_key_unknown 2/0"},
		"the beginning": {`DELETE FROM audit_block WHERE n < 3; DELETE FROM audit_event WHERE id < 9`, "block_missing 1/0, block_missing 2/0"},
		"the beginning, with an anchor": {`
			INSERT INTO audit_anchor (n, last_id, hash, key_id, signature) SELECT n, last_id, hash, key_id, previous FROM audit_block WHERE n = 2;
			DELETE FROM audit_block WHERE n < 3; DELETE FROM audit_event WHERE id < 9`, "beginning_altered 2/0"},
		"all but one row of a block": {`DELETE FROM audit_event WHERE id IN (17, 18, 19)`, "event_missing 5/17, event_missing 5/18, event_missing 5/19"},
	} {
		asOwner(t, db, restoreLog)
		asOwner(t, db, c.sql)
		r := verified(t, db)
		if got := findings(r); got != c.want || r.Intact != (c.want == "") || r.Found != int64(len(r.Findings)) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// TestTruncatedTail: an end that is cut off shows by what was noted elsewhere.
func TestTruncatedTail(t *testing.T) {
	t.Parallel()
	db := sealedLog(t)
	mark, err := chain.ParseMark(verified(t, db).Anchor)
	if err != nil || mark.N != 5 {
		t.Fatalf("noted %v, %v", mark, err)
	}
	check := func(want string) {
		t.Helper()
		if r, err := db.chain.Verify(t.Context(), db.AuditLog(), 0, mark); err != nil || findings(r) != want {
			t.Errorf("got %q, %v; want %q", findings(r), err, want)
		}
	}
	check("")
	asOwner(t, db, `DELETE FROM audit_block WHERE n > 3; DELETE FROM audit_event WHERE id > 12`)
	if r := verified(t, db); !r.Intact || r.Newest != 3 {
		t.Errorf("without it: %+v", r)
	}
	check("anchor_lost 5/0")
	note(t, db, 5)
	sealAll(t, db)
	note(t, db, 5)
	sealAll(t, db) // there is a block of this number again
	if r := verified(t, db); !r.Intact || r.Newest != 5 {
		t.Errorf("without it: %+v", r)
	}
	check("anchor_lost 5/0")
	asOwner(t, db, `TRUNCATE audit_block; TRUNCATE audit_event`)
	check("anchor_lost 5/0")
}

// TestRotatedKeys: previous keys verify, no others do; and who has only a key that was given up cannot add to the chain.
func TestRotatedKeys(t *testing.T) {
	t.Parallel()
	db := sealedLog(t)
	rotated := db.withKey(chainOf(t, 'b', 'a'))
	note(t, rotated, 4)
	sealAll(t, rotated)
	if r := verified(t, rotated); !r.Intact || r.Blocks != 6 {
		t.Errorf("%+v", r)
	}
	if got := findings(verified(t, db.withKey(chainOf(t, 'b')))); !strings.HasPrefix(got, "block_key_unknown 1/0, ") || strings.Contains(got, "6/0") {
		t.Errorf("without the previous key: %q", got)
	}
	// The thief of the old key chains anew what comes after block 5.
	asOwner(t, db, `DELETE FROM audit_block WHERE n = 6; UPDATE audit_event SET actor = 'nobody' WHERE id = 21`)
	sealAll(t, db)
	if r := verified(t, rotated); !r.Intact {
		t.Errorf("before anything new was sealed: %s", findings(r)) // only the noted block tells: TestTruncatedTail
	}
	note(t, rotated, 4)
	sealAll(t, rotated)
	note(t, db, 4)
	last := newest(t, db)
	forged := db.chain.Seal(last, rowsFrom(t, db, last.Last+1), time.Now())
	storeBlock(t, db, forged)
	if got, want := findings(verified(t, rotated)), fmt.Sprintf("block_key_returned %d/0", forged.N); !strings.HasSuffix(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func newest(t *testing.T, db *DB) chain.Block {
	t.Helper()
	b, err := db.AuditLog().Newest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func rowsFrom(t *testing.T, db *DB, first int64) []audit.Row {
	t.Helper()
	rows, err := db.AuditLog().Rows(t.Context(), first, 1<<40, chain.BlockRows)
	if err != nil || len(rows) == 0 {
		t.Fatal(len(rows), err)
	}
	return rows
}

// TestVerifyFrom looks only at what is new, and at the link to what precedes it.
func TestVerifyFrom(t *testing.T) {
	t.Parallel()
	db := sealedLog(t)
	asOwner(t, db, `UPDATE audit_event SET actor = 'nobody' WHERE id = 2`)
	from := func(n int64) chain.Report {
		t.Helper()
		r, err := db.chain.Verify(t.Context(), db.AuditLog(), n, chain.Mark{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := from(3); !r.Intact || r.First != 3 || r.Blocks != 3 || r.Events != 12 {
		t.Errorf("%+v", r)
	}
	if r := from(1); r.FirstBroken() != 1 || r.Blocks != 5 {
		t.Errorf("%+v", r)
	}
	asOwner(t, db, `UPDATE audit_block SET hash = previous WHERE n = 2`)
	if got := findings(from(3)); got != "block_unlinked 3/0" {
		t.Errorf("got %q", got)
	}
	asOwner(t, db, `DELETE FROM audit_block WHERE n = 3`)
	if got := findings(from(3)); got != "block_missing 3/0" {
		t.Errorf("got %q", got)
	}
	if r := from(6); !r.Intact || r.Blocks != 0 {
		t.Errorf("beyond the end: %+v", r)
	}
}

// TestManyFindings are counted, and the first hundred named.
func TestManyFindings(t *testing.T) {
	t.Parallel()
	db := openSealing(t)
	asOwner(t, db, `INSERT INTO audit_event (actor, action, entity) SELECT 'x', 'x.y', 'x' FROM generate_series(1, 300)`)
	sealAll(t, db)
	asOwner(t, db, `DELETE FROM audit_event WHERE id <= 150; UPDATE audit_event SET actor = 'y' WHERE id > 290`)
	if r := verified(t, db); r.Found != 160 || len(r.Findings) != 100 || r.FirstBroken() != 1 || r.Events != 150 {
		t.Errorf("%d problems, %d named", r.Found, len(r.Findings))
	}
}
