package postgres

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/suppression"
)

// errDryRun rolls a dry run back.
var errDryRun = errors.New("dry run")

// listLines is listAddress for many: $1 to $6 are parallel arrays of lines, $7 and $8 are each line's number with every hash
// that an entry of it may have. Who is on the list already stays there as they are. Addresses are grouped where subscribers are looked
// up, which tells PostgreSQL that they are few: it takes the joins before for many times as many lines as there are, and would read
// all subscribers.
const listLines = `
WITH line AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::smallint[], $5::text[], $6::timestamptz[])
         WITH ORDINALITY AS l (uid, email, hash, reason, note, at, n)
), known AS MATERIALIZED (
    SELECT i.n, min(u.id) AS id FROM unnest($7::bigint[], $8::bytea[]) AS i (n, hash) JOIN suppression u ON u.hash = i.hash GROUP BY i.n
), made AS (
    INSERT INTO suppression (uid, hash, reason, source, note, created_at)
    SELECT uid, hash, reason, $9, note, coalesce(at, clock_timestamp()) FROM line
    WHERE n NOT IN (SELECT n FROM known) ORDER BY hash
    ON CONFLICT (hash) DO NOTHING
    RETURNING id, hash
), pointed AS (
    UPDATE subscriber s SET suppression_id = e.id, updated_at = clock_timestamp(),
           revoked_at = CASE WHEN e.withdraws THEN clock_timestamp() ELSE s.revoked_at END
    FROM (SELECT email, min(id) AS id, bool_or(reason IN (2, 3)) AS withdraws
          FROM (SELECT email, id, reason FROM made JOIN line USING (hash)
                UNION ALL SELECT email, id, reason FROM known JOIN line USING (n)) l GROUP BY email) e
    WHERE s.email = e.email AND s.suppression_id IS DISTINCT FROM e.id
)
SELECT count(*) FROM made`

// ImportSuppressions puts the lines of a file on the list in one transaction: all of them or none. An address that is on it
// already keeps its entry. In a dry run everything is tried and rolled back, so that the counts are exact.
func (db *DB) ImportSuppressions(ctx context.Context, lines []suppression.Line, dryRun bool) (created, skipped int, err error) {
	if db.addresses == nil {
		return 0, 0, fault.New(fault.Internal, "no_secret_key", "this process has no key to suppress addresses with")
	}
	err = db.tx(ctx, "import suppressed addresses", func(tx pgx.Tx) error {
		created = 0
		if err := consenting(ctx, tx, consent.Import); err != nil {
			return err
		}
		if err := db.beginImport(ctx, tx, lines); err != nil {
			return err
		}
		for chunk := range slices.Chunk(lines, importChunk) {
			n := 0
			if err := tx.QueryRow(ctx, listLines, db.listedColumns(chunk)...).Scan(&n); err != nil {
				return fmt.Errorf("put lines on the list: %w", err)
			}
			created += n
		}
		if err := db.pointByHash(ctx, tx, lines); err != nil {
			return err
		}
		if dryRun {
			return errDryRun
		}
		skipped := len(lines) - created
		return record(ctx, tx, "suppression", "import", ident.UID{}, map[string]any{"created": created, "skipped": skipped})
	})
	if errors.Is(err, errDryRun) {
		err = nil
	}
	return created, len(lines) - created, err
}

// beginImport is beginListing of a file. Whose hash a line has is not known yet: that may be anybody.
func (db *DB) beginImport(ctx context.Context, tx pgx.Tx, lines []suppression.Line) error {
	addresses := column(lines, func(l suppression.Line) string { return l.Address })
	if _, err := tx.Exec(ctx, lockListed, addresses); err != nil {
		return err
	}
	parts := partsOf(addresses)
	if slices.ContainsFunc(lines, onlyHash) {
		parts = everyPart()
	}
	return lockParts(ctx, tx, `SELECT pg_advisory_xact_lock_shared($1, part) FROM unnest($2::integer[]) AS part`, parts)
}

func onlyHash(l suppression.Line) bool { return l.Address == "" }

