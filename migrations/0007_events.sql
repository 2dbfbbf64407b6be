-- +goose Up
CREATE TABLE event (
    id             bigint GENERATED ALWAYS AS IDENTITY,
    at             timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind           smallint    NOT NULL, -- 1 open, 2 click, 3 unsubscribe
    publication_id bigint      NOT NULL,
    channel_id     smallint    NOT NULL,
    recipient_id   bigint      NOT NULL,
    link           smallint    NOT NULL DEFAULT -1,
    tx             xid8        NOT NULL DEFAULT pg_current_xact_id() -- counters read below the snapshot's xmin
) PARTITION BY RANGE (at);
CREATE INDEX event_tx ON event (tx, id);

-- ensure_event_partitions makes the monthly partitions of this and the next month. It may be repeated.
-- +goose StatementBegin
CREATE FUNCTION ensure_event_partitions(of_day timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    month timestamptz := date_trunc('month', of_day AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
    next timestamptz;
    name text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('ensure_event_partitions'));
    FOR i IN 0 .. 1 LOOP
        next := (month AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC';
        name := 'event_' || to_char(month AT TIME ZONE 'UTC', 'YYYY_MM');
        IF to_regclass(name) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF event FOR VALUES FROM (%L) TO (%L)', name, month, next);
        END IF;
        month := next;
    END LOOP;
END $$;
-- +goose StatementEnd
SELECT ensure_event_partitions(now());

-- The first event of a kind by a recipient, so that uniques can be counted once.
CREATE TABLE event_first (
    publication_id bigint   NOT NULL,
    channel_id     smallint NOT NULL,
    recipient_id   bigint   NOT NULL,
    kind           smallint NOT NULL,
    PRIMARY KEY (publication_id, channel_id, recipient_id, kind)
);

CREATE TABLE stat (
    publication_id bigint      NOT NULL,
    channel_id     smallint    NOT NULL,
    kind           smallint    NOT NULL,
    hour           timestamptz NOT NULL,
    total          bigint      NOT NULL DEFAULT 0,
    uniques        bigint      NOT NULL DEFAULT 0,
    PRIMARY KEY (publication_id, channel_id, kind, hour)
);

CREATE TABLE stat_cursor (
    id boolean PRIMARY KEY DEFAULT true CHECK (id),
    tx xid8 NOT NULL DEFAULT '0' -- events of transactions below this are counted
);
INSERT INTO stat_cursor DEFAULT VALUES;

-- +goose Down
DROP TABLE stat_cursor;
DROP TABLE stat;
DROP TABLE event_first;
DROP TABLE event;
DROP FUNCTION ensure_event_partitions;
