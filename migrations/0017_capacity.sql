-- +goose Up
-- What autoscaling is computed from (docs/scaling.md). A worker process says of itself every few seconds what it serves and
-- how busy it is; a row that is not renewed is nobody's, and is removed by the next worker that starts.
CREATE TABLE worker (
    id            uuid PRIMARY KEY,
    process       text             NOT NULL, -- host:pid, for people
    queues        text[]           NOT NULL,
    draining      boolean          NOT NULL DEFAULT false,
    busy          double precision NOT NULL DEFAULT 0, -- the part in use, 0 to 1
    per_second    double precision NOT NULL DEFAULT 0, -- recipients and other tasks done
    database_pool integer          NOT NULL DEFAULT 0, -- connections to this server: at most, and open
    database_open integer          NOT NULL DEFAULT 0,
    started_at    timestamptz      NOT NULL DEFAULT clock_timestamp(),
    seen_at       timestamptz      NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 100);

-- What a recipient, or another task, took lately, by kind: an exponential average over all workers. It outlives them, so
-- that a pool of none knows how many it needs.
CREATE TABLE service_time (
    kind        text PRIMARY KEY,
    seconds     double precision NOT NULL, -- one of it
    share       double precision NOT NULL, -- as a share of a worker that does as many at once as it can
    worker      double precision NOT NULL, -- seconds of a whole worker that it took
    measured_at timestamptz      NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 100);

-- How many workers each pool was found to need, in steps of five seconds: fewer are asked for only after a while.
CREATE TABLE pool_wanted (
    pool     text        NOT NULL,
    step     timestamptz NOT NULL,
    replicas integer     NOT NULL,
    PRIMARY KEY (pool, step)
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 200);

-- +goose Down
DROP TABLE pool_wanted;
DROP TABLE service_time;
DROP TABLE worker;
