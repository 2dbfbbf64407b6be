-- +goose NO TRANSACTION
-- +goose Up
-- Deliveries that are put off (state 1 of the ledger), and what the organisation says of when readers may be sent to. Without
-- a transaction, and so that it can be repeated: the index on batch is made while others write.

-- Exactly the deliveries in state 1 have a row: why, and when they are looked at again. Recipients are subscribers; places
-- are never put off.
CREATE TABLE IF NOT EXISTS held (
    publication_id bigint      NOT NULL,
    channel_id     smallint    NOT NULL,
    recipient_id   bigint      NOT NULL,
    reason         smallint    NOT NULL,
    due            timestamptz NOT NULL,
    since          timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (publication_id, channel_id, recipient_id)
);
-- By publication, so that one that is paused stands in nobody's way; by recipient, so that those of one batch come together.
CREATE INDEX IF NOT EXISTS held_due ON held (publication_id, due, recipient_id);
CREATE INDEX IF NOT EXISTS held_recipient ON held (recipient_id);

-- How many of a batch are put off, as of when it was last given back. A batch that has only such is done.
ALTER TABLE batch ADD COLUMN IF NOT EXISTS n_deferred integer NOT NULL DEFAULT 0;
DROP INDEX IF EXISTS batch_deferred;
CREATE INDEX CONCURRENTLY batch_deferred ON batch (publication_id) WHERE n_deferred > 0;

-- One row. Minutes are of the reader's own day; quiet hours are none if both are null.
CREATE TABLE IF NOT EXISTS delivery_policy (
    single         boolean     PRIMARY KEY DEFAULT true CHECK (single),
    quiet_from     smallint    CHECK (quiet_from BETWEEN 0 AND 1439),
    quiet_to       smallint    CHECK (quiet_to BETWEEN 0 AND 1439),
    digest_minute  smallint    NOT NULL DEFAULT 480 CHECK (digest_minute BETWEEN 0 AND 1439),
    digest_weekday smallint    NOT NULL DEFAULT 1 CHECK (digest_weekday BETWEEN 0 AND 6), -- 0 is Sunday
    caps           jsonb       NOT NULL DEFAULT '[]', -- [{"topic": 3, "limit": 2, "hours": 24}]; topic 0: of everything
    version        integer     NOT NULL DEFAULT 1,
    updated_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((quiet_from IS NULL) = (quiet_to IS NULL))
);
INSERT INTO delivery_policy DEFAULT VALUES ON CONFLICT DO NOTHING;

-- +goose Down
DROP TABLE IF EXISTS delivery_policy;
DROP INDEX IF EXISTS batch_deferred;
ALTER TABLE batch DROP COLUMN IF EXISTS n_deferred;
-- Who is held is sent to at once: the scheduler feeds the batches.
UPDATE delivery SET state = 0, reason = 0 WHERE state = 1;
UPDATE batch b SET state = 'ready', gen = gen + 1, place = 0 WHERE state = 'done' AND EXISTS (
    SELECT FROM held h WHERE h.publication_id = b.publication_id AND h.channel_id = b.channel_id
      AND h.recipient_id > b.lo AND h.recipient_id <= b.hi);
DROP TABLE IF EXISTS held;
