-- +goose NO TRANSACTION
-- +goose Up
-- Publications that are changed before they begin. A row of the table is what a publication was, until it was changed:
-- accepting writes none. All columns of publication are null or false for what is accepted and sent, so that nothing is
-- rewritten here, and an older build stores what it did. Without a transaction, for the index, and so that it can be repeated.
CREATE TABLE IF NOT EXISTS publication_version (
    publication_id bigint      NOT NULL REFERENCES publication ON DELETE CASCADE,
    version        integer     NOT NULL, -- of the publication, from which on it was so
    request        jsonb       NOT NULL, -- that would make the same, by public ids
    contents       jsonb       NOT NULL, -- [{"id": "...", "version": 2}] as it was pinned
    templates      jsonb       NOT NULL, -- {"email": {"id": "...", "version": 2}}
    scheduled_at   timestamptz,
    changed_by     text        NOT NULL,
    changed_at     timestamptz NOT NULL,
    correlation_id text        NOT NULL DEFAULT '',
    PRIMARY KEY (publication_id, version)
);

ALTER TABLE publication
    ADD COLUMN IF NOT EXISTS drafted boolean NOT NULL DEFAULT false, -- its request was answered with the state draft
    ADD COLUMN IF NOT EXISTS cloned_from uuid,
    ADD COLUMN IF NOT EXISTS wants_approval boolean NOT NULL DEFAULT false, -- its request asked for it
    ADD COLUMN IF NOT EXISTS approval jsonb, -- internal/publication/approval.go; null: none was asked
    ADD COLUMN IF NOT EXISTS revised integer, -- since which version it has been so; null: since the first
    ADD COLUMN IF NOT EXISTS revised_by text,
    ADD COLUMN IF NOT EXISTS revised_at timestamptz,
    ADD COLUMN IF NOT EXISTS revised_correlation text;

DROP INDEX IF EXISTS publication_approval;
CREATE INDEX CONCURRENTLY publication_approval ON publication (id) WHERE approval IS NOT NULL;

-- +goose Down
DROP INDEX IF EXISTS publication_approval;
ALTER TABLE publication
    DROP COLUMN IF EXISTS revised_correlation, DROP COLUMN IF EXISTS revised_at, DROP COLUMN IF EXISTS revised_by,
    DROP COLUMN IF EXISTS revised, DROP COLUMN IF EXISTS approval, DROP COLUMN IF EXISTS wants_approval,
    DROP COLUMN IF EXISTS cloned_from, DROP COLUMN IF EXISTS drafted;
DROP TABLE IF EXISTS publication_version;
