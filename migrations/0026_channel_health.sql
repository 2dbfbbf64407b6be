-- +goose Up
-- What was verified of a channel, and how it fares. Defaults are constant, so that nothing is rewritten. An older build knows
-- none of this: a channel that it switches on keeps why it was off, which is shown of those only that are.
ALTER TABLE channel
    ADD COLUMN verified        bytea, -- keyed hash of the settings and secrets that a verification succeeded with last
    ADD COLUMN verified_at     timestamptz,
    ADD COLUMN failing_since   timestamptz, -- the first of the failures that nothing but failures followed
    ADD COLUMN disabled_reason text NOT NULL DEFAULT '',
    ADD COLUMN disabled_at     timestamptz,
    ADD CONSTRAINT channel_disabled_reason CHECK (disabled_reason IN ('', 'client', 'gone', 'failing')) NOT VALID;

-- +goose Down
ALTER TABLE channel
    DROP COLUMN disabled_at, DROP COLUMN disabled_reason, DROP COLUMN failing_since, DROP COLUMN verified_at, DROP COLUMN verified;
