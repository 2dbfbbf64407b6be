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

// importChunk is how many lines are stored at a time: enough that round trips do not count, and few enough that they take less than
// half a second, for which others wait who change the same subscribers.
const importChunk = 2000

// importSource has a row for each line: $1 to $10 are parallel arrays.
const importSource = `
WITH n AS (
    SELECT uid::uuid, email, name, language, timezone, status, topics::integer[], attributes::jsonb, consent, country
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
                $10::text[])
         AS n (uid, email, name, language, timezone, status, topics, attributes, consent, country)
)`

// updateImported changes what the lines say and leaves the rest. Who unsubscribed stays so, and who is
// pending and got messages before: only they can come back, by a confirmation.
const updateImported = importSource + `, next AS (
    SELECT s.id, s.status AS was, s.topics AS had,
           CASE WHEN n.status = '' OR s.status = 'unsubscribed' OR s.status = 'pending' AND s.consent_at IS NOT NULL AND n.status = 'active'
                THEN s.status ELSE n.status END AS status,
           CASE WHEN n.topics = '{}' THEN s.topics ELSE n.topics END AS topics,
           s.attributes || n.attributes AS attributes, s.status = 'unsubscribed' AND n.status <> 'unsubscribed' AS stays,
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
    RETURNING (SELECT count(*) FROM jsonb_object_keys(s.attributes)) > $11 OR octet_length(s.attributes::text) > $12 AS full, next.stays
)
SELECT count(*), count(*) FILTER (WHERE done.full), count(*) FILTER (WHERE done.stays) FROM done`

// insertImported makes those that are not there; for the rest it does nothing.
const insertImported = importSource + `
INSERT INTO subscriber (uid, email, name, language, timezone, status, topics, attributes, consent_source, country, consent_at)
SELECT uid, email, name, coalesce(nullif(language, ''), 'en'), coalesce(nullif(timezone, ''), 'UTC'),
       coalesce(nullif(status, ''), 'active'), topics, attributes, coalesce(nullif(consent, ''), nullif($11, ''), 'import'), country,
       CASE WHEN status IN ('', 'active') THEN clock_timestamp() END
FROM n ON CONFLICT (email) DO NOTHING`

// countImported is how many of the addresses $1 are there, how many of those would have more attributes, with $2 beside theirs,
// than one may have, and how many have unsubscribed though their line, of status $3, does not say it.
const countImported = `
SELECT count(*), count(*) FILTER (WHERE (SELECT count(*) FROM jsonb_object_keys(merged)) > $4 OR octet_length(merged::text) > $5),
       count(*) FILTER (WHERE stays)
FROM (SELECT s.attributes || n.attributes AS merged, s.status = 'unsubscribed' AND n.status <> 'unsubscribed' AS stays
      FROM unnest($1::text[], $2::jsonb[], $3::text[]) AS n (email, attributes, status) JOIN subscriber s ON s.email = n.email OFFSET 0) m`

// countLeft is the last of countImported, of lines that change nobody who is there.
const countLeft = `
SELECT count(*) FROM unnest($1::text[], $2::text[]) AS n (email, status) JOIN subscriber s ON s.email = n.email
WHERE s.status = 'unsubscribed' AND n.status <> 'unsubscribed'`

// ImportSubscribers is Import of lines that are no file of a client's.
func (db *DB) ImportSubscribers(
	ctx context.Context, lines []subscriber.Subscriber, on subscriber.OnDuplicate, dryRun bool,
) (subscriber.Imported, error) {
	run, err := db.BeginImport(ctx, subscriber.Run{UID: ident.New(), Mark: []byte{}, DryRun: dryRun, On: on, Lines: len(lines)})
	if err != nil {
		return subscriber.Imported{}, err
	}
	run, err = db.Import(ctx, run, lines)
	return run.Imported, err
}

