-- +goose Up
-- A publication may have a rate of its own; null is none. A build that does not know the column sends as fast as the
-- channels take it.
ALTER TABLE publication ADD COLUMN rate_per_minute integer,
    ADD CONSTRAINT publication_rate CHECK (rate_per_minute > 0) NOT VALID;
COMMENT ON COLUMN publication.rate_per_minute IS 'most messages a minute on each channel kind, of all processes together';

-- +goose Down
ALTER TABLE publication DROP COLUMN rate_per_minute;
