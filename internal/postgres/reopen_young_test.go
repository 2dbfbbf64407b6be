package postgres

import "testing"

// TestReopeningOnTablesNeverAnalysed bounds the blocks that the statements of a reopening touch right after a large run:
// a plan that scans shows at once.
func TestReopeningOnTablesNeverAnalysed(t *testing.T) {
	t.Parallel()
	db := open(t)
	asOwner(t, db, `ALTER TABLE delivery_0 SET (autovacuum_enabled = off)`)
	asOwner(t, db, `ALTER TABLE batch SET (autovacuum_enabled = off)`)
	id := sending(t, db, 40_000)
	exec(t, db, `UPDATE delivery SET state = CASE recipient_id % 2 WHEN 0 THEN 6 ELSE 7 END WHERE recipient_id % 200 IN (1, 2)`)
	exec(t, db, `UPDATE delivery SET state = 2 WHERE state = 0`)
	exec(t, db, `UPDATE batch SET state = 'done', place = 0`)
	exec(t, db, `INSERT INTO dead_letter (publication_id, channel_id, recipient_id, attempts, error_kind, error_code, error, fingerprint)
		SELECT publication_id, channel_id, recipient_id, 4, 'retry', 'busy', 'busy', 'f' FROM delivery WHERE state = 6`)
	exec(t, db, `INSERT INTO uncertain (publication_id, channel_id, recipient_id) SELECT publication_id, channel_id, recipient_id
		FROM delivery WHERE state = 7`)
	var dead, doubted, publications, batches []int64
	var channels []int16
	for i := range int64(200) {
		dead, doubted = append(dead, 200*i+2), append(doubted, 200*i+1)
		publications, channels, batches = append(publications, id), append(channels, 1), append(batches, 2*i+1)
	}
	for _, tc := range []struct {
		name, sql string
		args      []any
		perRow    int // blocks, generously
	}{
		{"hold publications", holdPublications, []any{[]int64{id}}, 1},
		{"find batches", batchesOf, []any{publications, channels, dead}, 6},
		{"hold batches", holdBatches, []any{batches}, 8},
		{"reopen the dead", reopenRows, []any{publications, channels, dead, id, id, int16(6), "test", int64(0), make([]float64, len(dead))}, 60},
		{"reopen the uncertain", reopenRows, []any{publications, channels, doubted, id, id, int16(7), "test", int64(7), make([]float64, len(dead))}, 60},
		{"recount", recountHeld, []any{batches}, 30},
		{"reopen batches", reopenClosed, []any{batches, int16(2)}, 40},
		{"settle", settleRows, []any{publications, channels, doubted, id, id, int16(6)}, 40},
		{"failed of a batch", failedOfBatch, []any{int64(3), 1}, 1},
		{"its publication", holdPublicationOf, []any{int64(3)}, 1},
	} {
		if blocks := blocksOf(t, db, tc.sql, tc.args); blocks > tc.perRow*len(dead) {
			t.Errorf("%s touched %d blocks for %d rows", tc.name, blocks, len(dead))
		}
	}
}
