-- +goose NO TRANSACTION
-- +goose Up
-- The audit log is sealed in blocks (internal/audit/chain.go), found by what it is about, and kept for a while. Without a
-- transaction, and so that it can be repeated: the indexes are made while others write.
DROP INDEX IF EXISTS audit_event_entity;
CREATE INDEX CONCURRENTLY audit_event_entity ON audit_event (entity_uid, id) WHERE entity_uid IS NOT NULL;
DROP INDEX IF EXISTS audit_event_correlation;
CREATE INDEX CONCURRENTLY audit_event_correlation ON audit_event (correlation_id, id) WHERE correlation_id <> '';

-- A block covers every event with an id from first_id to last_id: nothing with such an id was under way any more when it
-- was sealed.
CREATE TABLE IF NOT EXISTS audit_block (
    n         bigint      PRIMARY KEY, -- from 1, without gaps
    first_id  bigint      NOT NULL, -- the one after the previous block's last_id
    last_id   bigint      NOT NULL CHECK (last_id >= first_id),
    events    integer     NOT NULL CHECK (events > 0),
    entries   bytea       NOT NULL CHECK (octet_length(entries) = 24 * events), -- 8 bytes of id, 16 of keyed hash, each
    previous  bytea       NOT NULL CHECK (octet_length(previous) = 32), -- the previous block's hash; zeros of the first
    hash      bytea       NOT NULL CHECK (octet_length(hash) = 32),
    key_id    bytea       NOT NULL CHECK (octet_length(key_id) = 4),
    sealed_at timestamptz NOT NULL
);
-- Hashes do not get smaller.
ALTER TABLE audit_block ALTER COLUMN entries SET STORAGE EXTERNAL;
CREATE INDEX IF NOT EXISTS audit_block_sealed ON audit_block (sealed_at, n);

-- The last block that was removed when its time was over: the first that is left follows it.
CREATE TABLE IF NOT EXISTS audit_anchor (
    id        boolean     PRIMARY KEY DEFAULT true CHECK (id),
    n         bigint      NOT NULL,
    last_id   bigint      NOT NULL,
    hash      bytea       NOT NULL,
    key_id    bytea       NOT NULL,
    signature bytea       NOT NULL, -- that a process with SECRET_KEY removed it
    purged_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Whoever does not own the log adds to it, changes nothing, and chooses neither the id nor the time of an event. Only
-- purge_audit moves the anchor.
-- +goose StatementBegin
DO $$
DECLARE
    held record;
BEGIN
    FOR held IN
        SELECT c.oid::regclass AS log, bool_or(a.privilege_type = 'INSERT') AS adds,
               CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS role
        FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid IN ('audit_event'::regclass, 'audit_block'::regclass, 'audit_anchor'::regclass) AND a.grantee <> c.relowner
        GROUP BY c.oid, a.grantee
    LOOP
        EXECUTE format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON %s FROM %s', held.log, held.role);
        IF held.adds AND held.log = 'audit_event'::regclass THEN
            EXECUTE format('GRANT INSERT (actor, action, entity, entity_uid, correlation_id, changes) ON %s TO %s', held.log, held.role);
        ELSIF held.adds AND held.log = 'audit_block'::regclass THEN
            EXECUTE format('GRANT INSERT ON %s TO %s', held.log, held.role);
        END IF;
    END LOOP;
END $$;
-- +goose StatementEnd

-- purge_audit removes the blocks up to a number, with their events, and leaves the last one's hash as the anchor. It lets a
-- role that owns nothing remove what is old, and nothing else: not the newest block, none that was sealed less than keep
-- ago, none with an event as young as that, whatever the blocks say; and keep is 90 days or more.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION purge_audit(through bigint, keep interval, signed_with bytea, signed bytea, OUT blocks bigint, OUT events bigint)
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    last audit_block;
    since timestamptz := now() - keep;
BEGIN
    IF keep IS NULL OR since > now() - interval '90 days' THEN
        RAISE EXCEPTION 'the audit log is kept for 90 days at least' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    SELECT * INTO STRICT last FROM audit_block WHERE n = through;
    IF NOT EXISTS (SELECT FROM audit_block b WHERE b.n > through) THEN
        RAISE EXCEPTION 'the newest block of the audit log stays' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF EXISTS (SELECT FROM audit_block b WHERE b.n <= through AND b.sealed_at >= since)
       OR EXISTS (SELECT FROM audit_event e WHERE e.id <= last.last_id AND e.at >= since) THEN
        RAISE EXCEPTION 'there are events younger than %', keep USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    DELETE FROM audit_event e WHERE e.id <= last.last_id;
    GET DIAGNOSTICS events = ROW_COUNT;
    DELETE FROM audit_block b WHERE b.n <= through;
    GET DIAGNOSTICS blocks = ROW_COUNT;
    INSERT INTO audit_anchor AS a (n, last_id, hash, key_id, signature)
    VALUES (last.n, last.last_id, last.hash, signed_with, signed)
    ON CONFLICT (id) DO UPDATE
       SET n = excluded.n, last_id = excluded.last_id, hash = excluded.hash, key_id = excluded.key_id,
           signature = excluded.signature, purged_at = excluded.purged_at;
END $$;
-- +goose StatementEnd
-- As with make_partitions: names are looked for in the tables' schema only.
-- +goose StatementBegin
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION purge_audit(bigint, interval, bytea, bytea) SET search_path = %I, pg_temp', current_schema());
END $$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION purge_audit(bigint, interval, bytea, bytea) FROM PUBLIC;

-- +goose Down
DROP FUNCTION IF EXISTS purge_audit(bigint, interval, bytea, bytea);
DROP TABLE IF EXISTS audit_anchor;
DROP TABLE IF EXISTS audit_block;
DROP INDEX IF EXISTS audit_event_correlation;
DROP INDEX IF EXISTS audit_event_entity;