func (db *DB) listedColumns(lines []suppression.Line) []any {
	hashes := make([][]byte, len(lines))
	var numbers []int64
	var every [][]byte
	for i, l := range lines {
		may := [][]byte{l.Hash}
		if !onlyHash(l) {
			may = db.addresses.Hashes(l.Address)
		}
		hashes[i] = may[0]
		for _, hash := range may {
			numbers, every = append(numbers, int64(i+1)), append(every, hash)
		}
	}
	since := func(l suppression.Line) *time.Time {
		if l.At.IsZero() {
			return nil
		}
		return &l.At
	}
	return []any{
		column(lines, func(suppression.Line) ident.UID { return ident.New() }), column(lines, func(l suppression.Line) string { return l.Address }),
		hashes, column(lines, func(l suppression.Line) int16 { return int16(l.Reason) }),
		column(lines, func(l suppression.Line) string { return l.Note }), column(lines, since), numbers, every, suppression.SourceImport,
	}
}

// revokePointed has batches in hand look again at those of these addresses whose entry withdraws their consent. It leaves
// rows alone that somebody else has locked, as pointAtEntries does.
const revokePointed = `
UPDATE subscriber s SET revoked_at = clock_timestamp()
FROM (SELECT k.id FROM subscriber k JOIN suppression u ON u.id = k.suppression_id
      WHERE k.email = ANY($1) AND u.reason IN (2, 3) FOR NO KEY UPDATE OF k SKIP LOCKED) n
WHERE s.id = n.id`

// pointByHash finds the subscribers of lines that have hashes only, which means to hash everybody's address: some 2 s for a
// million.
func (db *DB) pointByHash(ctx context.Context, tx pgx.Tx, lines []suppression.Line) error {
	wanted := make(map[string]bool)
	for _, l := range lines {
		if onlyHash(l) {
			wanted[hex.EncodeToString(l.Hash)] = true
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	isWanted := func(hash []byte) bool { return wanted[hex.EncodeToString(hash)] }
	for last := int64(0); ; {
		var emails []string
		rows, err := tx.Query(ctx, `SELECT id, email FROM subscriber WHERE id > $1 ORDER BY id LIMIT $2`, last, importChunk)
		if err != nil {
			return err
		}
		var email string
		tag, err := pgx.ForEachRow(rows, []any{&last, &email}, func() error {
			if slices.ContainsFunc(db.addresses.Hashes(email), isWanted) {
				emails = append(emails, email)
			}
			return nil
		})
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		if err := db.pointAll(ctx, tx, emails); err != nil {
			return fmt.Errorf("honour the suppression list: %w", err)
		}
		if _, err := tx.Exec(ctx, revokePointed, emails); err != nil {
			return err
		}
	}
}

// exportSuppressions has the address of each entry whose subscriber is there.
const exportSuppressions = `
SELECT s.id, s.uid, s.reason, s.source, s.note, s.created_at, s.hash,
       coalesce((SELECT min(b.email) FROM subscriber b WHERE b.suppression_id = s.id AND b.email NOT LIKE '%@deleted.invalid'), '')
FROM suppression s WHERE s.id > $1 ORDER BY s.id LIMIT $2`

// ExportSuppressions is at most limit entries with ids above after, by id, with their hashes and the addresses that are known.
func (db *DB) ExportSuppressions(ctx context.Context, after int64, limit int) ([]suppression.Listed, error) {
	rows, err := db.pool.Query(ctx, exportSuppressions, after, limit)
	if err != nil {
		return nil, translate(err, "export suppressed addresses")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (suppression.Listed, error) {
		var l suppression.Listed
		err := row.Scan(&l.ID, &l.UID, &l.Reason, &l.Source, &l.Note, &l.CreatedAt, &l.Hash, &l.Address)
		return l, err
	})
	return list, translate(err, "export suppressed addresses")
}

// RecordSuppressionExport notes in the audit log that the list was exported.
func (db *DB) RecordSuppressionExport(ctx context.Context) error {
	return db.tx(ctx, "note an export of suppressed addresses", func(tx pgx.Tx) error {
		return record(ctx, tx, "suppression", "export", ident.UID{}, nil)
	})
}
