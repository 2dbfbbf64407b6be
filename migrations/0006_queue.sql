-- +goose Up
-- Tasks that committed with the state they follow from; the relay enqueues and deletes them.
CREATE TABLE outbox (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       text        NOT NULL,
    queue      text        NOT NULL,
    task_id    text        NOT NULL,
    payload    text        NOT NULL,
    not_before timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);

-- The canary is written to Redis and here. If Redis has none, or an older one, it lost what it held: lost_at
-- is set, and whatever was last nudged before that is nudged again.
CREATE TABLE queue_state (
    id         boolean PRIMARY KEY DEFAULT true CHECK (id),
    canary     bigint      NOT NULL DEFAULT 0,
    lost_at    timestamptz NOT NULL DEFAULT '-infinity',
    updated_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO queue_state DEFAULT VALUES;

-- What an operator has paused: 'all', 'channel:slack', 'queue:email-bulk'.
CREATE TABLE pause (
    scope      text PRIMARY KEY,
    paused_by  text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- What a pause covers: batches of these channels and lanes are not claimed.
CREATE TABLE pause_lane (
    scope      text     NOT NULL REFERENCES pause ON DELETE CASCADE,
    channel_id smallint NOT NULL,
    lane       smallint NOT NULL,
    PRIMARY KEY (channel_id, lane, scope)
);

-- +goose Down
DROP TABLE pause_lane;
DROP TABLE pause;
DROP TABLE queue_state;
DROP TABLE outbox;
