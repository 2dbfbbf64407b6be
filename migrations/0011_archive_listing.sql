-- +goose NO TRANSACTION
-- +goose Up
-- Whether the public archive lists a publication, once it is out. Without a transaction, and so that it can be
-- repeated: the rows are changed in pages, and the indexes made while others write. What an old build accepts
-- meanwhile is not listed.
ALTER TABLE publication ADD COLUMN IF NOT EXISTS listed boolean NOT NULL DEFAULT false;

-- The rule of internal/publication/archive.go as it was at this time; 2 is the newsletter.
-- +goose StatementBegin
DO $$
DECLARE
    top bigint := coalesce((SELECT max(id) FROM publication), 0);
    lo bigint := 0;
BEGIN
    WHILE lo < top LOOP
        UPDATE publication SET listed = true
        WHERE id > lo AND id <= lo + 5000 AND NOT listed AND type IN ('newsletter', 'digest', 'announcement')
          AND 2 = ANY (channels) AND (audience @> '{"all": true}' OR audience ? 'topics');
        COMMIT;
        lo := lo + 5000;
    END LOOP;
END $$;
-- +goose StatementEnd

-- Rows enter when they begin to go out: a publication that is accepted costs nothing here.
DROP INDEX IF EXISTS publication_listed;
CREATE INDEX CONCURRENTLY publication_listed ON publication (started_at, id) WHERE listed AND started_at IS NOT NULL;
DROP INDEX IF EXISTS publication_listed_topics;
CREATE INDEX CONCURRENTLY publication_listed_topics ON publication USING gin ((audience -> 'topics') jsonb_path_ops)
    WHERE listed AND started_at IS NOT NULL;
-- How common a topic is decides which of the two is used; of a partial index the planner takes no statistics.
CREATE STATISTICS IF NOT EXISTS publication_topics ON (audience -> 'topics') FROM publication;

-- +goose Down
DROP STATISTICS IF EXISTS publication_topics;
DROP INDEX IF EXISTS publication_listed_topics;
DROP INDEX IF EXISTS publication_listed;
ALTER TABLE publication DROP COLUMN IF EXISTS listed;
