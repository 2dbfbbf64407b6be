package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Mentions are taken out of each table by a statement that reads one range of it, in the order of a key that no row ever changes for an
// earlier one, and empties what it finds there. Its parameters are
//
//	$1  the key behind which the range begins, as bigint[]; empty: at the beginning
//	$2  how many rows the range has; rows with the key of the last one come with it
//	$3  what this and later transactions wrote is read; 0: everything
//	$4  what is looked for, as a pattern, wherever it stands
//	$5  likewise, where it is no part of a longer address
//	$6  likewise of each person
//
// and it returns how many rows it read, the key of the last, and in how many of them each person was mentioned. What authors write,
// contents and templates, is theirs to change.
//
// The parts that all have. Few rows have an @ at all, and few of those an address that is looked for.
const (
	searchRows = `
WITH page AS MATERIALIZED (
    SELECT k1, k2, k3, CASE WHEN (strpos(said, '@') > 0 OR strpos(said, '%40') > 0) AND said ~* $4::text AND said ~* $5 THEN said END AS said
    FROM (
        SELECT `
	searchMade  = `CASE WHEN age(xmin) <= age($3::xid) THEN `
	searchErase = `
    ) AS read
), erased AS (
    `
	searchFound = `
    RETURNING 1
)
SELECT (SELECT count(*) FROM page), (SELECT ARRAY[k1, k2, k3] FROM page ORDER BY k1 DESC, k2 DESC, k3 DESC LIMIT 1),
       ARRAY(SELECT count(page.k1) FROM unnest($6::text[]) WITH ORDINALITY AS one (pattern, n) LEFT JOIN page ON page.said ~* one.pattern GROUP BY n ORDER BY n)`

	keyOne     = ` AS k1, 0::bigint AS k2, 0::bigint AS k3, `
	behindOne  = ` > coalesce(($1::bigint[])[1], 0) ORDER BY `
	atMost     = ` FETCH FIRST ($2::integer) ROWS WITH TIES`
	foundFirst = ` = ANY(ARRAY(SELECT k1 FROM page WHERE said IS NOT NULL))`
	wiped      = `, $5, '[erased]', 'gi')`
)

// search is a table in which an address may stand that somebody else wrote there.
type search struct {
	table string
	// rows is how many a range has: as many as are read in some tens of milliseconds, and in a second if all are large.
	rows int
}

// searches are all of them. Those that are made of others come after these.
var searches = []search{ //nolint:gochecknoglobals // a table that nothing changes
	{"publication", 500},
	{"publication_version", 200},
	{"message", 1000},
	{"subscriber", 5000},
	{"suppression", 5000},
	{"rendition", 100},
	{"delivery_attempt", 5000},
	{"dead_letter", 5000},
	{"webhook_event", 1000},
	{"webhook_attempt", 5000},
	{"idempotency", 1000},
}

