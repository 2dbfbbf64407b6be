-- +goose NO TRANSACTION
-- +goose Up
-- How many batches of a publication and channel are in the queue is bounded (internal/postgres/feed.go). Without a
-- transaction, and so that it can be repeated: the indexes are made while others write. What is there already, and what
-- an old build makes meanwhile, was nudged: it is beside.
ALTER TABLE batch ADD COLUMN IF NOT EXISTS place smallint NOT NULL DEFAULT 2;
COMMENT ON COLUMN batch.place IS '0 behind: not nudged yet, or done; 1 holds a place in the queue; 2 nudged beside those';

-- Publication and channel as one number, that no other index has: a planner that knows nothing of the table would take
-- the smallest index that fits, read all that is open, and sort it.
DROP INDEX IF EXISTS batch_behind;
CREATE INDEX CONCURRENTLY batch_behind ON batch ((publication_id * 32768 + channel_id), id)
    WHERE place = 0 AND state = 'ready';
DROP INDEX IF EXISTS batch_fed;
CREATE INDEX CONCURRENTLY batch_fed ON batch ((publication_id * 32768 + channel_id), place)
    WHERE place > 0 AND state IN ('ready', 'claimed', 'waiting');

-- +goose Down
-- A build that knows no places finds what is behind overdue, and nudges it.
DROP INDEX IF EXISTS batch_fed;
DROP INDEX IF EXISTS batch_behind;
ALTER TABLE batch DROP COLUMN IF EXISTS place;
