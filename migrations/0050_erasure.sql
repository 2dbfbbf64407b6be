-- +goose Up
-- People who are erased. What is found by an index goes at once; their address is looked for in what others wrote by a scheduler,
-- range by range (internal/postgres/subscriber_erase_search.go). Of one that is completed nothing personal is left here.
CREATE TABLE erasure (
    id             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid            uuid        NOT NULL UNIQUE,
    state          text        NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'completed')),
    hash           bytea,      -- of the address, as the suppression list has it: asking again finds the one that is running
    address        bytea,      -- sealed
    subscriber_uid uuid,       -- null: they were none
    subscriber     boolean     NOT NULL,
    suppressed     boolean     NOT NULL,
    messages       bigint      NOT NULL,
    mentions       bigint      NOT NULL DEFAULT 0,
    look           smallint    NOT NULL DEFAULT 1, -- how often all tables are looked through, this time included
    part           smallint    NOT NULL DEFAULT 0, -- which table is, counted from 0
    position       bigint[]    NOT NULL DEFAULT '{}', -- behind which row of it
    read           bigint      NOT NULL DEFAULT 0, -- rows, in all looks
    since          bigint      NOT NULL DEFAULT 0, -- this look reads what this transaction and later ones wrote; 0: everything
    began          bigint      NOT NULL DEFAULT 0, -- the oldest transaction that was writing when this look began; 0: it has not
    ended          bigint      NOT NULL DEFAULT 0, -- this look begins when those before this transaction have ended
    again          boolean     NOT NULL DEFAULT false, -- another look has to follow
    due_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    completed_at   timestamptz,
    CONSTRAINT erasure_forgets CHECK (state = 'running' OR (hash IS NULL AND address IS NULL AND subscriber_uid IS NULL))
);
CREATE UNIQUE INDEX erasure_running ON erasure (hash) WHERE state = 'running';
CREATE INDEX erasure_open ON erasure (id) WHERE state = 'running';

-- +goose Down
DROP TABLE erasure;