const (
	inPublications = searchRows + `id` + keyOne + searchMade + `title || ' ' || data::text END AS said
        FROM publication WHERE id` + behindOne + `id` + atMost + searchErase +
		`UPDATE publication SET title = regexp_replace(title` + wiped + `, data = regexp_replace(data::text` + wiped + `::jsonb WHERE id` + foundFirst + searchFound

	inVersions = searchRows + `publication_id` + keyOne + searchMade + `request::text END AS said
        FROM publication_version WHERE publication_id` + behindOne + `publication_id` + atMost + searchErase +
		`UPDATE publication_version SET request = regexp_replace(request::text` + wiped + `::jsonb
    WHERE publication_id` + foundFirst + ` AND request::text ~* $5` + searchFound

	inMessages = searchRows + `publication_id` + keyOne + searchMade + `name || ' ' || data::text END AS said
        FROM message WHERE publication_id` + behindOne + `publication_id` + atMost + searchErase +
		`UPDATE message SET name = regexp_replace(name` + wiped + `, data = regexp_replace(data::text` + wiped + `::jsonb WHERE publication_id` + foundFirst + searchFound

	inSubscribers = searchRows + `id` + keyOne + searchMade + `name || ' ' || attributes::text END AS said
        FROM subscriber WHERE id` + behindOne + `id` + atMost + searchErase +
		`UPDATE subscriber SET name = regexp_replace(name` + wiped + `, attributes = regexp_replace(attributes::text` + wiped + `::jsonb WHERE id` + foundFirst + searchFound

	inSuppressions = searchRows + `id` + keyOne + searchMade + `note END AS said
        FROM suppression WHERE id` + behindOne + `id` + atMost + searchErase +
		`UPDATE suppression SET note = regexp_replace(note` + wiped + ` WHERE id` + foundFirst + searchFound

	inRenditions = searchRows + `publication_id` + keyOne + searchMade + `body::text END AS said
        FROM rendition WHERE publication_id` + behindOne + `publication_id` + atMost + searchErase +
		`UPDATE rendition SET body = regexp_replace(body::text` + wiped + `::jsonb WHERE publication_id` + foundFirst + ` AND body::text ~* $5` + searchFound

	inAttempts = searchRows + `publication_id AS k1, channel_id::bigint AS k2, recipient_id AS k3, ` + searchMade + `error END AS said
        FROM delivery_attempt
        WHERE publication_id >= coalesce(($1::bigint[])[1], 0) AND (publication_id, channel_id, recipient_id)
            > (coalesce(($1::bigint[])[1], 0), coalesce(($1::bigint[])[2], 0)::smallint, coalesce(($1::bigint[])[3], 0))
        ORDER BY publication_id, channel_id, recipient_id` + atMost + searchErase +
		`UPDATE delivery_attempt SET error = regexp_replace(error` + wiped + ` WHERE publication_id` + foundFirst + `
      AND channel_id = ANY(ARRAY(SELECT k2::smallint FROM page WHERE said IS NOT NULL))
      AND recipient_id = ANY(ARRAY(SELECT k3 FROM page WHERE said IS NOT NULL)) AND error ~* $5` + searchFound

	inDeadLetters = searchRows + `id` + keyOne + searchMade + `error END AS said
        FROM dead_letter WHERE id` + behindOne + `id` + atMost + searchErase +
		`UPDATE dead_letter SET error = regexp_replace(error` + wiped + ` WHERE id` + foundFirst + searchFound

	inWebhookEvents = searchRows + `id` + keyOne + searchMade + `data::text END AS said
        FROM webhook_event WHERE id` + behindOne + `id` + atMost + searchErase +
		`UPDATE webhook_event SET data = regexp_replace(data::text` + wiped + `::jsonb WHERE id` + foundFirst + searchFound

	inWebhookAttempts = searchRows + `event` + keyOne + searchMade + `error END AS said
        FROM webhook_attempt WHERE event` + behindOne + `event` + atMost + searchErase +
		`UPDATE webhook_attempt SET error = regexp_replace(error` + wiped + ` WHERE event` + foundFirst + ` AND error ~* $5` + searchFound

	// Its keys are made by clients, of an address with anything around it. A key that is used anew after a day is later in this order.
	inIdempotency = searchRows + `(extract(epoch FROM created_at) * 1000000)::bigint` + keyOne + searchMade + `
               regexp_replace(key, '(' || $4::text || ')', ' \1 ', 'gi') || ' ' || coalesce(answer, '') END AS said
        FROM idempotency WHERE created_at > timestamptz 'epoch' + coalesce(($1::bigint[])[1], 0) * interval '1 microsecond'
        ORDER BY created_at` + atMost + searchErase +
		`DELETE FROM idempotency
    WHERE created_at = ANY(ARRAY(SELECT timestamptz 'epoch' + k1 * interval '1 microsecond' FROM page WHERE said IS NOT NULL)) AND (key ~* $4 OR answer ~* $5)` + searchFound
)

// ask makes the statement of a table.
func ask(ctx context.Context, tx pgx.Tx, table string, args ...any) pgx.Row {
	sql := inPublications
	switch table {
	case "publication_version":
		sql = inVersions
	case "message":
		sql = inMessages
	case "subscriber":
		sql = inSubscribers
	case "suppression":
		sql = inSuppressions
	case "rendition":
		sql = inRenditions
	case "delivery_attempt":
		sql = inAttempts
	case "dead_letter":
		sql = inDeadLetters
	case "webhook_event":
		sql = inWebhookEvents
	case "webhook_attempt":
		sql = inWebhookAttempts
	case "idempotency":
		sql = inIdempotency
	}
	return tx.QueryRow(ctx, sql, args...)
}
