-- +goose NO TRANSACTION
-- +goose Up
-- What subscribers are searched by, at any number of them. Without a transaction, and so that it can be repeated: indexes are
-- made while others write.

-- The words of a name as they are searched: without accents, in lower case, parted where people part them.
CREATE OR REPLACE FUNCTION presswork_plain(given text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN translate(lower(regexp_replace(normalize(given, NFKD), '[\u0300-\u036f]', '', 'g')), 'øłđıßæœ.-_/@''’', 'olidsao       ');

DROP INDEX IF EXISTS subscriber_address;
CREATE INDEX CONCURRENTLY subscriber_address ON subscriber (email COLLATE "C"); -- whatever the database's collation is
DROP INDEX IF EXISTS subscriber_words;
CREATE INDEX CONCURRENTLY subscriber_words ON subscriber USING gin (to_tsvector('simple', presswork_plain(name)));
DROP INDEX IF EXISTS subscriber_attributes;
CREATE INDEX CONCURRENTLY subscriber_attributes ON subscriber USING gin (attributes jsonb_path_ops);
DROP INDEX IF EXISTS subscriber_country;
CREATE INDEX CONCURRENTLY subscriber_country ON subscriber (country, id) WHERE country <> '';
DROP INDEX IF EXISTS subscriber_language;
CREATE INDEX CONCURRENTLY subscriber_language ON subscriber (language, id);
DROP INDEX IF EXISTS subscriber_created;
CREATE INDEX CONCURRENTLY subscriber_created ON subscriber (created_at, id);

-- +goose Down
DROP INDEX IF EXISTS subscriber_created;
DROP INDEX IF EXISTS subscriber_language;
DROP INDEX IF EXISTS subscriber_country;
DROP INDEX IF EXISTS subscriber_attributes;
DROP INDEX IF EXISTS subscriber_words;
DROP INDEX IF EXISTS subscriber_address;
DROP FUNCTION IF EXISTS presswork_plain(text);
