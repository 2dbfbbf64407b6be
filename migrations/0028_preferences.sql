-- +goose Up
-- Where a reader lives, and what they chose in the preference centre (internal/subscriber/preferences.go). On the row:
-- fan-out and sending read it with the reader.
ALTER TABLE subscriber
    ADD COLUMN country      text        NOT NULL DEFAULT '' CHECK (country ~ '^([A-Z][A-Z])?$'), -- ISO 3166-1 alpha-2
    ADD COLUMN channels_off smallint[]  NOT NULL DEFAULT '{}', -- kinds of channel that they do not want
    ADD COLUMN frequency    smallint    NOT NULL DEFAULT 0 CHECK (frequency BETWEEN 0 AND 2), -- 0 each, 1 daily, 2 weekly
    ADD COLUMN paused_until timestamptz,
    -- Minutes of the reader's own day; null: as the organisation says.
    ADD COLUMN quiet_from   smallint    CHECK (quiet_from BETWEEN 0 AND 1439),
    ADD COLUMN quiet_to     smallint    CHECK (quiet_to BETWEEN 0 AND 1439),
    ADD CONSTRAINT subscriber_quiet CHECK ((quiet_from IS NULL) = (quiet_to IS NULL));

-- What readers see of a topic where they choose among topics, and whether they see it there.
ALTER TABLE topic
    ADD COLUMN description text    NOT NULL DEFAULT '',
    ADD COLUMN public      boolean NOT NULL DEFAULT true;

-- +goose Down
ALTER TABLE topic DROP COLUMN public, DROP COLUMN description;
ALTER TABLE subscriber DROP CONSTRAINT subscriber_quiet, DROP COLUMN quiet_to, DROP COLUMN quiet_from,
    DROP COLUMN paused_until, DROP COLUMN frequency, DROP COLUMN channels_off, DROP COLUMN country;
