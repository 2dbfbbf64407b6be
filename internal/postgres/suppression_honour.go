package postgres

import (
	"bytes"
	"context"
	"hash/fnv"
	"slices"

	"github.com/jackc/pgx/v5"
)

// addressLocks is the class of the advisory locks that make who lists an address and who stores a subscriber with it see
// each other. Under READ COMMITTED neither sees what the other has not committed. The addresses are divided into parts:
//
//   - Who lists takes the part shared before it looks for the subscriber, and keeps it until it has committed.
//   - Who stores a subscriber takes the part alone, after that and before it looks for the entry, until it has committed.
//
// Whoever is second looks with a snapshot that is taken after the first has committed. Nothing is left to be done after
// a commit, so nothing is lost with a process that dies there. Those who list do not wait for each other. An import looks
// for entries as it goes along and takes all parts only when it is about to commit; what is left to look at then are
// the entries made since it began. So nobody waits for an import but at its end. (Who lists an address of a subscriber whom an
// import changes waits for the row, as for any change of it.)
const (
	addressLocks = 0x50574144
	addressParts = 64
)

// partsOf is the parts that some addresses are in, in the order in which they are locked.
func partsOf(addresses []string) []int32 {
	parts := make([]int32, len(addresses))
	for i, address := range addresses {
		h := fnv.New32a()
		_, _ = h.Write([]byte(address)) // a hash does not fail
		parts[i] = int32(h.Sum32() % addressParts)
	}
	slices.Sort(parts)
	return slices.Compact(parts)
}

// lockAlone waits for everybody who lists addresses of some parts.
const lockAlone = `SELECT pg_advisory_xact_lock($1, part) FROM unnest($2::integer[]) AS part`

func lockParts(ctx context.Context, tx pgx.Tx, statement string, parts []int32) error {
	_, err := tx.Exec(ctx, statement, addressLocks, parts)
	return err
}

// pointAtEntries leaves rows alone that somebody else has locked: whoever stores a subscriber sees to it.
const pointAtEntries = `
UPDATE subscriber s SET suppression_id = n.entry
FROM (SELECT k.id, e.entry
      FROM (SELECT i.email, min(u.id) AS entry FROM unnest($1::text[], $2::bytea[]) AS i (email, hash)
            JOIN suppression u ON u.hash = i.hash GROUP BY i.email) e
      JOIN subscriber k ON k.email = e.email AND k.suppression_id IS DISTINCT FROM e.entry
      FOR NO KEY UPDATE OF k SKIP LOCKED) n
WHERE s.id = n.id`

// pointAll points the subscribers with these canonical addresses at the entries that can be seen.
func (db *DB) pointAll(ctx context.Context, tx pgx.Tx, addresses []string) error {
	var emails []string
	var hashes [][]byte
	for _, address := range addresses {
		for _, hash := range db.addresses.Hashes(address) {
			emails, hashes = append(emails, address), append(hashes, hash)
		}
	}
	if len(emails) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, pointAtEntries, emails, hashes)
	return err
}

// honourSuppressions points the subscriber with a canonical address, who was just stored in tx, at the entry of it, if
// there is one. It comes last in tx; see addressLocks.
func (db *DB) honourSuppressions(ctx context.Context, tx pgx.Tx, address string) error {
	return db.honourAll(ctx, tx, []string{address})
}

// honourAll is honourSuppressions for the addresses that a transaction has stored. What bounced softly was another mailbox.
func (db *DB) honourAll(ctx context.Context, tx pgx.Tx, addresses []string) error {
	if len(addresses) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, clearMoved, addresses); err != nil || db.addresses == nil {
		return err
	}
	if err := lockParts(ctx, tx, lockAlone, partsOf(addresses)); err != nil {
		return err
	}
	return db.pointAll(ctx, tx, addresses)
}

// everyPart is all of them.
func everyPart() []int32 {
	parts := make([]int32, addressParts)
	for i := range parts {
		parts[i] = int32(i)
	}
	return parts
}

// lastSuppression is an entry's id so that every transaction that begins now sees all entries up to it.
func (db *DB) lastSuppression(ctx context.Context) (last int64, err error) {
	if db.addresses == nil {
		return 0, nil
	}
	err = db.tx(ctx, "look at the suppression list", func(tx pgx.Tx) error {
		if err := lockParts(ctx, tx, lockAlone, everyPart()); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `SELECT coalesce(max(id), 0) FROM suppression`).Scan(&last)
	})
	return last, err
}

// honourLater is honourSuppressions for many, at the end of a transaction that has looked at each once: what is left are the
// entries that lastSuppression did not know.
func (db *DB) honourLater(ctx context.Context, tx pgx.Tx, last int64, addresses []string) error {
	if db.addresses == nil {
		return nil
	}
	if err := lockParts(ctx, tx, lockAlone, everyPart()); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `SELECT hash FROM suppression WHERE id > $1`, last)
	if err != nil {
		return err
	}
	fresh, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil || len(fresh) == 0 {
		return err
	}
	slices.SortFunc(fresh, bytes.Compare)
	isFresh := func(hash []byte) bool {
		_, found := slices.BinarySearchFunc(fresh, hash, bytes.Compare)
		return found
	}
	return db.pointAll(ctx, tx, slices.DeleteFunc(addresses, func(address string) bool {
		return !slices.ContainsFunc(db.addresses.Hashes(address), isFresh)
	}))
}
