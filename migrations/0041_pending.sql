-- +goose NO TRANSACTION
-- +goose Up
-- Who has yet to confirm, by when they came: those who do not in time are forgotten. Without a transaction, and so that it can be
-- repeated: the index is made while others write.
DROP INDEX IF EXISTS subscriber_pending;
CREATE INDEX CONCURRENTLY subscriber_pending ON subscriber (created_at) WHERE status = 'pending';

-- +goose Down
DROP INDEX IF EXISTS subscriber_pending;
