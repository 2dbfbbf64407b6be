-- +goose Up
-- How often a worker died while it rendered a publication, or expanded a range of its audience.
ALTER TABLE publication ADD COLUMN crashes smallint NOT NULL DEFAULT 0;
ALTER TABLE fanout_range ADD COLUMN crashes smallint NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE fanout_range DROP COLUMN crashes;
ALTER TABLE publication DROP COLUMN crashes;
