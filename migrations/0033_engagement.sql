-- +goose Up
-- What readers did with what they were sent: a row a reader, written in the background (internal/postgres/engagement.go).
-- A week is counted from Monday, 1970-01-05, in UTC. total has three counters of publications in one number: sent + 2^20 x opened +
-- 2^40 x clicked. before[i] is what total was at the end of the i-th week before week, so that the counters of any window of
-- up to a year are one difference.
CREATE TABLE engagement (
    subscriber_id bigint  NOT NULL PRIMARY KEY REFERENCES subscriber ON DELETE CASCADE,
    total         bigint  NOT NULL DEFAULT 0,
    week          integer NOT NULL DEFAULT 0,
    first_sent_on date,
    sent_on       date,
    email_on      date, -- last opened or clicked something that came by e-mail
    newsletter_on date, -- or by newsletter
    clicked_on    date,
    before        bigint[] NOT NULL DEFAULT '{}'
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

-- Up to when what a publication sent is counted in engagement; and, while it is being counted, up to which reader.
ALTER TABLE publication ADD COLUMN engaged_through timestamptz;
CREATE TABLE engagement_pass (
    publication_id bigint      NOT NULL PRIMARY KEY REFERENCES publication ON DELETE CASCADE,
    after          timestamptz NOT NULL, -- what was settled until then is counted already
    through        timestamptz NOT NULL,
    cursor         bigint      NOT NULL DEFAULT 0 -- the last reader who is counted
);
CREATE INDEX publication_engagement ON publication (completed_at) WHERE completed_at IS NOT NULL
    AND type <> 'transactional' AND (engaged_through IS NULL OR engaged_through < completed_at);

-- +goose Down
DROP INDEX publication_engagement;
DROP TABLE engagement_pass;
ALTER TABLE publication DROP COLUMN engaged_through;
DROP TABLE engagement;
