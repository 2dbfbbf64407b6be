-- +goose Up
-- make_partitions lets a role that owns nothing make the partitions that are due, and nothing else: it takes no
-- arguments, works as the owner of the tables, and looks for names in their schema only, whatever the caller's search
-- path or temporary tables say. It may be repeated.
-- +goose StatementBegin
CREATE FUNCTION make_partitions() RETURNS void LANGUAGE sql SECURITY DEFINER AS $$
    SELECT ensure_event_partitions(now()), ensure_delivery_partitions((SELECT coalesce(max(id), 0) FROM publication));
$$;
-- +goose StatementEnd
-- +goose StatementBegin
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION make_partitions() SET search_path = %I, pg_temp', current_schema());
END $$;
-- +goose StatementEnd
-- Only who is granted it: docs/operations.md.
REVOKE ALL ON FUNCTION make_partitions() FROM PUBLIC;

-- +goose Down
DROP FUNCTION make_partitions();
