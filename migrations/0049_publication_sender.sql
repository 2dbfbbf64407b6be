-- +goose NO TRANSACTION
-- +goose Up
-- Whether publications are from a sender is asked when it is deleted, leaves its brand, or the brand is deleted; and the archive of a
-- brand reads the newest from each of its senders. Without a transaction, and so that it can be repeated: the indexes are made
-- while others write.
DROP INDEX IF EXISTS publication_sender;
CREATE INDEX CONCURRENTLY publication_sender ON publication (sender_id);
DROP INDEX IF EXISTS publication_listed_sender;
CREATE INDEX CONCURRENTLY publication_listed_sender ON publication (sender_id, started_at, id) WHERE listed AND started_at IS NOT NULL;

-- +goose Down
DROP INDEX IF EXISTS publication_listed_sender;
DROP INDEX IF EXISTS publication_sender;
