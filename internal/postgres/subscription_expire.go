package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/ident"
)

// unconfirmed are readers who came by the form before a time, were asked for the last time before it, and have never been active:
// nothing says that they are who they said. Whom a client stored is not forgotten because somebody else filled in the form for them:
// the first entry of their record says how they came.
const unconfirmed = `
SELECT s.id, s.uid FROM subscriber s
WHERE s.status = 'pending' AND s.consent_at IS NULL AND s.consent_source = '` + byForm + `' AND s.created_at < $1
  AND (SELECT c.source FROM consent c WHERE c.subscriber = s.uid ORDER BY c.id LIMIT 1) = 'form'
  AND NOT EXISTS (SELECT FROM consent c WHERE c.subscriber = s.uid AND c.event = 'requested' AND c.at >= $1)
ORDER BY s.created_at LIMIT $2 FOR UPDATE OF s SKIP LOCKED`

// forgetUnconfirmed deletes at most limit readers who did not confirm before a time, and says how many. It may be repeated.
func (db *DB) forgetUnconfirmed(ctx context.Context, before time.Time, limit int) (int64, error) {
	ctx = consent.With(ctx, consent.Act{Source: consent.System, Withdrawn: consent.Expired})
	var lines []line
	err := db.tx(ctx, "forget who did not confirm", func(tx pgx.Tx) error {
		lines = nil
		if err := consenting(ctx, tx, consent.System); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, unconfirmed, before, limit)
		if err != nil {
			return err
		}
		var ids []int64
		var id int64
		var uid ident.UID
		if _, err := pgx.ForEachRow(rows, []any{&id, &uid}, func() error {
			ids, lines = append(ids, id), append(lines, line{"expire", uid, nil})
			return nil
		}); err != nil || len(ids) == 0 {
			return err
		}
		if err := forget(ctx, tx, ids, nil); err != nil {
			return err
		}
		return recordAll(ctx, tx, "subscriber", lines)
	})
	return int64(len(lines)), err
}
