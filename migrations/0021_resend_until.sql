-- +goose Up
-- Who was sent to again because the receiver drops the second copy is not sent to any more once it may have forgotten the
-- first. Null: whoever decided relied on nothing that ends.
ALTER TABLE reopening ADD COLUMN until timestamptz;

-- +goose Down
ALTER TABLE reopening DROP COLUMN until;
