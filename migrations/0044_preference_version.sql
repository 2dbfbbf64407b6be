-- +goose Up
-- What a reader chose is remembered by its version (internal/recall): whoever changes it without a new one, by hand, gets one.
CREATE OR REPLACE FUNCTION raise_subscriber_version() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.version := OLD.version + 1; RETURN NEW; END';
DROP TRIGGER IF EXISTS subscriber_version ON subscriber;
CREATE TRIGGER subscriber_version BEFORE UPDATE ON subscriber FOR EACH ROW
    WHEN (NEW.version = OLD.version AND (NEW.uid, NEW.status, NEW.topics, NEW.channels_off, NEW.frequency, NEW.paused_until, NEW.quiet_from, NEW.quiet_to,
                                         NEW.language, NEW.timezone)
          IS DISTINCT FROM (OLD.uid, OLD.status, OLD.topics, OLD.channels_off, OLD.frequency, OLD.paused_until, OLD.quiet_from, OLD.quiet_to,
                            OLD.language, OLD.timezone))
    EXECUTE FUNCTION raise_subscriber_version();

-- +goose Down
DROP TRIGGER IF EXISTS subscriber_version ON subscriber;
DROP FUNCTION IF EXISTS raise_subscriber_version();
