package postgres

import (
	"context"
	"time"

	"github.com/presswork/presswork/internal/delivery"
)

// putOffBatch keeps the generation: the task that brought the batch comes again.
const putOffBatch = `
UPDATE batch SET state = 'waiting', session_id = NULL, nudged_at = clock_timestamp(),
       not_before = clock_timestamp() + make_interval(secs => $4)
WHERE id = $1 AND token = $2 AND session_id = $3 AND state = 'claimed'`

// PutOff gives a batch back that nothing was sent of; see delivery.Ledger. A publication that is being paused is moved
// on by the reconciler.
func (db *DB) PutOff(ctx context.Context, b *delivery.Batch, wait time.Duration) error {
	tag, err := db.pool.Exec(ctx, putOffBatch, b.ID, b.Token, b.Session, wait.Seconds())
	if err != nil {
		return translate(err, "put a batch off")
	}
	if tag.RowsAffected() == 0 {
		return delivery.ErrFenced
	}
	return nil
}
