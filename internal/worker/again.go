package worker

import (
	"context"
	"fmt"

	"go.uber.org/zap"

	"github.com/presswork/presswork/tasks"
)

// codeFailed is the error of a batch's last task if some of its recipients failed for good: the task is archived, as a
// shadow of their dead letters.
const codeFailed = "recipients_failed"

// Archive tells tasks that were archived and are run again by hand.
type Archive interface {
	FromArchive(ctx context.Context, code string) (bool, error)
}

// Letters makes those failed recipients of a batch owed again whom a task of this generation left.
type Letters interface {
	ReopenBatch(ctx context.Context, batch int64, gen int) (int, error)
}

// again serves a task that found nothing to do. If it is an archived one that an operator runs again, they expect that
// the failed recipients are tried once more. Any other is stale.
func (h *Send) again(ctx context.Context, t tasks.Batch) error {
	if h.Archive == nil || h.Letters == nil {
		return nil
	}
	archived, err := h.Archive.FromArchive(ctx, codeFailed)
	if err != nil || !archived {
		return err
	}
	n, err := h.Letters.ReopenBatch(ctx, t.Batch, t.Gen)
	if err != nil {
		return fmt.Errorf("replay what batch %d failed: %w", t.Batch, err)
	}
	h.Log.Info("an archived task was run again", zap.Int64("batch", t.Batch), zap.Int("recipients", n))
	if n > 0 {
		h.Poke()
	}
	return nil
}
