-- +goose Up
-- What readers agreed to (internal/consent): every change of who may be written to, about what and where. Entries are never
-- changed, and are sealed in blocks like the audit log (internal/chain).
CREATE TABLE consent_text (
    hash       bytea       PRIMARY KEY CHECK (octet_length(hash) = 32), -- SHA-256 of language, line feed and body
    language   text        NOT NULL,
    body       text        NOT NULL, -- what was shown to those who agreed
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (hash = sha256(convert_to(language || E'\n' || body, 'UTF8')))
);

CREATE TABLE consent (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at            timestamptz NOT NULL DEFAULT clock_timestamp(),
    subscriber_id bigint      NOT NULL,
    subscriber    uuid        NOT NULL,
    event         text        NOT NULL CHECK (event IN ('requested', 'confirmed', 'granted', 'changed', 'withdrawn', 'suppressed', 'expired', 'erased', 'carried')),
    status        text        NOT NULL, -- afterwards, as are topics and channels_off
    topics        text[]      NOT NULL, -- slugs
    channels_off  smallint[]  NOT NULL,
    source        text        NOT NULL CHECK (source IN ('form', 'page', 'one_click', 'api', 'import', 'event', 'system', 'database')),
    actor         text        NOT NULL,
    text_hash     bytea       REFERENCES consent_text, -- of what was shown; null: nothing was
    commitment    bytea       NOT NULL CHECK (octet_length(commitment) = 32), -- SHA-256 of salt and detail
    salt          bytea, -- random; null, as is detail: what the entry held of the person was erased
    detail        text  -- internal/consent/consent.go, Detail, as JSON; not sealed but by its commitment
);
CREATE INDEX consent_subscriber ON consent (subscriber, id);

