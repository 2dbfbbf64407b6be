-- +goose Up
CREATE TABLE publication (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid            uuid        NOT NULL UNIQUE,
    title          text        NOT NULL,
    type           text        NOT NULL CHECK (type IN ('announcement', 'newsletter', 'digest', 'alert', 'transactional')),
    priority       text        NOT NULL CHECK (priority IN ('critical', 'high', 'normal', 'bulk')),
    lane           smallint    NOT NULL, -- 0 critical, 1 normal, 2 bulk: priority, then the size of the audience
    state          text        NOT NULL CHECK (state IN ('draft', 'scheduled', 'queued', 'rendering', 'sending',
                       'pausing', 'paused', 'cancelling', 'cancelled', 'completed', 'completed_with_failures', 'failed')),
    failure        text        NOT NULL DEFAULT '', -- why, when failed
    channels       smallint[]  NOT NULL,
    audience       jsonb       NOT NULL,
    contents       jsonb       NOT NULL, -- [{"id": 1, "version": 2}], pinned when accepted
    templates      jsonb       NOT NULL DEFAULT '{}', -- {"email": {"id": 1, "version": 2}}, pinned when accepted
    data           jsonb       NOT NULL DEFAULT '{}',
    sender_id      integer     REFERENCES sender_identity,
    scheduled_at   timestamptz,
    created_by     text        NOT NULL,
    correlation_id text        NOT NULL DEFAULT '',
    gen            integer     NOT NULL DEFAULT 0, -- of the render nudge
    nudged_at      timestamptz NOT NULL DEFAULT now(), -- when it was last nudged: before queue_state.lost_at means lost
    fanout_done    boolean     NOT NULL DEFAULT false,
    created_at     timestamptz NOT NULL DEFAULT now(),
    started_at     timestamptz,
    completed_at   timestamptz,
    updated_at     timestamptz NOT NULL DEFAULT now(),
    version        integer     NOT NULL DEFAULT 1
);
CREATE INDEX publication_open ON publication (state, id)
    WHERE state IN ('queued', 'rendering', 'sending', 'pausing', 'cancelling');
CREATE INDEX publication_due ON publication (scheduled_at) WHERE state = 'scheduled';

-- What is the same for all recipients of a channel and language, prepared once by the render task.
CREATE TABLE rendition (
    publication_id bigint   NOT NULL REFERENCES publication ON DELETE CASCADE,
    channel_id     smallint NOT NULL,
    language       text     NOT NULL,
    body           jsonb    NOT NULL,
    PRIMARY KEY (publication_id, channel_id, language)
);

-- Click targets. Signed links carry the number, never the URL: there is no open redirect.
CREATE TABLE link (
    publication_id bigint   NOT NULL REFERENCES publication ON DELETE CASCADE,
    n              smallint NOT NULL,
    url            text     NOT NULL,
    PRIMARY KEY (publication_id, n)
);

CREATE TABLE idempotency (
    principal      text        NOT NULL,
    route          text        NOT NULL,
    key            text        NOT NULL,
    request_hash   bytea       NOT NULL,
    publication_id bigint      NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (principal, route, key)
);
CREATE INDEX idempotency_age ON idempotency (created_at);

-- +goose Down
DROP TABLE idempotency;
DROP TABLE link;
DROP TABLE rendition;
DROP TABLE publication;
