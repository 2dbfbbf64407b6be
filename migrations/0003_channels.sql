-- +goose Up
CREATE TABLE sender_identity (
    id             integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid            uuid        NOT NULL UNIQUE,
    name           text        NOT NULL UNIQUE,
    from_name      text        NOT NULL,
    from_email     text        NOT NULL,
    reply_to       text        NOT NULL DEFAULT '',
    postal_address text        NOT NULL,
    is_default     boolean     NOT NULL DEFAULT false,
    created_at     timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX sender_identity_default ON sender_identity (is_default) WHERE is_default;

-- One row is one outlet: the e-mail provider, one Slack channel, one webhook endpoint. For the broadcast
-- kinds it is also the recipient in the ledger. Kinds are not listed here: a new one needs no migration.
CREATE TABLE channel (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid        uuid        NOT NULL UNIQUE,
    kind       text        NOT NULL,
    provider   text        NOT NULL,
    name       text        NOT NULL UNIQUE,
    enabled    boolean     NOT NULL DEFAULT true,
    settings   jsonb       NOT NULL DEFAULT '{}',
    secrets    bytea       NOT NULL DEFAULT '', -- sealed JSON, never plain
    version    integer     NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX channel_kind ON channel (kind) WHERE enabled;

-- +goose Down
DROP TABLE channel;
DROP TABLE sender_identity;
