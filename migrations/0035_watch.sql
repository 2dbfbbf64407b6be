-- +goose NO TRANSACTION
-- +goose Up
-- How much mail may bounce or be called spam before a publication is paused. Without a transaction, for the index, and so
-- that it can be repeated.
ALTER TABLE reputation_policy
    ADD COLUMN IF NOT EXISTS min_sample     integer          NOT NULL DEFAULT 100,
    ADD COLUMN IF NOT EXISTS max_bounces    double precision NOT NULL DEFAULT 0.05,
    ADD COLUMN IF NOT EXISTS max_complaints double precision NOT NULL DEFAULT 0.001,
    ADD COLUMN IF NOT EXISTS pause          boolean          NOT NULL DEFAULT true;

-- A publication that was paused for how it was received. What was known when somebody resumed it does not count again.
CREATE TABLE IF NOT EXISTS reputation_pause (
    publication_id bigint      NOT NULL REFERENCES publication ON DELETE CASCADE,
    channel_id     smallint    NOT NULL,
    cause          text        NOT NULL CHECK (cause IN ('bounces', 'complaints')),
    bad            bigint      NOT NULL,
    judged         bigint      NOT NULL,
    paused_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    resumed_at     timestamptz,
    delivered      bigint      NOT NULL DEFAULT 0, -- accepted by whoever resumed it
    bounced        bigint      NOT NULL DEFAULT 0,
    complained     bigint      NOT NULL DEFAULT 0,
    PRIMARY KEY (publication_id, channel_id, cause)
);
DROP INDEX IF EXISTS reputation_pause_at;
CREATE INDEX reputation_pause_at ON reputation_pause (paused_at);

-- What became of the mail of the last hours.
DROP INDEX IF EXISTS stat_hour;
CREATE INDEX CONCURRENTLY stat_hour ON stat (hour);

-- +goose Down
DROP INDEX IF EXISTS stat_hour;
DROP TABLE IF EXISTS reputation_pause;
ALTER TABLE reputation_policy DROP COLUMN IF EXISTS pause, DROP COLUMN IF EXISTS max_complaints,
    DROP COLUMN IF EXISTS max_bounces, DROP COLUMN IF EXISTS min_sample;
