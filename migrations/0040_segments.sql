-- +goose Up
-- Audiences by rule (internal/segment). A rule is in its canonical form.
CREATE TABLE segment (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid         uuid        NOT NULL UNIQUE,
    slug        text        NOT NULL UNIQUE,
    name        text        NOT NULL,
    description text        NOT NULL DEFAULT '',
    rule        jsonb       NOT NULL,
    version     integer     NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- +goose Down
DROP TABLE segment;
