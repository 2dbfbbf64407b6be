-- +goose NO TRANSACTION
-- +goose Up
-- Settled rows of the ledger can be made owed again: dead letters that are replayed, uncertain recipients that are
-- sent to once more. Without a transaction, and so that it can be repeated: indexes are made while others write.

-- The batch of a recipient is found by one look. The older index is a prefix of this one.
DROP INDEX IF EXISTS batch_range;
CREATE INDEX CONCURRENTLY batch_range ON batch (publication_id, channel_id, hi);
DROP INDEX CONCURRENTLY IF EXISTS batch_publication;

-- Raised whenever something of a publication is made owed again, so that who completes it just then notices.
ALTER TABLE publication ADD COLUMN IF NOT EXISTS reopened integer NOT NULL DEFAULT 0;

-- A dead letter that was replayed stays, with when and by whom last; it is open again once it is younger than that.
ALTER TABLE dead_letter ADD COLUMN IF NOT EXISTS replayed_at timestamptz;
ALTER TABLE dead_letter ADD COLUMN IF NOT EXISTS replayed_by text NOT NULL DEFAULT '';
DROP INDEX IF EXISTS dead_letter_fingerprint;
CREATE INDEX CONCURRENTLY dead_letter_fingerprint ON dead_letter (fingerprint, id);

-- Who is uncertain, or was: a recipient who is not any more is taken out now and then. The ledger says who still is.
CREATE TABLE IF NOT EXISTS uncertain (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    publication_id bigint      NOT NULL,
    channel_id     smallint    NOT NULL,
    recipient_id   bigint      NOT NULL,
    since          timestamptz NOT NULL DEFAULT clock_timestamp(),
    due            timestamptz, -- when the policy is asked; null: it was, and holds
    UNIQUE (publication_id, channel_id, recipient_id)
);
CREATE INDEX IF NOT EXISTS uncertain_due ON uncertain (due) WHERE due IS NOT NULL;

-- Whom earlier builds left uncertain is held.
INSERT INTO uncertain (publication_id, channel_id, recipient_id, since)
SELECT d.publication_id, d.channel_id, d.recipient_id, coalesce(d.settled_at, now())
FROM batch b, LATERAL (SELECT * FROM delivery k WHERE k.publication_id = b.publication_id AND k.channel_id = b.channel_id
                         AND k.recipient_id > b.lo AND k.recipient_id <= b.hi AND k.state = 7 OFFSET 0) d
WHERE b.n_uncertain > 0
ON CONFLICT DO NOTHING;

-- A replay of dead letters as a job: any scheduler takes the next step of it.
CREATE TABLE IF NOT EXISTS replay (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid         uuid             NOT NULL UNIQUE,
    state       text             NOT NULL CHECK (state IN ('canary', 'running', 'settling', 'completed', 'stopped', 'cancelled')),
    filter      jsonb            NOT NULL,
    canary      integer          NOT NULL,
    rate        double precision NOT NULL, -- recipients a second
    max_failing double precision NOT NULL, -- stops above this share of those that are settled
    until       bigint           NOT NULL, -- the largest id of a dead letter when it was asked for
    cursor      bigint           NOT NULL DEFAULT 0, -- the last dead letter looked at
    allowance   double precision NOT NULL DEFAULT 0, -- recipients that may be replayed now
    matched     bigint           NOT NULL,
    n_reopened  bigint           NOT NULL DEFAULT 0,
    n_refused   bigint           NOT NULL DEFAULT 0, -- their publication has ended for good, or they were settled meanwhile
    n_sent      bigint           NOT NULL DEFAULT 0,
    n_failed    bigint           NOT NULL DEFAULT 0,
    n_uncertain bigint           NOT NULL DEFAULT 0,
    n_skipped   bigint           NOT NULL DEFAULT 0,
    created_by  text             NOT NULL,
    created_at  timestamptz      NOT NULL DEFAULT clock_timestamp(),
    stepped_at  timestamptz      NOT NULL DEFAULT clock_timestamp(),
    ended_at    timestamptz,
    note        text             NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS replay_open ON replay (stepped_at) WHERE state IN ('canary', 'running', 'settling');

-- Each time that a settled recipient was made owed again: the history, and what a replay waits for.
CREATE TABLE IF NOT EXISTS reopening (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    publication_id bigint      NOT NULL,
    channel_id     smallint    NOT NULL,
    recipient_id   bigint      NOT NULL,
    was            smallint    NOT NULL, -- the state: 6 failed, 7 uncertain
    reason         smallint    NOT NULL, -- why it was in that state
    attempts       smallint    NOT NULL, -- used until then
    fingerprint    text        NOT NULL DEFAULT '', -- of the dead letter
    by             text        NOT NULL, -- a principal, 'policy' or 'archive'
    replay_id      bigint, -- the job
    outcome        smallint, -- the state it came to, once the job has counted it
    at             timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX IF NOT EXISTS reopening_recipient ON reopening (publication_id, channel_id, recipient_id);
CREATE INDEX IF NOT EXISTS reopening_replay ON reopening (replay_id) WHERE replay_id IS NOT NULL AND outcome IS NULL;

-- +goose Down
DROP TABLE IF EXISTS reopening;
DROP TABLE IF EXISTS replay;
DROP TABLE IF EXISTS uncertain;
ALTER TABLE publication DROP COLUMN IF EXISTS reopened;
DROP INDEX IF EXISTS dead_letter_fingerprint;
ALTER TABLE dead_letter DROP COLUMN IF EXISTS replayed_by;
ALTER TABLE dead_letter DROP COLUMN IF EXISTS replayed_at;
CREATE INDEX CONCURRENTLY IF NOT EXISTS batch_publication ON batch (publication_id, channel_id);
DROP INDEX IF EXISTS batch_range;
