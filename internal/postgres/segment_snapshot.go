package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/idset"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/segment"
	"github.com/presswork/presswork/internal/tally"
)

const (
	noSnapshot = "There is no such snapshot."
	// abandonedAfter is when a snapshot that is not ready was given up by whoever made it: longer than any takes.
	abandonedAfter = time.Hour
)

const selectSnapshot = `
SELECT p.id, p.uid, s.slug, p.version, p.rule, p.count, p.created_at
FROM segment_snapshot p JOIN segment s ON s.id = p.segment_id WHERE p.ready AND `

func scanSnapshot(row pgx.Row) (segment.Snapshot, error) {
	var s segment.Snapshot
	var rule []byte
	if err := row.Scan(&s.ID, &s.UID, &s.Segment, &s.Version, &rule, &s.Count, &s.CreatedAt); err != nil {
		return s, err
	}
	var err error
	s.Rule, err = segment.Reread(rule)
	return s, err
}

// beginSnapshot takes the place of one of those that a segment may have.
const beginSnapshot = `
INSERT INTO segment_snapshot (uid, segment_id, version, rule)
SELECT $1, $2, $3, $4 WHERE (SELECT count(*) FROM segment_snapshot WHERE segment_id = $2) < $5
RETURNING id, created_at`

// TakeSnapshot writes down who belongs to a segment at one moment. It reads all readers and may take as long as that; nobody waits
// for it but those who are erased meanwhile, and they for an instant. It returns NotFound, and Conflict if the segment has as many
// snapshots as it may have.
func (db *DB) TakeSnapshot(ctx context.Context, uid ident.UID) (segment.Snapshot, error) {
	s, err := db.Segment(ctx, uid)
	if err != nil {
		return segment.Snapshot{}, err
	}
	p := segment.Snapshot{UID: ident.New(), Segment: s.Slug, Version: s.Version}
	if p.Rule, _, err = expanded(ctx, db.pool, s.Rule); err != nil {
		return p, translate(err, "take a snapshot")
	}
	err = db.tx(ctx, "take a snapshot", func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, beginSnapshot, p.UID, s.ID, p.Version, segment.Encode(p.Rule), segment.MaxSnapshots).Scan(&p.ID, &p.CreatedAt)
		return missing(err, noSegment)
	})
	if fault.Is(err, fault.NotFound) {
		return p, fault.New(fault.Conflict, "too_many_snapshots", "This segment has 100 snapshots already.")
	}
	if err != nil {
		return p, err
	}
	if err := db.writeBlocks(ctx, p); err != nil {
		return p, err
	}
	p.Count, err = db.endSnapshot(ctx, p)
	return p, err
}

// writeBlocks finds the members as one moment has them, and stores them.
func (db *DB) writeBlocks(ctx context.Context, p segment.Snapshot) error {
	return db.atOnce(ctx, "write a snapshot", pgx.ReadWrite, func(tx pgx.Tx) error {
		return blocksNow(ctx, tx, p.Rule, func(first int64, blocks []idset.Block) error {
			var numbers []int64
			var members [][]byte
			for i := range blocks {
				if text := blocks[i].Encode(); len(text) > 0 {
					numbers, members = append(numbers, first+int64(i)), append(members, text)
				}
			}
			_, err := tx.Exec(ctx, `
				INSERT INTO segment_block (snapshot_id, n, members) SELECT $1, i.n, i.members FROM unnest($2::integer[], $3::bytea[]) AS i (n, members)`,
				p.ID, numbers, members)
			return err
		})
	})
}

// atOnce runs a transaction all of whose statements see the same moment.
func (db *DB) atOnce(ctx context.Context, doing string, access pgx.TxAccessMode, fn func(pgx.Tx) error) error {
	return translate(pgx.BeginTxFunc(ctx, db.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: access}, fn), doing)
}

// erasedMeanwhile are those who were erased since a snapshot was begun ($1), also by somebody who had begun before, however long that
// took.
const erasedMeanwhile = `
SELECT id FROM subscriber WHERE revoked_at >= $1::timestamptz - interval '1 hour' AND email LIKE '%@deleted.invalid'`

// endSnapshot lets others see a snapshot, and takes those out of it who were erased while it was written: who is erased takes
// themselves out of all that they can see (leaveSnapshots), and whoever could not see this one yet has committed by now. It
// returns how many are left.
func (db *DB) endSnapshot(ctx context.Context, p segment.Snapshot) (count int64, err error) {
	err = db.tx(ctx, "end a snapshot", func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `LOCK TABLE segment_snapshot IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		if count, err = countBlocks(ctx, tx, p.ID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE segment_snapshot SET ready = true, count = $2 WHERE id = $1`, p.ID, count); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, erasedMeanwhile, p.CreatedAt)
		if err != nil {
			return err
		}
		gone, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			return err
		}
		if err := leaveSnapshots(ctx, tx, gone); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `SELECT count FROM segment_snapshot WHERE id = $1`, p.ID).Scan(&count); err != nil {
			return err
		}
		return record(ctx, tx, "segment_snapshot", "create", p.UID, map[string]any{"version": p.Version, "readers": count})
	})
	return count, err
}