// Import stores the lines of a run that BeginImport gave, after those that are stored already. Everything that can be refused is
// looked at before anything is written; then some thousand lines at a time are stored with how far the run is, so that nobody
// waits long for a subscriber whom it changes, and a run that is cut off goes on where it was when the file comes again. Topics
// that are new are made. A dry run only counts. It returns Conflict (too_many_attributes), with nothing stored, and Conflict
// (import_elsewhere) if somebody else goes on with the run.
func (db *DB) Import(ctx context.Context, run subscriber.Run, lines []subscriber.Subscriber) (subscriber.Run, error) {
	there, left, err := db.lookAtImport(ctx, run, lines[run.Done:])
	if err != nil {
		if run.Done > 0 {
			return run, err
		}
		return run, errors.Join(err, db.forgetImport(ctx, run.UID))
	}
	if run.DryRun {
		run.Created, run.Skipped, run.LeftUnsubscribed = len(lines)-there, there, left
		if run.On == subscriber.Update {
			run.Updated, run.Skipped = there, 0
		}
		run.State = subscriber.ImportCompleted
		return run, db.EndImport(ctx, run)
	}
	for chunk := range slices.Chunk(lines[run.Done:], importChunk) {
		if run, err = db.importSome(ctx, run, chunk); err != nil {
			return run, err
		}
	}
	run.State = subscriber.ImportCompleted
	return run, db.EndImport(ctx, run)
}

// lookAtImport is how many of the addresses are there, and how many of those are left unsubscribed, if all lines can be stored.
func (db *DB) lookAtImport(ctx context.Context, run subscriber.Run, lines []subscriber.Subscriber) (there, left int, err error) {
	for chunk := range slices.Chunk(lines, importChunk) {
		attributes := column(chunk, func(s subscriber.Subscriber) string { return encoded(s.Attributes) })
		var found, full, stay int
		err := db.pool.QueryRow(ctx, countImported, column(chunk, emailOf), attributes, column(chunk, statusOf), subscriber.MaxAttributes,
			2*subscriber.MaxAttributeBytes).Scan(&found, &full, &stay)
		if err != nil {
			return 0, 0, translate(err, "look at an import")
		}
		there, left = there+found, left+stay
		if full > 0 && run.On == subscriber.Update {
			return 0, 0, tooFull(full)
		}
	}
	return there, left, nil
}

func emailOf(s subscriber.Subscriber) string { return s.Email }

func statusOf(s subscriber.Subscriber) string { return string(s.Status) }

func tooFull(n int) error {
	return fault.New(fault.Conflict, "too_many_attributes", fmt.Sprintf("%d subscribers would have more attributes than one may have.", n))
}

// importSome stores the next lines of a run and says how far it is then, in one transaction.
func (db *DB) importSome(ctx context.Context, run subscriber.Run, lines []subscriber.Subscriber) (subscriber.Run, error) {
	last, err := db.lastSuppression(ctx)
	if err != nil {
		return run, err
	}
	next := run
	err = db.tx(ctx, "import subscribers", func(tx pgx.Tx) error {
		next = run
		next.Done += len(lines)
		if err := consenting(ctx, tx, consent.Import); err != nil {
			return err
		}
		topics, err := ensureTopics(ctx, tx, everyTopic(lines))
		if err != nil {
			return err
		}
		if err := importLines(ctx, tx, &next, lines, topics); err != nil {
			return err
		}
		if err := db.pointAll(ctx, tx, column(lines, emailOf)); err != nil {
			return fmt.Errorf("honour the suppression list: %w", err)
		}
		if err := advanceImport(ctx, tx, run, next); err != nil {
			return err
		}
		return db.honourLater(ctx, tx, last, column(lines, emailOf))
	})
	if err != nil {
		return run, err
	}
	return next, nil
}

func importLines(ctx context.Context, tx pgx.Tx, run *subscriber.Run, lines []subscriber.Subscriber, topics map[string]int32) error {
	args, err := importArgs(lines, topics)
	if err != nil {
		return err
	}
	updated, full, left := 0, 0, 0
	if run.On == subscriber.Update {
		err := tx.QueryRow(ctx, updateImported, append(args, subscriber.MaxAttributes, 2*subscriber.MaxAttributeBytes)...).
			Scan(&updated, &full, &left)
		if err != nil {
			return fmt.Errorf("update those who are there: %w", err)
		}
	}
	if full > 0 {
		return tooFull(full) // somebody gave them attributes since lookAtImport
	}
	tag, err := tx.Exec(ctx, insertImported, append(args, run.ConsentSource)...)
	if err != nil {
		return fmt.Errorf("insert those who are new: %w", err)
	}
	created := int(tag.RowsAffected())
	if run.On == subscriber.Skip && created < len(lines) {
		if err := tx.QueryRow(ctx, countLeft, column(lines, emailOf), column(lines, statusOf)).Scan(&left); err != nil {
			return fmt.Errorf("count those who stay unsubscribed: %w", err)
		}
	}
	run.Created += created
	run.Updated += updated
	run.Skipped += len(lines) - created - updated
	run.LeftUnsubscribed += left
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
