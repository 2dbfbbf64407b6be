-- +goose Up
-- Keys of the API. A key stands for one caller, whatever it is called and however often its secret is changed; a revoked
-- one stays, since the audit log names it.
CREATE TABLE api_key (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid           uuid        NOT NULL UNIQUE,
    name          text        NOT NULL,
    role          text        NOT NULL CHECK (role IN ('admin', 'publisher', 'analyst', 'ops')),
    scopes        text[], -- internal/auth; null: all that the role allows
    rate_per_hour integer     NOT NULL DEFAULT 0 CHECK (rate_per_hour >= 0), -- 0: the configured one
    expires_at    timestamptz,
    version       integer     NOT NULL DEFAULT 1,
    created_by    text        NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_used_at  timestamptz,
    revoked_at    timestamptz
);
-- The name of a revoked key may be used again.
CREATE UNIQUE INDEX api_key_name ON api_key (name) WHERE revoked_at IS NULL;

-- What opens a key: the hash of a random text, found by its public beginning. While a key is rotated it has two.
CREATE TABLE api_key_secret (
    prefix     text        PRIMARY KEY,
    key_id     bigint      NOT NULL REFERENCES api_key,
    hash       bytea       NOT NULL CHECK (octet_length(hash) = 32), -- SHA-256
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz -- null: with the key
);
CREATE INDEX api_key_secret_key ON api_key_secret (key_id);

-- +goose Down
DROP TABLE api_key_secret;
DROP TABLE api_key;
