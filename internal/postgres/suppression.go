package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/suppression"
)

// listAddress puts an address on the list, unless an entry is there under one of its hashes, and points its subscriber at
// the entry. Readers who complained, or whom an operator listed, withdrew their consent: a batch in hand looks again.
const listAddress = `
WITH old AS (
    SELECT id FROM suppression WHERE hash = ANY($2) LIMIT 1
), new AS (
    INSERT INTO suppression (uid, hash, reason, source, publication_id, note)
    SELECT $3, ($2::bytea[])[1], $4, $5, nullif($6::bigint, 0), $7 WHERE NOT EXISTS (SELECT FROM old)
    ON CONFLICT (hash) DO NOTHING
    RETURNING id
), entry AS (
    SELECT id FROM old UNION ALL SELECT id FROM new
), pointed AS (
    UPDATE subscriber s SET suppression_id = entry.id, updated_at = clock_timestamp(),
           revoked_at = CASE WHEN $4 IN (2, 3) THEN clock_timestamp() ELSE s.revoked_at END
    FROM entry WHERE s.email = $1 AND s.suppression_id IS DISTINCT FROM entry.id
)
SELECT EXISTS (SELECT FROM new)`

// removeWeaker takes the entries off the list that say less than a withdrawal: a mailbox that fails may work again, and whoever takes
// it off the list then is not to send to a reader who complained.
const removeWeaker = `DELETE FROM suppression WHERE hash = ANY($1) AND reason NOT IN (2, 3) RETURNING uid`

// suppress puts a canonical address on the list in tx, which has begun listing it, and says whether it was not there
// before for as good a reason. entry gets its uid then.
func (db *DB) suppress(ctx context.Context, tx pgx.Tx, address string, publication int64, entry *suppression.Entry) (bool, error) {
	hashes := db.addresses.Hashes(address)
	if len(hashes) == 0 {
		return false, fault.New(fault.Internal, "no_secret_key", "this process has no key to suppress addresses with")
	}
	if entry.Reason.Withdraws() {
		if err := replaced(ctx, tx, hashes, entry.Reason); err != nil {
			return false, err
		}
	}
	uid := ident.New()
	var added bool
	err := tx.QueryRow(ctx, listAddress, address, hashes, uid, int16(entry.Reason), entry.Source, publication, entry.Note).Scan(&added)
	if err != nil || !added {
		return false, err
	}
	entry.UID = uid
	return true, record(ctx, tx, "suppression", "create", uid, map[string]any{
		"reason": entry.Reason.String(), "source": entry.Source, "publication": publication,
	})
}

// replaced makes room for an entry of a better reason.
func replaced(ctx context.Context, tx pgx.Tx, hashes [][]byte, better suppression.Reason) error {
	rows, err := tx.Query(ctx, removeWeaker, hashes)
	if err != nil {
		return err
	}
	gone, err := pgx.CollectRows(rows, pgx.RowTo[ident.UID])
	if err != nil {
		return err
	}
	for _, uid := range gone {
		if err := record(ctx, tx, "suppression", "delete", uid, map[string]any{"replaced_by": better.String()}); err != nil {
			return err
		}
	}
	return nil
}

// lockListed locks the subscribers whom listAddress is going to point at an entry.
const lockListed = `
SELECT FROM subscriber s
WHERE s.email = ANY($1) AND NOT EXISTS (SELECT FROM suppression u WHERE u.id = s.suppression_id AND u.reason IN (2, 3))
ORDER BY s.id FOR NO KEY UPDATE`

// beginListing is called once in a transaction, before it suppresses these addresses. See addressLocks. Subscribers come
// first: an import may hold them, and is not to find, when it ends, that who waits for them holds a part.
func beginListing(ctx context.Context, tx pgx.Tx, addresses ...string) error {
	if len(addresses) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, lockListed, addresses); err != nil {
		return err
	}
	return lockParts(ctx, tx, `SELECT pg_advisory_xact_lock_shared($1, part) FROM unnest($2::integer[]) AS part`, partsOf(addresses))
}

