-- +goose Up
-- Event subscriptions (docs/webhooks.md): endpoints of API clients, the events that some enabled endpoint takes, and what
-- became of each event at each endpoint. As in the ledger there are no foreign keys: rows are only made from rows that were
-- just read, and a lock on the row of an endpoint for every event would make all who announce wait for each other. What an
-- endpoint that is gone leaves behind is removed when it is old.
CREATE TABLE webhook_endpoint (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid             uuid        NOT NULL UNIQUE,
    url             text        NOT NULL CHECK (octet_length(url) <= 2048),
    description     text        NOT NULL DEFAULT '',
    events          text[]      NOT NULL DEFAULT '{}', -- types, or publication.*; none: all
    secrets         bytea       NOT NULL, -- sealed JSON, never plain
    enabled         boolean     NOT NULL DEFAULT false,
    verified        bytea, -- keyed hash of the url and secret that answered a test; null: none did
    verified_at     timestamptz,
    disabled_reason text        NOT NULL DEFAULT '' CHECK (disabled_reason IN ('', 'client', 'gone', 'failing')),
    disabled_at     timestamptz,
    failing_since   timestamptz, -- the first of the failures that nothing but failures followed
    wait_until      timestamptz, -- it asked to be left alone until then
    version         integer     NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- webhook_takes says whether an endpoint with these events takes a type.
CREATE FUNCTION webhook_takes(events text[], type text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT cardinality(events) = 0 OR type = ANY (events) OR split_part(type, '.', 1) || '.*' = ANY (events)
$$;

-- A row is made in the transaction that changes what it tells of, with its messages, and only if an endpoint takes it.
CREATE TABLE webhook_event (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid         uuid        NOT NULL UNIQUE, -- version 7; the webhook-id of every attempt
    type        text        NOT NULL,
    subject     text        NOT NULL DEFAULT '', -- what it is about, as the path of its resource
    occurred_at timestamptz NOT NULL,
    data        jsonb       NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- An event for an endpoint. A claim moves due_at to the end of its lease and raises the token: whoever has another token
-- records nothing, and what a dead worker had is due again.
CREATE TABLE webhook_message (
    endpoint   bigint      NOT NULL,
    event      bigint      NOT NULL,
    state      text        NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
    attempts   integer     NOT NULL DEFAULT 0, -- all there were
    step       integer     NOT NULL DEFAULT 0, -- those of the schedule under way: a resend begins it again
    due_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    token      bigint      NOT NULL DEFAULT 0,
    settled_at timestamptz, -- when it became delivered or failed
    PRIMARY KEY (endpoint, event)
);
CREATE INDEX webhook_message_due ON webhook_message (endpoint, due_at) WHERE state = 'pending';
CREATE INDEX webhook_message_failed ON webhook_message (endpoint, event) WHERE state = 'failed';
-- For retention, which goes by event.
CREATE INDEX webhook_message_event ON webhook_message (event);

CREATE TABLE webhook_attempt (
    endpoint    bigint      NOT NULL,
    event       bigint      NOT NULL,
    attempt     integer     NOT NULL, -- from 1
    at          timestamptz NOT NULL, -- when it began
    duration_ms integer     NOT NULL,
    status      integer, -- of the answer; null: none came
    error       text        NOT NULL DEFAULT '' CHECK (octet_length(error) <= 300),
    PRIMARY KEY (event, endpoint, attempt)
);

-- +goose Down
DROP TABLE webhook_attempt;
DROP TABLE webhook_message;
DROP TABLE webhook_event;
DROP FUNCTION webhook_takes(text[], text);
DROP TABLE webhook_endpoint;
