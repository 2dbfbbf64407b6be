-- +goose Up
-- The faces of an organisation (internal/brand). A sender belongs to one brand at most, so who a publication is from says
-- which brand it is of. logo_asset or logo_url is empty, or both are.
CREATE TABLE brand (
    id             integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid            uuid        NOT NULL UNIQUE,
    slug           text        NOT NULL UNIQUE,
    name           text        NOT NULL,
    logo_asset     uuid        REFERENCES asset (uid),
    logo_url       text        NOT NULL DEFAULT '',
    color          text        NOT NULL DEFAULT '',
    link_color     text        NOT NULL DEFAULT '',
    postal_address text        NOT NULL,
    website_url    text        NOT NULL DEFAULT '',
    privacy_url    text        NOT NULL DEFAULT '',
    imprint_url    text        NOT NULL DEFAULT '',
    support_email  text        NOT NULL DEFAULT '',
    language       text        NOT NULL DEFAULT '',
    sender_id      integer, -- who its mail is from unless told: one of its own
    version        integer     NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE sender_identity ADD COLUMN brand_id integer REFERENCES brand;
ALTER TABLE sender_identity ADD CONSTRAINT sender_identity_brand UNIQUE (id, brand_id);
ALTER TABLE brand ADD CONSTRAINT brand_sender FOREIGN KEY (sender_id, id) REFERENCES sender_identity (id, brand_id);

-- +goose Down
ALTER TABLE brand DROP CONSTRAINT brand_sender;
ALTER TABLE sender_identity DROP COLUMN brand_id;
DROP TABLE brand;
