-- +goose Up
-- Imports of subscribers: how far each is, and what is wrong with its file, by line and column and without what stands there.
CREATE TABLE subscriber_import (
    uid            uuid        PRIMARY KEY,
    state          text        NOT NULL CHECK (state IN ('running', 'completed', 'refused')),
    mark           bytea       NOT NULL, -- keyed hash of the file and of how it is imported
    dry_run        boolean     NOT NULL,
    duplicates     text        NOT NULL CHECK (duplicates IN ('skip', 'update')),
    lines          integer     NOT NULL,
    done           integer     NOT NULL DEFAULT 0, -- lines that are stored; whoever stores the next ones finds it so
    created        integer     NOT NULL DEFAULT 0,
    updated        integer     NOT NULL DEFAULT 0,
    skipped        integer     NOT NULL DEFAULT 0,
    bad            integer     NOT NULL DEFAULT 0,
    problems       jsonb       NOT NULL DEFAULT '[]',
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX subscriber_import_updated ON subscriber_import (updated_at);

-- +goose Down
DROP TABLE subscriber_import;
