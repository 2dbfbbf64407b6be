-- +goose Up
-- The bytes of uploaded files, each content once, in a table that no list touches.
CREATE TABLE asset_content (
    sha256 bytea PRIMARY KEY CHECK (octet_length(sha256) = 32),
    bytes  bytea NOT NULL
);
-- Pictures, PDFs and archives are compressed already: trying again would only take time.
ALTER TABLE asset_content ALTER COLUMN bytes SET STORAGE EXTERNAL;

CREATE TABLE asset (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid        uuid        NOT NULL UNIQUE,
    name       text        NOT NULL,
    media_type text        NOT NULL,
    size       integer     NOT NULL CHECK (size > 0),
    sha256     bytea       NOT NULL REFERENCES asset_content,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX asset_sha256 ON asset (sha256);

-- Uids of assets: ["0190b5a0-…"]. A constant default rewrites nothing, and an old build need not know of it.
ALTER TABLE publication ADD COLUMN attachments jsonb NOT NULL DEFAULT '[]';

-- +goose Down
ALTER TABLE publication DROP COLUMN attachments;
DROP TABLE asset;
DROP TABLE asset_content;
