-- +goose Up
-- The span (W3C traceparent) of the request that made a publication, for every nudge that follows it, and of what
-- made a task, on its way through the outbox. Without traces both are null. Rows that are there already are null too:
-- the checks need not read them (NOT VALID), so that the lock is held for a moment only.
ALTER TABLE publication ADD COLUMN trace_context text;
ALTER TABLE publication ADD CONSTRAINT publication_trace_context CHECK (length(trace_context) <= 55) NOT VALID;
ALTER TABLE outbox ADD COLUMN trace_context text;
ALTER TABLE outbox ADD CONSTRAINT outbox_trace_context CHECK (length(trace_context) <= 55) NOT VALID;

-- +goose Down
ALTER TABLE outbox DROP COLUMN trace_context;
ALTER TABLE publication DROP COLUMN trace_context;
