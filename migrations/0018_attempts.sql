-- +goose NO TRANSACTION
-- +goose Up
-- What came of attempts that were more than a plain success at the first try, which needs no row: delivery says when. A
-- partition here has the publications of its partition of delivery, is made with it, and goes with it. Without a
-- transaction, and so that it can be repeated.
CREATE TABLE IF NOT EXISTS delivery_attempt (
    publication_id bigint      NOT NULL,
    recipient_id   bigint      NOT NULL,
    channel_id     smallint    NOT NULL,
    attempt        smallint    NOT NULL, -- of the recipient, from 1; a replay counts anew
    state          smallint    NOT NULL, -- what the attempt left the recipient in: 0, owed, is a failure that is tried again
    reason         smallint    NOT NULL DEFAULT 0,
    late           boolean     NOT NULL DEFAULT false, -- evidence that came after the session was taken over
    at             timestamptz NOT NULL DEFAULT clock_timestamp(),
    session_id     bigint,
    outlet_id      bigint, -- the channel row that it went by, if that is known
    error_kind     text        NOT NULL DEFAULT '',
    error_code     text        NOT NULL DEFAULT '',
    error          text        NOT NULL DEFAULT '' -- normalised: no addresses, no ids
) PARTITION BY RANGE (publication_id);
CREATE INDEX IF NOT EXISTS delivery_attempt_key ON delivery_attempt (publication_id, channel_id, recipient_id);

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION ensure_delivery_partitions(upto bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    size CONSTANT bigint := 1000000;
    n bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('ensure_delivery_partitions'));
    FOR n IN 0 .. upto / size + 1 LOOP
        IF to_regclass('delivery_' || n) IS NULL THEN
            EXECUTE format('CREATE TABLE delivery_%s PARTITION OF delivery FOR VALUES FROM (%s) TO (%s)
                WITH (fillfactor = 45, autovacuum_vacuum_scale_factor = 0.05)', n, n * size, (n + 1) * size);
        END IF;
        IF to_regclass('delivery_attempt_' || n) IS NULL THEN
            EXECUTE format('CREATE TABLE delivery_attempt_%s PARTITION OF delivery_attempt FOR VALUES FROM (%s) TO (%s)',
                n, n * size, (n + 1) * size);
        END IF;
    END LOOP;
END $$;
-- +goose StatementEnd
SELECT ensure_delivery_partitions((SELECT coalesce(max(id), 0) FROM publication));

-- Events of one recipient. On the parent alone this takes a moment, and partitions made from now on have it. Small ones
-- get it here; while one is made, its events wait. A month with 64 MB and more keeps going without: docs/operations.md
-- has the statements that make it there while others write.
CREATE INDEX IF NOT EXISTS event_recipient ON ONLY event (publication_id, recipient_id);
-- +goose StatementBegin
DO $$
DECLARE
    part regclass;
BEGIN
    FOR part IN
        SELECT h.inhrelid FROM pg_inherits h
        WHERE h.inhparent = 'event'::regclass AND pg_relation_size(h.inhrelid) < 64 << 20
          AND to_regclass(h.inhrelid::regclass || '_recipient') IS NULL
    LOOP
        EXECUTE format('CREATE INDEX %I ON %s (publication_id, recipient_id)', part || '_recipient', part);
        EXECUTE format('ALTER INDEX event_recipient ATTACH PARTITION %I', part || '_recipient');
        COMMIT;
    END LOOP;
END $$;
-- +goose StatementEnd

-- +goose Down
DROP INDEX IF EXISTS event_recipient;
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION ensure_delivery_partitions(upto bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    size CONSTANT bigint := 1000000;
    n bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('ensure_delivery_partitions'));
    FOR n IN 0 .. upto / size + 1 LOOP
        IF to_regclass('delivery_' || n) IS NULL THEN
            EXECUTE format('CREATE TABLE delivery_%s PARTITION OF delivery FOR VALUES FROM (%s) TO (%s)
                WITH (fillfactor = 45, autovacuum_vacuum_scale_factor = 0.05)', n, n * size, (n + 1) * size);
        END IF;
    END LOOP;
END $$;
-- +goose StatementEnd
DROP TABLE IF EXISTS delivery_attempt;
