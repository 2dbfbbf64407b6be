-- +goose Up
-- Topics and senders count their versions, as everything else does that can be edited; an older build, which does not count,
-- leaves the number as it is. And what a bulk call was answered stays beside its key. Defaults are constant, so that nothing
-- is rewritten.
ALTER TABLE topic ADD COLUMN version integer NOT NULL DEFAULT 1;
ALTER TABLE sender_identity ADD COLUMN version integer NOT NULL DEFAULT 1;
ALTER TABLE idempotency ADD COLUMN answer text; -- null: publication_id says what it was

-- +goose Down
ALTER TABLE idempotency DROP COLUMN answer;
ALTER TABLE sender_identity DROP COLUMN version;
ALTER TABLE topic DROP COLUMN version;
