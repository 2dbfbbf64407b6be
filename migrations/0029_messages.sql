-- +goose Up
-- A message is a publication for one recipient. It is made sending, with its delivery, its batch and its nudge, by the
-- statement that accepts it: there is nothing to render that others share, and nobody to look for.
ALTER TABLE publication ADD COLUMN message boolean NOT NULL DEFAULT false;
-- Lists leave messages out, or have nothing else: neither walks through the other.
CREATE INDEX publication_campaign ON publication (id) WHERE NOT message;
CREATE INDEX publication_message ON publication (id) WHERE message;

-- Who a message is for and what it is filled with. Both are personal: the row goes some time after the message has
-- settled, and the publication with its delivery stays.
CREATE TABLE message (
    publication_id bigint      PRIMARY KEY REFERENCES publication ON DELETE CASCADE,
    subscriber_id  bigint,     -- null: the address is no subscriber's
    email          text,       -- of who is no subscriber, normalised by the domain
    name           text        NOT NULL DEFAULT '',
    language       text        NOT NULL DEFAULT '', -- '': the subscriber's
    timezone       text        NOT NULL DEFAULT '',
    letter         text        NOT NULL DEFAULT '', -- the kind, of what Presswork writes itself
    data           jsonb       NOT NULL DEFAULT '{}',
    tracked        boolean     NOT NULL DEFAULT false,
    expires_at     timestamptz, -- not sent from then on
    created_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT message_recipient CHECK ((subscriber_id IS NULL) <> (email IS NULL))
);
CREATE INDEX message_email ON message (email) WHERE email IS NOT NULL;
CREATE INDEX message_subscriber ON message (subscriber_id) WHERE subscriber_id IS NOT NULL;
-- Letters whose links are not wiped yet.
CREATE INDEX message_letter ON message (publication_id) WHERE letter <> '' AND data <> '{}';

-- +goose Down
DROP TABLE message;
DROP INDEX publication_message;
DROP INDEX publication_campaign;
ALTER TABLE publication DROP COLUMN message;
