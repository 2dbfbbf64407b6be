package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/idset"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/segment"
)

// blocksAtOnce is how many blocks are made or compared at a time: 131,072 ids, which one statement finds in a fraction of the time
// that it may take, whatever the rule.
const blocksAtOnce = 16

// blocksNow gives take those who belong to a rule now, some blocks at a time, all of them: first is the number of the first.
// In tx one moment is seen.
func blocksNow(ctx context.Context, tx pgx.Tx, rule segment.Rule, take func(first int64, blocks []idset.Block) error) error {
	rules, now := []segment.Rule{rule}, time.Now()
	topics, err := topicsOf(ctx, tx, rules)
	if err != nil {
		return err
	}
	var top int64
	if err := tx.QueryRow(ctx, `SELECT coalesce(max(id), 0) FROM subscriber`).Scan(&top); err != nil {
		return err
	}
	for first := int64(0); first*idset.BlockSize <= top; first += blocksAtOnce {
		blocks := make([]idset.Block, blocksAtOnce)
		s := with(`SELECT s.id FROM subscriber s WHERE s.id >= $1 AND s.id < $2 AND s.status = 'active'`,
			[]any{first * idset.BlockSize, (first + blocksAtOnce) * idset.BlockSize}, rules, topics, now).end(``)
		rows, err := s.query(ctx, tx)
		if err != nil {
			return err
		}
		var id int64
		if _, err := pgx.ForEachRow(rows, []any{&id}, func() error {
			n, place := idset.BlockOf(id)
			blocks[n-first].Set(place)
			return nil
		}); err != nil {
			return err
		}
		if err := take(first, blocks); err != nil {
			return err
		}
	}
	return nil
}

// readBlocks gives take at most limit blocks of a snapshot from number from to below to, in order.
func readBlocks(ctx context.Context, q querier, snapshot, from, to int64, limit int, take func(n int64, b idset.Block) error) error {
	rows, err := q.Query(ctx, `
		SELECT n, members FROM segment_block WHERE snapshot_id = $1 AND n >= $2 AND n < $3 ORDER BY n LIMIT $4`, snapshot, from, to, limit)
	if err != nil {
		return err
	}
	var n int64
	var members []byte
	_, err = pgx.ForEachRow(rows, []any{&n, &members}, func() error {
		b, err := idset.DecodeBlock(members)
		if err != nil {
			return err
		}
		return take(n, b)
	})
	return err
}

// allBlocks is above the number of every block, and as many as there may be.
const allBlocks = 1<<31 - 1

func countBlocks(ctx context.Context, q querier, snapshot int64) (count int64, err error) {
	err = readBlocks(ctx, q, snapshot, 0, allBlocks, allBlocks, func(_ int64, b idset.Block) error {
		count += int64(b.Len())
		return nil
	})
	return count, err
}

