-- +goose Up
CREATE TABLE audit_event (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at             timestamptz NOT NULL DEFAULT now(),
    actor          text        NOT NULL,
    action         text        NOT NULL, -- 'publication.create'
    entity         text        NOT NULL,
    entity_uid     uuid,
    correlation_id text        NOT NULL DEFAULT '',
    changes        jsonb       NOT NULL DEFAULT '{}' -- ids and keyed hashes, never personal values
);

-- +goose Down
DROP TABLE audit_event;
