-- +goose Up
-- The send ledger: one row per publication, channel and recipient. docs/architecture.md reasons its keys,
-- its one index, its fill factor and its partitions.
CREATE TABLE delivery (
    publication_id bigint   NOT NULL,
    recipient_id   bigint   NOT NULL, -- a subscriber, or the channel row of a broadcast
    channel_id     smallint NOT NULL,
    state          smallint NOT NULL DEFAULT 0,
    attempt        smallint NOT NULL DEFAULT 0, -- attempts used
    reason         smallint NOT NULL DEFAULT 0,
    session_id     bigint, -- the sender session that settled it, or left it uncertain
    settled_at     timestamptz,
    choice         bytea, -- the chosen items, one byte each, best first
    CONSTRAINT delivery_key UNIQUE (publication_id, channel_id, recipient_id),
    CONSTRAINT delivery_state CHECK (state BETWEEN 0 AND 9)
) PARTITION BY RANGE (publication_id);

-- ensure_delivery_partitions makes the partitions that hold the ids up to one whole partition ahead of
-- the given one. A partition holds 1,000,000 publications. It may be repeated.
-- +goose StatementBegin
CREATE FUNCTION ensure_delivery_partitions(upto bigint) RETURNS void LANGUAGE plpgsql AS $$
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
SELECT ensure_delivery_partitions(0);

-- A batch is a key range (lo, hi] of one publication and channel, fixed when its rows are created.
CREATE TABLE batch (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    publication_id bigint      NOT NULL,
    channel_id     smallint    NOT NULL,
    lane           smallint    NOT NULL,
    lo             bigint      NOT NULL,
    hi             bigint      NOT NULL,
    size           integer     NOT NULL,
    state          text        NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'claimed', 'waiting', 'done', 'stopped')),
    gen            integer     NOT NULL DEFAULT 1, -- of the nudge
    token          integer     NOT NULL DEFAULT 0, -- of the claim
    session_id     bigint,
    crashes        smallint    NOT NULL DEFAULT 0,
    not_before     timestamptz,
    nudged_at      timestamptz NOT NULL DEFAULT now(),
    n_sent         integer     NOT NULL DEFAULT 0,
    n_failed       integer     NOT NULL DEFAULT 0,
    n_skipped      integer     NOT NULL DEFAULT 0,
    n_uncertain    integer     NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
CREATE INDEX batch_open ON batch (publication_id, state) WHERE state IN ('ready', 'claimed', 'waiting');
CREATE INDEX batch_publication ON batch (publication_id, channel_id);
CREATE INDEX batch_session ON batch (session_id) WHERE state = 'claimed';

-- A range of subscriber ids that a publication's fan-out works through, page by page.
CREATE TABLE fanout_range (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    publication_id bigint      NOT NULL REFERENCES publication ON DELETE CASCADE,
    hi             bigint      NOT NULL, -- the last id, frozen when fan-out started
    cursor         bigint      NOT NULL, -- the last id expanded
    done           boolean     NOT NULL DEFAULT false,
    gen            integer     NOT NULL DEFAULT 1,
    nudged_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX fanout_range_open ON fanout_range (publication_id) WHERE NOT done;

-- One process's lease to send, with its durable list of what may be with a provider right now. A session
-- is never reopened: its id is the epoch that fences its writes.
CREATE TABLE sender_session (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    process          text        NOT NULL,
    started_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    until            timestamptz NOT NULL,
    ended_at         timestamptz, -- closed by its process, or taken over
    flush            bigint      NOT NULL DEFAULT 0, -- the number of the last flush, so that one can be repeated
    -- Parallel arrays: of batch i, recipients after inflight_after[i] up to inflight_through[i].
    inflight_batch   bigint[]    NOT NULL DEFAULT '{}',
    inflight_after   bigint[]    NOT NULL DEFAULT '{}',
    inflight_through bigint[]    NOT NULL DEFAULT '{}'
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 20);
CREATE INDEX sender_session_open ON sender_session (id) WHERE ended_at IS NULL;

CREATE TABLE dead_letter (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    publication_id bigint      NOT NULL,
    channel_id     smallint    NOT NULL,
    recipient_id   bigint      NOT NULL,
    attempts       smallint    NOT NULL,
    error_kind     text        NOT NULL,
    error_code     text        NOT NULL,
    error          text        NOT NULL, -- normalised: no addresses, no ids
    fingerprint    text        NOT NULL, -- of channel, kind, code and error
    created_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (publication_id, channel_id, recipient_id)
);

-- +goose Down
DROP TABLE dead_letter;
DROP TABLE sender_session;
DROP TABLE fanout_range;
DROP TABLE batch;
DROP TABLE delivery;
DROP FUNCTION ensure_delivery_partitions;
