-- +goose Up
-- What became of mail, by the domain of who it was for and the day: internal/postgres/reputation_domain.go. Of a day there are so
-- many rows at most; '' is all others. No address is in it.
CREATE TABLE IF NOT EXISTS reputation_domain (
    day        date   NOT NULL,
    domain     text   NOT NULL,
    delivered  bigint NOT NULL DEFAULT 0,
    bounced    bigint NOT NULL DEFAULT 0,
    complained bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (day, domain)
);

-- +goose Down
DROP TABLE IF EXISTS reputation_domain;
