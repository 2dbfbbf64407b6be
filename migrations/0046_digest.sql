-- +goose Up
-- What was held back for readers who get everything together goes out as one message: a publication of type digest, which takes
-- its readers and what each of them gets from here. The deliveries of which it is made are settled in the transaction that writes
-- their rows of digest_item: they are held, or a digest has them.

CREATE TABLE digest (
    id             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel_id     smallint    NOT NULL,
    sender_id      integer     NOT NULL, -- of all that is in it; 0: of none
    filling        boolean     NOT NULL DEFAULT true,
    publication_id bigint      UNIQUE,   -- null until it goes out
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX digest_filling ON digest (channel_id, sender_id) WHERE filling;
CREATE INDEX digest_unsent ON digest (id) WHERE publication_id IS NULL;

-- What a digest is made of: its contents are those of these publications, one after the other; of each from first on.
CREATE TABLE digest_part (
    digest_id      bigint    NOT NULL REFERENCES digest ON DELETE CASCADE,
    publication_id bigint    NOT NULL,
    first          smallint  NOT NULL,
    size           smallint  NOT NULL,
    topics         integer[] NOT NULL, -- that it was for; none: for everybody
    PRIMARY KEY (digest_id, publication_id)
);

-- A delivery is in one digest at most.
CREATE TABLE digest_item (
    publication_id bigint   NOT NULL,
    channel_id     smallint NOT NULL,
    recipient_id   bigint   NOT NULL,
    digest_id      bigint   NOT NULL REFERENCES digest ON DELETE CASCADE,
    items          bytea    NOT NULL, -- which contents of the digest, one byte each, best first
    PRIMARY KEY (publication_id, channel_id, recipient_id)
);
CREATE INDEX digest_item_reader ON digest_item (digest_id, recipient_id);
CREATE INDEX digest_item_recipient ON digest_item (recipient_id);

-- The operators' own template of digests, by its name; empty: the built-in one.
ALTER TABLE delivery_policy ADD COLUMN digest_template text NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE delivery_policy DROP COLUMN digest_template;
DROP TABLE digest_item;
DROP TABLE digest_part;
DROP TABLE digest;
