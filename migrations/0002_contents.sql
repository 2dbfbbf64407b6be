-- +goose Up
CREATE TABLE content (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid        uuid        NOT NULL UNIQUE,
    version    integer     NOT NULL DEFAULT 1, -- the newest
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE content_version (
    content_id bigint      NOT NULL REFERENCES content ON DELETE CASCADE,
    version    integer     NOT NULL,
    title      text        NOT NULL,
    summary    text        NOT NULL DEFAULT '',
    format     text        NOT NULL CHECK (format IN ('markdown', 'html')),
    body       text        NOT NULL,
    url        text        NOT NULL DEFAULT '',
    topics     text[]      NOT NULL DEFAULT '{}',
    language   text        NOT NULL DEFAULT 'en',
    quality    real        NOT NULL DEFAULT 0.5 CHECK (quality BETWEEN 0 AND 1),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (content_id, version)
);

CREATE TABLE template (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid        uuid        NOT NULL UNIQUE,
    name       text        NOT NULL UNIQUE,
    channel    text        NOT NULL,
    version    integer     NOT NULL DEFAULT 1, -- the newest
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- A version has a source for each language; the row with the template's default language is the fallback.
CREATE TABLE template_version (
    template_id bigint      NOT NULL REFERENCES template ON DELETE CASCADE,
    version     integer     NOT NULL,
    language    text        NOT NULL,
    subject     text        NOT NULL DEFAULT '',
    html        text        NOT NULL DEFAULT '',
    text        text        NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (template_id, version, language)
);

-- +goose Down
DROP TABLE template_version;
DROP TABLE template;
DROP TABLE content_version;
DROP TABLE content;