// Snapshot is the one with a uid, or NotFound.
func (db *DB) Snapshot(ctx context.Context, uid ident.UID) (segment.Snapshot, error) {
	p, err := scanSnapshot(db.pool.QueryRow(ctx, selectSnapshot+`p.uid = $1`, uid))
	return p, translate(missing(err, noSnapshot), "read a snapshot")
}

// ListSnapshots is at most limit snapshots of a segment with ids below before, the newest first; 0: from the newest on.
func (db *DB) ListSnapshots(ctx context.Context, of int32, before int64, limit int) ([]segment.Snapshot, error) {
	rows, err := db.pool.Query(ctx, selectSnapshot+`p.segment_id = $1 AND ($2 = 0 OR p.id < $2) ORDER BY p.id DESC LIMIT $3`, of, before, limit)
	if err != nil {
		return nil, translate(err, "list snapshots")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (segment.Snapshot, error) { return scanSnapshot(row) })
	return list, translate(err, "list snapshots")
}

// TotalSnapshots counts the snapshots of a segment.
func (db *DB) TotalSnapshots(ctx context.Context, of int32) (tally.Total, error) {
	return db.total(ctx, `FROM segment_snapshot WHERE ready AND segment_id = $1`, of)
}

// snapshotUse finds the publications that have not ended and are for one of some snapshots.
const snapshotUse = `
FROM publication WHERE state NOT IN ('completed', 'completed_with_failures', 'cancelled', 'failed') AND audience ? 'snapshot'
  AND (audience -> 'snapshot' ->> 'id')::bigint`

// DeleteSnapshot removes a snapshot that no publication is for that has not ended. It returns NotFound, or Conflict.
func (db *DB) DeleteSnapshot(ctx context.Context, uid ident.UID) error {
	return db.tx(ctx, "delete a snapshot", func(tx pgx.Tx) error {
		var id int64
		if err := tx.QueryRow(ctx, `SELECT id FROM segment_snapshot WHERE uid = $1 AND ready FOR UPDATE`, uid).Scan(&id); err != nil {
			return missing(err, noSnapshot)
		}
		var used bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT `+snapshotUse+` = $1)`, id).Scan(&used); err != nil {
			return err
		}
		if used {
			return fault.New(fault.Conflict, "in_use", "A publication that has not ended is for this snapshot.")
		}
		if _, err := tx.Exec(ctx, `DELETE FROM segment_snapshot WHERE id = $1`, id); err != nil {
			return err
		}
		return record(ctx, tx, "segment_snapshot", "delete", uid, nil)
	})
}

// Whoever removes a snapshot locks it first (FOR UPDATE) and asks by a later statement what is for it; whoever stores a publication
// for one holds it. So either the one sees the publication, or the other that the snapshot is gone.

// holdSnapshot sees that the snapshot of an audience exists, if it has one, and that it does until tx ends. It returns Invalid.
func holdSnapshot(ctx context.Context, tx pgx.Tx, s *publication.SnapshotPin) error {
	if s == nil {
		return nil
	}
	tag, err := tx.Exec(ctx, `SELECT FROM segment_snapshot WHERE id = $1 AND ready FOR KEY SHARE`, s.ID)
	if err == nil && tag.RowsAffected() == 0 {
		var f fault.Fields
		unknownSnapshot(&f)
		return f.Err()
	}
	return err
}

// lockSnapshots locks those of a segment. It does not wait for one that is being taken, since nobody could change any segment while
// it did: Conflict.
func lockSnapshots(ctx context.Context, tx pgx.Tx, of int32) error {
	_, err := tx.Exec(ctx, `SELECT FROM segment_snapshot WHERE segment_id = $1 FOR UPDATE NOWAIT`, of)
	if waited(err) {
		return fault.New(fault.Conflict, "in_use", "A snapshot of this segment is being taken or used just now. Try again when that is done.")
	}
	return err
}

func unknownSnapshot(f *fault.Fields) {
	f.Add("/audience/snapshot", "unknown_snapshot", "does not exist")
}

// oldSnapshots are those that may be removed.
const oldSnapshots = `
SELECT id FROM segment_snapshot
WHERE ($1::interval > '0' AND created_at < clock_timestamp() - $1 OR NOT ready AND created_at < clock_timestamp() - $2::interval)
  AND id NOT IN (SELECT (audience -> 'snapshot' ->> 'id')::bigint ` + snapshotUse + ` IS NOT NULL)`

// PurgeSnapshots removes snapshots that are older than keep and that no publication is for that has not ended, and those that
// were given up half-way: some of them, so repeat it until it removes none. With keep 0 only the latter.
func (db *DB) PurgeSnapshots(ctx context.Context, keep time.Duration) (removed int64, err error) {
	err = db.tx(ctx, "remove old snapshots", func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, oldSnapshots+` ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED`, keep, abandonedAfter)
		if err != nil {
			return err
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `DELETE FROM segment_snapshot WHERE id IN (`+oldSnapshots+` AND id = ANY($3))`, keep, abandonedAfter, ids)
		removed = tag.RowsAffected()
		return err
	})
	return removed, err
}
