-- +goose Up
CREATE TABLE topic (
    id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid        uuid        NOT NULL UNIQUE,
    slug       text        NOT NULL UNIQUE,
    name       text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE subscriber (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid            uuid        NOT NULL UNIQUE,
    email          text        NOT NULL UNIQUE, -- normalised by the domain
    name           text        NOT NULL DEFAULT '',
    language       text        NOT NULL DEFAULT 'en',
    timezone       text        NOT NULL DEFAULT 'UTC',
    status         text        NOT NULL CHECK (status IN ('pending', 'active', 'unsubscribed')),
    topics         integer[]   NOT NULL DEFAULT '{}', -- on the row: fan-out reads every subscriber's topics
    attributes     jsonb       NOT NULL DEFAULT '{}',
    consent_source text        NOT NULL DEFAULT '',
    consent_at     timestamptz,
    revoked_at     timestamptz, -- consent or a topic was last withdrawn; senders read it while sending
    version        integer     NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX subscriber_topics ON subscriber USING gin (topics);
CREATE INDEX subscriber_revoked ON subscriber (revoked_at) WHERE revoked_at IS NOT NULL;

-- +goose Down
DROP TABLE subscriber;
DROP TABLE topic;
