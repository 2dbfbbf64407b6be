package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
)

// The queue is fed: of a publication and channel, Places batches at most are in it or with a worker; the rest is behind,
// rows of PostgreSQL that nobody was nudged about. So whoever comes next waits behind 64 batches of a run of ten million
// and not behind 50,000, several runs take turns, and a lost queue, a pause or a resumption costs 64 nudges.
//
// A batch that is done passes its place on to the next in the same transaction (releaseBatch), which keeps their number
// as it is without counting. So does one that has to wait; it goes on beside the places when its time comes. All else
// that gives places away counts first, under a lock: expansion (places) and the scheduler's Feed, which also finds what
// nobody passed on, because a worker died or sending was paused.
const (
	// Places is how many batches of a publication and channel may be in the queue or with a worker at once: 12,800
	// recipients. The slots of four workers with default settings (16 each) are 64, and at 12,000 messages a second it
	// is a second's work, twenty times what the relay takes to bring the next.
	Places = 64
	// Beside is how many more may be that wait for a time of their own or have waited. A batch in which one recipient
	// failed transiently waits 1 to 7 seconds; at 60 batches a second and one such recipient in each, 256 keep four
	// seconds' work waiting. Beyond that a batch keeps its place while it waits: if everything fails or is told to
	// wait, nothing is gained by trying the next.
	Beside = 256
)

// besideWebhooks is for batches of webhooks, each of which waits on account of one endpoint, and for hours (backoff.Webhook):
// those that work are not to wait for those that do not.
const besideWebhooks = 100_000

// besideOf is how many batches of a channel kind may wait beside the places.
func besideOf(channelID int16) int {
	if channelID == channel.Webhook.ID() {
		return besideWebhooks
	}
	return Beside
}

// placeLock serialises whoever counts places, until its transaction ends.
const placeLock = `SELECT pg_advisory_xact_lock(hashtextextended('places of ' || $1::bigint || ' on ' || $2::smallint, 0))`

// Batches of a publication and channel are found by one number, as migration 0016 has it in indexes of its own.
const (
	ofFeed  = ` publication_id * 32768 + channel_id = $1::bigint * 32768 + $2::smallint`
	isOpen  = ` state IN ('ready', 'claimed', 'waiting')`
	isFirst = ` place = 0 AND state = 'ready' ORDER BY id`
)

// freePlaces is how many places of publication $1 on channel $2 are free, of $3.
const freePlaces = `
SELECT $3 - count(*) FROM (SELECT FROM batch WHERE` + ofFeed + ` AND place = 1 AND` + isOpen + ` LIMIT $3) taken`

// places locks the places of a publication and channel, and counts the free ones.
func places(ctx context.Context, tx pgx.Tx, publication int64, channelID int16) (free int, err error) {
	batch := &pgx.Batch{}
	batch.Queue(placeLock, publication, channelID) // a statement of its own: what is counted has to be seen after it
	batch.Queue(freePlaces, publication, channelID, Places).QueryRow(func(row pgx.Row) error { return row.Scan(&free) })
	return free, tx.SendBatch(ctx, batch).Close()
}

const feedBatches = `
UPDATE batch SET place = 1, gen = gen + 1, nudged_at = clock_timestamp()
WHERE id IN (SELECT id FROM batch WHERE` + ofFeed + ` AND` + isFirst + ` LIMIT $3 FOR UPDATE SKIP LOCKED)` + nudgedBatches

// feed gives the free places of a publication and channel to the first that are behind, and nudges those.
func feed(ctx context.Context, tx pgx.Tx, publication int64, channelID int16) (int, error) {
	free, err := places(ctx, tx, publication, channelID)
	if err != nil || free <= 0 {
		return 0, err
	}
	rows, err := tx.Query(ctx, feedBatches, publication, channelID, free)
	if err != nil {
		return 0, err
	}
	return nudgeAll(ctx, tx, rows)
}

// hungry finds the publications and channels of which something is behind, may start, and would find a place. It goes
// from one to the next through an index that holds nothing but what is behind.
const hungry = `
WITH RECURSIVE b AS (
    (SELECT publication_id, channel_id, lane FROM batch WHERE place = 0 AND state = 'ready'
     ORDER BY publication_id * 32768 + channel_id LIMIT 1)
    UNION ALL
    SELECT n.publication_id, n.channel_id, n.lane
    FROM b, LATERAL (SELECT k.publication_id, k.channel_id, k.lane FROM batch k
                     WHERE k.place = 0 AND k.state = 'ready'
                       AND k.publication_id * 32768 + k.channel_id > b.publication_id * 32768 + b.channel_id
                     ORDER BY k.publication_id * 32768 + k.channel_id LIMIT 1) n
)
SELECT b.publication_id, b.channel_id FROM b
WHERE (SELECT` + mayStart + ` FROM publication p WHERE p.id = b.publication_id)
  AND (SELECT count(*) FROM (SELECT FROM batch t
         WHERE t.publication_id * 32768 + t.channel_id = b.publication_id * 32768 + b.channel_id
         AND t.place = 1 AND t.state IN ('ready', 'claimed', 'waiting') LIMIT $1) taken) < $1`

// Feed fills every free place that something is behind of, and returns how many batches it nudged. While nothing
// stalls it finds nothing: places are passed on. It may be repeated, by several at once.
func (db *DB) Feed(ctx context.Context) (int, error) {
	rows, err := db.pool.Query(ctx, hungry, Places)
	if err != nil {
		return 0, translate(err, "find what is to be fed")
	}
	type fed struct {
		Publication int64
		Channel     int16
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[fed])
	if err != nil {
		return 0, translate(err, "find what is to be fed")
	}
	total := 0
	for _, f := range list {
		n := 0
		if err := db.tx(ctx, "feed the queue", func(tx pgx.Tx) (err error) {
			n, err = feed(ctx, tx, f.Publication, f.Channel)
			return err
		}); err != nil {
			return total, err
		}
		total += n
	}
	return total, nil
}

// backlog reads open batches only: for ten million recipients these are 100,000 rows of an index's, some 30 ms.
const backlog = `
SELECT b.channel_id, b.lane,
       count(*) FILTER (WHERE b.place = 0), coalesce(sum(b.size) FILTER (WHERE b.place = 0), 0),
       count(*) FILTER (WHERE b.place > 0), coalesce(sum(b.size) FILTER (WHERE b.place > 0), 0)
FROM publication p, batch b
WHERE p.state = 'sending' AND b.publication_id = p.id AND b.state IN ('ready', 'claimed', 'waiting')
GROUP BY 1, 2 ORDER BY 1, 2`

// Backlog counts what publications that are sending owe, by channel kind and lane: what is in the queue or with a worker,
// and what is behind. Of a batch that was begun everybody is counted. What fan-out has still to expand is not in it.
func (db *DB) Backlog(ctx context.Context) ([]delivery.Backlog, error) {
	rows, err := db.pool.Query(ctx, backlog)
	if err != nil {
		return nil, translate(err, "count the backlog")
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[delivery.Backlog])
	return list, translate(err, "count the backlog")
}
