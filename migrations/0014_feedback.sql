-- +goose Up
-- Addresses that nothing is sent to any more. An address is kept as a keyed hash only, so the list outlives the
-- subscriber: who is deleted and comes back with the same address is still suppressed.
CREATE TABLE suppression (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid            uuid        NOT NULL UNIQUE,
    hash           bytea       NOT NULL UNIQUE, -- internal/suppression: of the canonical address, under a key from SECRET_KEY
    reason         smallint    NOT NULL CHECK (reason BETWEEN 1 AND 3), -- 1 bounce, 2 complaint, 3 manual
    source         text        NOT NULL, -- ses, api
    publication_id bigint, -- that the event was about
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The entry of the subscriber's address, so that sending needs no hash. It counts only while that entry exists: taking
-- an address off the list is deleting its row.
ALTER TABLE subscriber ADD COLUMN suppression_id bigint;

-- What providers said and what cannot be read off the ledger: of a soft bounce, that it was counted; of anything else,
-- that it came before its delivery was written, and waits for it.
CREATE TABLE feedback (
    key            bytea       PRIMARY KEY, -- the same for the same event, however often it comes
    publication_id bigint      NOT NULL,
    channel_id     smallint    NOT NULL,
    recipient_id   bigint      NOT NULL,
    kind           smallint    NOT NULL, -- internal/feedback; 0: the batch is to be counted once more
    at             timestamptz NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    next_at        timestamptz -- when it is looked at again; null: it waits no more
);
CREATE INDEX feedback_next ON feedback (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX feedback_created ON feedback (created_at);

-- +goose Down
DROP TABLE feedback;
ALTER TABLE subscriber DROP COLUMN suppression_id;
DROP TABLE suppression;
