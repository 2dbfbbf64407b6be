-- +goose Up
-- Pages note where they began, and the first of all begins after 0. What migration 0052 noted of earlier pages is of none (-1): it would
-- take the place of the first one of a publication that stood still meanwhile, in the middle of its readers.
UPDATE reach SET after = -1 WHERE after = 0;
ALTER TABLE reach ADD CONSTRAINT reach_after_check CHECK (after >= -1);

-- +goose Down
ALTER TABLE reach DROP CONSTRAINT reach_after_check;
