package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
)

// importChunk is how many lines go to the server in one statement: large enough that round trips do not
// count, small enough for the statement timeout.
const importChunk = 5000

// importSource has a row for each line: $1 to $10 are parallel arrays.
const importSource = `
WITH n AS (
    SELECT uid::uuid, email, name, language, timezone, status, topics::integer[], attributes::jsonb, consent, country
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
                $10::text[])
         AS n (uid, email, name, language, timezone, status, topics, attributes, consent, country)
)`

// updateImported changes what the lines say and leaves the rest. Who unsubscribed stays so unless the line
// says otherwise and where the new consent comes from.
const updateImported = importSource + `, next AS (
    SELECT s.id, s.status AS was, s.topics AS had,
           CASE WHEN n.status = '' OR s.status = 'unsubscribed' AND n.consent = '' THEN s.status
                ELSE n.status END AS status,
           CASE WHEN n.topics = '{}' THEN s.topics ELSE n.topics END AS topics,
           s.attributes || n.attributes AS attributes,
           n.name, n.language, n.timezone, n.country, n.consent
    FROM subscriber s JOIN n ON n.email = s.email
    ORDER BY s.id FOR UPDATE OF s
), done AS (
    UPDATE subscriber s SET
        name = coalesce(nullif(next.name, ''), s.name), language = coalesce(nullif(next.language, ''), s.language),
        timezone = coalesce(nullif(next.timezone, ''), s.timezone), country = coalesce(nullif(next.country, ''), s.country), status = next.status, topics = next.topics,
        attributes = next.attributes, consent_source = coalesce(nullif(next.consent, ''), s.consent_source),
        consent_at = CASE WHEN was <> 'active' AND next.status = 'active' THEN clock_timestamp() ELSE consent_at END,
        revoked_at = CASE WHEN was = 'active' AND next.status <> 'active' OR NOT next.topics @> had
                          THEN clock_timestamp() ELSE revoked_at END,
        version = version + 1, updated_at = clock_timestamp()
    FROM next WHERE s.id = next.id
    RETURNING (SELECT count(*) FROM jsonb_object_keys(s.attributes)) > $11 OR octet_length(s.attributes::text) > $12 AS full
)
SELECT count(*), count(*) FILTER (WHERE done.full) FROM done`

// insertImported makes those that are not there; for the rest it does nothing.
const insertImported = importSource + `
INSERT INTO subscriber (uid, email, name, language, timezone, status, topics, attributes, consent_source, country, consent_at)
SELECT uid, email, name, coalesce(nullif(language, ''), 'en'), coalesce(nullif(timezone, ''), 'UTC'),
       coalesce(nullif(status, ''), 'active'), topics, attributes, coalesce(nullif(consent, ''), 'import'), country,
       CASE WHEN status IN ('', 'active') THEN clock_timestamp() END
FROM n ON CONFLICT (email) DO NOTHING`

// errDryRun rolls a dry run back.
var errDryRun = errors.New("dry run")

// ImportSubscribers stores the lines of an import in one transaction: all of them or none. Topics that are
// new are made. In a dry run everything is tried and rolled back, so that the counts are exact.
func (db *DB) ImportSubscribers(
	ctx context.Context, lines []subscriber.Subscriber, on subscriber.OnDuplicate, dryRun bool,
) (subscriber.Imported, error) {
	var total subscriber.Imported
	last, err := db.lastSuppression(ctx)
	if err != nil {
		return total, err
	}
	email := func(s subscriber.Subscriber) string { return s.Email }
	err = db.tx(ctx, "import subscribers", func(tx pgx.Tx) error {
		total = subscriber.Imported{}
		if err := consenting(ctx, tx, consent.Import); err != nil {
			return err
		}
		topics, err := ensureTopics(ctx, tx, everyTopic(lines))
		if err != nil {
			return err
		}
		for chunk := range slices.Chunk(lines, importChunk) {
			if err := importLines(ctx, tx, chunk, topics, on, &total); err != nil {
				return err
			}
			if err := db.pointAll(ctx, tx, column(chunk, email)); err != nil {
				return fmt.Errorf("honour the suppression list: %w", err)
			}
		}
		if dryRun {
			return errDryRun
		}
		err = record(ctx, tx, "subscriber", "import", ident.UID{}, map[string]any{
			"created": total.Created, "updated": total.Updated, "skipped": total.Skipped,
		})
		if err != nil {
			return err
		}
		return db.honourLater(ctx, tx, last, column(lines, email))
	})
	if errors.Is(err, errDryRun) {
		err = nil
	}
	return total, err
}

func importLines(
	ctx context.Context, tx pgx.Tx, lines []subscriber.Subscriber, topics map[string]int32,
	on subscriber.OnDuplicate, total *subscriber.Imported,
) error {
	args, err := importArgs(lines, topics)
	if err != nil {
		return err
	}
	updated, full := 0, 0
	if on == subscriber.Update {
		err := tx.QueryRow(ctx, updateImported, append(args, subscriber.MaxAttributes, 2*subscriber.MaxAttributeBytes)...).
			Scan(&updated, &full)
		if err != nil {
			return fmt.Errorf("update those who are there: %w", err)
		}
	}
	if full > 0 {
		return fault.New(fault.Conflict, "too_many_attributes",
			fmt.Sprintf("%d subscribers would have more attributes than one may have.", full))
	}
	tag, err := tx.Exec(ctx, insertImported, args...)
	if err != nil {
		return fmt.Errorf("insert those who are new: %w", err)
	}
	created := int(tag.RowsAffected())
	total.Created += created
	total.Updated += updated
	total.Skipped += len(lines) - created - updated
	return nil
}

// importArgs is the lines as parallel arrays. Topics and attributes are texts, since PostgreSQL's arrays of
// arrays have to be rectangular.
func importArgs(lines []subscriber.Subscriber, topics map[string]int32) ([]any, error) {
	columns := make([][]string, 10)
	for i := range columns {
		columns[i] = make([]string, 0, len(lines))
	}
	for _, s := range lines {
		attributes, err := json.Marshal(s.Attributes)
		if err != nil {
			return nil, fmt.Errorf("write attributes: %w", err)
		}
		row := [...]string{ident.New().String(), s.Email, s.Name, s.Language, s.Timezone,
			string(s.Status), topicArray(s.Topics, topics), string(attributes), s.ConsentSource, s.Country}
		for i, value := range row {
			columns[i] = append(columns[i], value)
		}
	}
	args := make([]any, len(columns))
	for i, column := range columns {
		args[i] = column
	}
	return args, nil
}

// everyTopic is the topics of all lines, each once.
func everyTopic(lines []subscriber.Subscriber) []string {
	seen := map[string]bool{}
	var out []string
	for _, s := range lines {
		for _, slug := range s.Topics {
			if !seen[slug] {
				seen[slug] = true
				out = append(out, slug)
			}
		}
	}
	return out
}
