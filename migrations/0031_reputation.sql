-- +goose Up
-- Bounces that might have passed and did not are a reason too (5 soft bounce: 12 more is the reason of deliveries), and
-- operators say why they list somebody.
ALTER TABLE suppression DROP CONSTRAINT suppression_reason_check,
    ADD CONSTRAINT suppression_reason_check CHECK (reason IN (1, 2, 3, 5)),
    ADD COLUMN note text NOT NULL DEFAULT '';

-- Whose entries these are, for exports.
CREATE INDEX subscriber_suppression ON subscriber (suppression_id) WHERE suppression_id IS NOT NULL;

-- A soft bounce counts against a mailbox until mail has reached it.
ALTER TABLE feedback ADD COLUMN cleared_at timestamptz;
CREATE INDEX feedback_soft ON feedback (recipient_id, at) WHERE kind = 3 AND next_at IS NULL AND cleared_at IS NULL;

-- What operators hold bounces and complaints against: internal/reputation.
CREATE TABLE reputation_policy (
    id           boolean     PRIMARY KEY DEFAULT true CHECK (id),
    soft_bounces smallint    NOT NULL DEFAULT 5 CHECK (soft_bounces BETWEEN 0 AND 100), -- 0: never suppress for them
    soft_days    smallint    NOT NULL DEFAULT 3 CHECK (soft_days BETWEEN 0 AND 30),
    version      integer     NOT NULL DEFAULT 1,
    updated_at   timestamptz NOT NULL DEFAULT now()
);
INSERT INTO reputation_policy DEFAULT VALUES;

-- +goose Down
DROP TABLE reputation_policy;
DROP INDEX feedback_soft;
ALTER TABLE feedback DROP COLUMN cleared_at;
DROP INDEX subscriber_suppression;
UPDATE suppression SET reason = 1 WHERE reason = 5;
ALTER TABLE suppression DROP COLUMN note, DROP CONSTRAINT suppression_reason_check,
    ADD CONSTRAINT suppression_reason_check CHECK (reason BETWEEN 1 AND 3);
