-- +goose Up
-- Who belonged to a segment at a moment (internal/segment/snapshot.go). Nobody sees one before it is ready.
CREATE TABLE segment_snapshot (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid        uuid        NOT NULL UNIQUE,
    segment_id integer     NOT NULL REFERENCES segment ON DELETE CASCADE,
    version    integer     NOT NULL,
    rule       jsonb       NOT NULL,
    count      bigint      NOT NULL DEFAULT 0,
    ready      boolean     NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX segment_snapshot_segment ON segment_snapshot (segment_id, id);
CREATE INDEX segment_snapshot_created ON segment_snapshot (created_at);

-- The members by blocks of 8192 ids: internal/idset/block.go says how. Blocks without members have no row.
CREATE TABLE segment_block (
    snapshot_id bigint  NOT NULL REFERENCES segment_snapshot ON DELETE CASCADE,
    n           integer NOT NULL,
    members     bytea   NOT NULL,
    PRIMARY KEY (snapshot_id, n)
);
CREATE INDEX segment_block_n ON segment_block (n);

-- +goose Down
DROP TABLE segment_block;
DROP TABLE segment_snapshot;
