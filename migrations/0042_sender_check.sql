-- +goose Up
-- What was last found out about the domain of a sender's address (internal/domaincheck). It is of that domain only: a
-- sender who has moved to another was not checked.
CREATE TABLE sender_check (
    sender_id  integer     PRIMARY KEY REFERENCES sender_identity ON DELETE CASCADE,
    domain     text        NOT NULL,
    level      text        NOT NULL CHECK (level IN ('ok', 'warning', 'failure', 'unknown')),
    findings   jsonb       NOT NULL,
    checked_at timestamptz NOT NULL
);

-- +goose Down
DROP TABLE sender_check;
