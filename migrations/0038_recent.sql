-- +goose NO TRANSACTION
-- +goose Up
-- Caps look at what readers got lately: of publications that are not at their end, or were until lately. Without a transaction,
-- and so that it can be repeated: the index is made while others write.
DROP INDEX IF EXISTS publication_recent;
CREATE INDEX CONCURRENTLY publication_recent ON publication (coalesce(completed_at, timestamptz 'infinity')) WHERE started_at IS NOT NULL;

-- +goose Down
DROP INDEX IF EXISTS publication_recent;
