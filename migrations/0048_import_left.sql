-- +goose Up
-- How many of an import's lines are of people who had unsubscribed, and stay so.
ALTER TABLE subscriber_import ADD COLUMN left_unsubscribed integer NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE subscriber_import DROP COLUMN left_unsubscribed;
