-- +goose Up
-- A publication may go out at a time of each reader's own day: scheduled_at is then when that time comes first on earth, 14 hours
-- before UTC shows it.
ALTER TABLE publication ADD COLUMN by_local_time boolean NOT NULL DEFAULT false;

-- +goose Down
ALTER TABLE publication DROP COLUMN by_local_time;
