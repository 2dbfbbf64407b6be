-- +goose Up
-- Who a publication was expanded for, by blocks of 8192 ids (internal/idset/block.go says how), for caps: what a reader got lately is
-- at most what they are a member of (internal/postgres/reach.go). Pages may cut a block: then it has a row of each. What passes caps,
-- and is not counted by them, has none.
CREATE TABLE reach (
    publication_id bigint   NOT NULL REFERENCES publication ON DELETE CASCADE,
    n              integer  NOT NULL,
    after          bigint   NOT NULL, -- where the page began; -1: noted by this migration, of all pages before it
    channels       smallint NOT NULL, -- how many messages that was for each
    members        bytea    NOT NULL,
    PRIMARY KEY (publication_id, n, after)
);

-- Of what was expanded before, a window of caps ago at most: each block as a bit for each id.
-- +goose StatementBegin
DO $$
BEGIN
    EXECUTE format('CREATE AGGREGATE pg_temp.bits(bigint, integer) (SFUNC = set_bit, STYPE = bytea, INITCOND = %L)', '\x' || repeat('00', 1024));
    INSERT INTO reach (publication_id, n, after, channels, members)
    SELECT p.id, d.recipient_id >> 13, -1, count(DISTINCT d.channel_id), pg_temp.bits(d.recipient_id & 8191, 1)
    FROM publication p JOIN delivery d ON d.publication_id = p.id AND d.channel_id IN (1, 2)
    WHERE p.started_at IS NOT NULL AND coalesce(p.completed_at, 'infinity') > now() - interval '31 days'
      AND p.priority <> 'critical' AND p.type <> 'transactional'
    GROUP BY p.id, d.recipient_id >> 13;
    DROP AGGREGATE pg_temp.bits(bigint, integer);
END $$;
-- +goose StatementEnd

-- +goose Down
DROP TABLE reach;