const selectSuppression = `
SELECT s.id, s.uid, s.reason, s.source, s.note, coalesce(p.uid, '00000000-0000-0000-0000-000000000000'), s.created_at
FROM suppression s LEFT JOIN publication p ON p.id = s.publication_id`

// Suppress puts a canonical address on the list as fresh says, and reports whether it was not there before, or only for a mailbox
// that failed where fresh is a withdrawal. The entry is the present one. It may be repeated.
func (db *DB) Suppress(ctx context.Context, address string, fresh suppression.Entry) (suppression.Entry, bool, error) {
	var entry suppression.Entry
	added := false
	err := db.tx(ctx, "suppress an address", func(tx pgx.Tx) (err error) {
		if err := consenting(ctx, tx, consent.API); err != nil {
			return err
		}
		if err := beginListing(ctx, tx, address); err != nil {
			return err
		}
		if added, err = db.suppress(ctx, tx, address, 0, &fresh); err != nil {
			return err
		}
		if !added && fresh.Note != "" {
			if err := db.noteSuppression(ctx, tx, address, fresh.Note); err != nil {
				return err
			}
		}
		entry, err = scanSuppression(tx.QueryRow(ctx, selectSuppression+` WHERE s.hash = ANY($1) ORDER BY s.id LIMIT 1`,
			db.addresses.Hashes(address)))
		return err
	})
	return entry, added, err
}

// noteSuppression gives the entry that an address has another note.
func (db *DB) noteSuppression(ctx context.Context, tx pgx.Tx, address, note string) error {
	var uid ident.UID
	err := tx.QueryRow(ctx, `UPDATE suppression SET note = $2 WHERE hash = ANY($1) AND note <> $2 RETURNING uid`,
		db.addresses.Hashes(address), note).Scan(&uid)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return record(ctx, tx, "suppression", "update", uid, map[string]any{"fields": []string{"note"}})
}

// suppressionsAfter are the list in pages, suppressionsOf the entries of an address. One statement for both would be planned for the
// list, and read all of it for an address that is not there.
const (
	suppressionsAfter = selectSuppression + ` WHERE s.id > $1 ORDER BY s.id LIMIT $2`
	suppressionsOf    = selectSuppression + ` WHERE s.hash = ANY($3) AND s.id > $1 ORDER BY s.id LIMIT $2`
)

// Suppressions is at most limit entries with ids above after, by id. With an address, it is only that one's.
func (db *DB) Suppressions(ctx context.Context, address string, after int64, limit int) ([]suppression.Entry, error) {
	sql, args := suppressionsAfter, []any{after, limit}
	if address != "" {
		sql, args = suppressionsOf, append(args, db.addresses.Hashes(address))
	}
	rows, err := db.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, translate(err, "list suppressed addresses")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (suppression.Entry, error) { return scanSuppression(row) })
	return list, translate(err, "list suppressed addresses")
}

// Suppression is the entry with a uid, or NotFound.
func (db *DB) Suppression(ctx context.Context, uid ident.UID) (suppression.Entry, error) {
	entry, err := scanSuppression(db.pool.QueryRow(ctx, selectSuppression+` WHERE s.uid = $1`, uid))
	return entry, translate(missing(err, "There is no such entry."), "read a suppressed address")
}

// Unsuppress takes an entry off the list: its address is sent to again by whatever is still owed and by all that
// follows, and soft bounces of the past do not count against it. It returns NotFound.
func (db *DB) Unsuppress(ctx context.Context, uid ident.UID) error {
	return db.tx(ctx, "take an address off the suppression list", func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, clearListed, uid); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `DELETE FROM suppression WHERE uid = $1`, uid)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return fault.New(fault.NotFound, "not_found", "There is no such entry.")
		}
		return record(ctx, tx, "suppression", "delete", uid, nil)
	})
}

func scanSuppression(row pgx.Row) (suppression.Entry, error) {
	var e suppression.Entry
	err := row.Scan(&e.ID, &e.UID, &e.Reason, &e.Source, &e.Note, &e.Publication, &e.CreatedAt)
	return e, err
}