CREATE TABLE consent_block (
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
ALTER TABLE consent_block ALTER COLUMN entries SET STORAGE EXTERNAL;

-- As with the audit log: whoever does not own the record adds to it, changes nothing, and chooses neither the id nor the time
-- of an entry. What an entry holds of a person can be taken away; put back, it would have to be the same.
-- +goose StatementBegin
DO $$
DECLARE
    held record;
BEGIN
    FOR held IN
        SELECT c.oid::regclass AS log, bool_or(a.privilege_type = 'INSERT') AS adds,
               CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS role
        FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid IN ('consent'::regclass, 'consent_text'::regclass, 'consent_block'::regclass) AND a.grantee <> c.relowner
        GROUP BY c.oid, a.grantee
    LOOP
        EXECUTE format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON %s FROM %s', held.log, held.role);
        IF held.adds AND held.log = 'consent'::regclass THEN
            EXECUTE format('GRANT INSERT (subscriber_id, subscriber, event, status, topics, channels_off, source, actor, text_hash, commitment, salt, detail), UPDATE (salt, detail) ON %s TO %s', held.log, held.role);
        ELSIF held.adds AND held.log = 'consent_text'::regclass THEN
            EXECUTE format('GRANT INSERT (hash, language, body) ON %s TO %s', held.log, held.role);
        ELSIF held.adds THEN
            EXECUTE format('GRANT INSERT ON %s TO %s', held.log, held.role);
        END IF;
    END LOOP;
END $$;
-- +goose StatementEnd

-- The entries are written by the database itself, so that no change can be made without: not by an older build, nor by hand.
-- Where a change comes from is said by the transaction that makes it, as JSON in presswork.consent: see consenting in
-- internal/postgres/consent.go. For a statement at a time, since an import changes thousands in one; and planned each time: what
-- is best for one row is not for thousands.
-- +goose StatementBegin
CREATE FUNCTION note_new_consent() RETURNS trigger LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    act jsonb := coalesce(nullif(current_setting('presswork.consent', true), ''), '{}')::jsonb;
BEGIN
    INSERT INTO consent (subscriber_id, subscriber, event, status, topics, channels_off, source, actor, text_hash, commitment, salt, detail)
    SELECT n.id, n.uid, CASE n.status WHEN 'active' THEN coalesce(act ->> 'granted', 'granted') WHEN 'pending' THEN 'requested' ELSE 'withdrawn' END,
           n.status, t.slugs, n.channels_off, coalesce(act ->> 'source', 'database'), coalesce(act ->> 'actor', 'database'),
           decode(act ->> 'text', 'hex'), sha256(d.salt || convert_to(d.detail, 'UTF8')), d.salt, d.detail
    FROM added n
    JOIN (SELECT k.topics, ARRAY(SELECT slug FROM topic WHERE topic.id = ANY(k.topics) ORDER BY slug COLLATE "C") AS slugs
          FROM (SELECT DISTINCT topics FROM added) k) t ON t.topics = n.topics
    CROSS JOIN LATERAL (SELECT uuid_send(gen_random_uuid()) AS salt, jsonb_strip_nulls(jsonb_build_object(
        'email', n.email, 'stated', nullif(n.consent_source, ''), 'ip', act -> 'ip', 'user_agent', act -> 'user_agent'))::text AS detail OFFSET 0) d
    ORDER BY n.id;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER subscriber_consent_new AFTER INSERT ON subscriber
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION note_new_consent();

-- Of who has no entry yet, how they were comes first. A bounce says nothing of consent.
-- +goose StatementBegin
CREATE FUNCTION note_changed_consent() RETURNS trigger LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    act jsonb := coalesce(nullif(current_setting('presswork.consent', true), ''), '{}')::jsonb;
    old_act CONSTANT jsonb := '{"source": "system", "actor": "system"}';
    erased uuid[];
BEGIN
    WITH noted AS (
        SELECT n.id, n.uid, CASE
                   WHEN n.email LIKE '%@deleted.invalid' THEN CASE act ->> 'withdrawn' WHEN 'expired' THEN 'expired' ELSE 'erased' END
                   WHEN n.status <> o.status THEN CASE n.status WHEN 'active' THEN coalesce(act ->> 'granted', 'granted')
                       WHEN 'pending' THEN 'requested' ELSE coalesce(act ->> 'withdrawn', 'withdrawn') END
                   WHEN n.email <> o.email OR NOT (n.topics @> o.topics AND n.topics <@ o.topics AND n.channels_off @> o.channels_off AND n.channels_off <@ o.channels_off) THEN 'changed'
                   WHEN n.suppression_id <> o.suppression_id OR o.suppression_id IS NULL THEN
                       (SELECT 'suppressed' FROM suppression u WHERE u.id = n.suppression_id AND u.reason IN (2, 3)) END AS event,
               n.status, n.topics, n.channels_off, n.email, n.consent_source, o.status AS was_status, o.topics AS was_topics,
               o.channels_off AS was_channels_off, o.email AS was_email, o.consent_source AS was_source, o.consent_at AS since
        FROM was o JOIN now n ON n.id = o.id
        WHERE n.status <> o.status OR n.topics <> o.topics OR n.channels_off <> o.channels_off OR n.email <> o.email
           OR n.suppression_id IS NOT NULL AND n.suppression_id IS DISTINCT FROM o.suppression_id
    ), entry AS (
        SELECT id, uid, 0 AS place, 'carried' AS event, was_status AS status, was_topics AS topics, was_channels_off AS channels_off,
               was_email AS email, was_source AS stated, since, old_act AS act
        FROM noted WHERE event IS NOT NULL AND NOT EXISTS (SELECT FROM consent c WHERE c.subscriber = noted.uid)
        UNION ALL SELECT id, uid, 1, event, status, topics, channels_off, email, consent_source, NULL, act FROM noted WHERE event IS NOT NULL
    ), written AS (
        INSERT INTO consent (subscriber_id, subscriber, event, status, topics, channels_off, source, actor, text_hash, commitment, salt, detail)
        SELECT e.id, e.uid, e.event, e.status, t.slugs, e.channels_off, coalesce(e.act ->> 'source', 'database'), coalesce(e.act ->> 'actor', 'database'),
               decode(e.act ->> 'text', 'hex'), sha256(d.salt || convert_to(d.detail, 'UTF8')), d.salt, d.detail
        FROM entry e
        JOIN (SELECT k.topics, ARRAY(SELECT slug FROM topic WHERE topic.id = ANY(k.topics) ORDER BY slug COLLATE "C") AS slugs
              FROM (SELECT DISTINCT topics FROM entry) k) t ON t.topics = e.topics
        CROSS JOIN LATERAL (SELECT uuid_send(gen_random_uuid()) AS salt, jsonb_strip_nulls(jsonb_build_object('email', e.email,
            'stated', nullif(e.stated, ''), 'ip', e.act -> 'ip', 'user_agent', e.act -> 'user_agent', 'since', e.since))::text AS detail OFFSET 0) d
        ORDER BY e.id, e.place
        RETURNING subscriber, event
    )
    SELECT array_agg(subscriber) INTO erased FROM written WHERE event IN ('erased', 'expired');
    IF erased IS NOT NULL THEN
        UPDATE consent c SET salt = NULL, detail = NULL FROM now n
        WHERE n.uid = ANY(erased) AND n.email LIKE '%@deleted.invalid' AND c.subscriber = n.uid AND c.detail IS NOT NULL;
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER subscriber_consent_changed AFTER UPDATE ON subscriber
    REFERENCING OLD TABLE AS was NEW TABLE AS now FOR EACH STATEMENT EXECUTE FUNCTION note_changed_consent();

-- +goose Down
DROP TRIGGER subscriber_consent_changed ON subscriber;
DROP TRIGGER subscriber_consent_new ON subscriber;
DROP FUNCTION note_changed_consent();
DROP FUNCTION note_new_consent();
DROP TABLE consent_block;
DROP TABLE consent;
DROP TABLE consent_text;