// membersBetween are at most limit members of a snapshot with ids above after and up to hi, in order. Blocks are read some at a
// time: in full ones there are enough at once, and of those with few members there may be many.
func membersBetween(ctx context.Context, q querier, snapshot, after, hi int64, limit int) ([]int64, error) {
	var ids []int64
	first, place := idset.BlockOf(after + 1)
	last, _ := idset.BlockOf(hi)
	for from, some, read := first, 4, 4; read == some && len(ids) < limit; {
		some, read = min(2*some, blocksAtOnce), 0
		if err := readBlocks(ctx, q, snapshot, from, min(last+1, allBlocks), some, func(n int64, b idset.Block) error {
			from, read = n+1, read+1
			begin := 0
			if n == first {
				begin = place
			}
			for _, at := range b.Places(begin) {
				if id := n*idset.BlockSize + int64(at); id <= hi && len(ids) < limit {
					ids = append(ids, id)
				}
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// isMember is whether the bit of s.id in b.members is set, in either form that idset.Block has.
const isMember = `CASE WHEN octet_length(b.members) = 1024 THEN get_bit(b.members, (s.id & 8191)::integer) = 1
     ELSE position(set_byte(set_byte('\x0000', 0, (128 | ((s.id & 8191) >> 7))::integer), 1, (s.id & 127)::integer) IN b.members) > 0 END`

// inSnapshot says of a subscriber s that they are a member of the snapshot $1.
const inSnapshot = ` AND EXISTS (SELECT FROM segment_block b WHERE b.snapshot_id = $1::bigint AND b.n = (s.id >> 13)::integer AND ` + isMember + `)`

// SnapshotsWith are the snapshots that a subscriber is a member of, oldest first: who they are and when they were taken, without
// their rules and counts.
func (db *DB) SnapshotsWith(ctx context.Context, id int64) ([]segment.Snapshot, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT p.id, p.uid, g.slug, p.created_at
		FROM (SELECT $1::bigint AS id) s JOIN segment_block b ON b.n = (s.id >> 13)::integer AND `+isMember+`
		     JOIN segment_snapshot p ON p.id = b.snapshot_id AND p.ready JOIN segment g ON g.id = p.segment_id
		ORDER BY p.id`, id)
	if err != nil {
		return nil, translate(err, "find the snapshots of a subscriber")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s segment.Snapshot, err error) {
		return s, row.Scan(&s.ID, &s.UID, &s.Segment, &s.CreatedAt)
	})
	return list, translate(err, "find the snapshots of a subscriber")
}

// leaveOne takes the subscriber $1 out of all snapshots.
const leaveOne = `
WITH gone AS (
    UPDATE segment_block b SET members = CASE WHEN octet_length(b.members) = 1024 THEN set_bit(b.members, (s.id & 8191)::integer, 0)
        ELSE overlay(b.members PLACING '\x' FROM
             position(set_byte(set_byte('\x0000', 0, (128 | ((s.id & 8191) >> 7))::integer), 1, (s.id & 127)::integer) IN b.members) FOR 2) END
    FROM (SELECT $1::bigint AS id) s WHERE b.n = (s.id >> 13)::integer AND ` + isMember + `
    RETURNING b.snapshot_id
)
UPDATE segment_snapshot p SET count = p.count - 1 FROM gone WHERE p.id = gone.snapshot_id AND p.ready`

// leaveSnapshots takes subscribers who are erased out of all snapshots. Until tx ends none that they could not see becomes ready.
func leaveSnapshots(ctx context.Context, tx pgx.Tx, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, `LOCK TABLE segment_snapshot IN ROW EXCLUSIVE MODE`); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `
		SELECT s.id FROM unnest($1::bigint[]) AS s (id)
		WHERE EXISTS (SELECT FROM segment_block b WHERE b.n = (s.id >> 13)::integer AND `+isMember+`) ORDER BY s.id`, ids)
	if err != nil {
		return err
	}
	members, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	b := &pgx.Batch{}
	for _, id := range members {
		b.Queue(leaveOne, id)
	}
	return tx.SendBatch(ctx, b).Close()
}

// SnapshotMembers are the public ids of at most limit members of a snapshot with ids above after, in order, with the id that the
// next ones are above; 0: there are no more.
func (db *DB) SnapshotMembers(ctx context.Context, snapshot, after int64, limit int) (members []ident.UID, next int64, err error) {
	ids, err := membersBetween(ctx, db.pool, snapshot, after, 1<<62, limit)
	if err != nil {
		return nil, 0, translate(err, "list the members of a snapshot")
	}
	if len(ids) == limit {
		next = ids[limit-1]
	}
	rows, err := db.pool.Query(ctx, `SELECT uid FROM subscriber WHERE id = ANY($1) ORDER BY id`, ids)
	if err != nil {
		return nil, 0, translate(err, "list the members of a snapshot")
	}
	members, err = pgx.CollectRows(rows, pgx.RowTo[ident.UID])
	return members, next, translate(err, "list the members of a snapshot")
}

// CompareSnapshots counts who is in one of two snapshots and not in the other.
func (db *DB) CompareSnapshots(ctx context.Context, before, after segment.Snapshot) (c segment.Change, err error) {
	err = db.atOnce(ctx, "compare snapshots", pgx.ReadOnly, func(tx pgx.Tx) error {
		blocks := map[int64]idset.Block{}
		if err := readBlocks(ctx, tx, before.ID, 0, allBlocks, allBlocks, func(n int64, b idset.Block) error { blocks[n] = b; return nil }); err != nil {
			return err
		}
		if err := readBlocks(ctx, tx, after.ID, 0, allBlocks, allBlocks, func(n int64, b idset.Block) error {
			c.Add(blocks[n], b)
			delete(blocks, n)
			return nil
		}); err != nil {
			return err
		}
		for _, b := range blocks {
			c.Add(b, idset.Block{})
		}
		return nil
	})
	return c, err
}

// CompareWithNow counts who came to a segment since a snapshot, by the rule that the segment has now, and who left it.
func (db *DB) CompareWithNow(ctx context.Context, before segment.Snapshot) (c segment.Change, err error) {
	s, err := scanSegment(db.pool.QueryRow(ctx, `SELECT `+segmentColumns+` FROM segment WHERE slug = $1`, before.Segment))
	if err != nil {
		return c, translate(missing(err, noSegment), "compare a snapshot")
	}
	rule, _, err := expanded(ctx, db.pool, s.Rule)
	if err != nil {
		return c, translate(err, "compare a snapshot")
	}
	err = db.atOnce(ctx, "compare a snapshot", pgx.ReadOnly, func(tx pgx.Tx) error {
		return blocksNow(ctx, tx, rule, func(first int64, now []idset.Block) error {
			was := make([]idset.Block, len(now))
			if err := readBlocks(ctx, tx, before.ID, first, first+int64(len(now)), len(now), func(n int64, b idset.Block) error {
				was[n-first] = b
				return nil
			}); err != nil {
				return err
			}
			for i := range now {
				c.Add(was[i], now[i])
			}
			return nil
		})
	})
	return c, err
}

// pinSnapshot finds the snapshot that an audience is of.
func (r *resolver) pinSnapshot(uid ident.UID) {
	r.batch.Queue(`SELECT id FROM segment_snapshot WHERE uid = $1 AND ready`, uid).QueryRow(func(row pgx.Row) error {
		pin := publication.SnapshotPin{UID: uid}
		err := row.Scan(&pin.ID)
		if errors.Is(err, pgx.ErrNoRows) {
			unknownSnapshot(&r.problems)
			return nil
		}
		r.found.AudienceIDs.Snapshot = &pin
		return err
	})
}
