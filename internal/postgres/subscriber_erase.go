package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
	"github.com/presswork/presswork/internal/suppression"
)

// EraseSubscriber begins to take everything away that is held about a subscriber. What is found by an index is gone when it returns,
// in one transaction, and nothing is sent to them from then on; SearchErased sees to the rest. check is asked first and may refuse.
// What stays are counters, the ledger and the record of consent, under ids that lead to nobody, and a keyed hash of the address, so
// that nothing is sent to it that is imported again. Of one who is being erased it returns that erasure; else NotFound.
func (db *DB) EraseSubscriber(ctx context.Context, uid ident.UID, check func(subscriber.Subscriber) error) (subscriber.Erasure, error) {
	begun, err := db.erase(ctx, func(tx pgx.Tx) (subscriber.Subscriber, error) {
		s, err := lockSubscriber(ctx, tx, uid)
		if err != nil {
			return s, err
		}
		return s, check(s)
	})
	if !fault.Is(err, fault.NotFound) {
		return begun, err
	}
	running, lookErr := scanErasure(db.pool.QueryRow(ctx, selectErasure+`WHERE state = 'running' AND subscriber_uid = $1 ORDER BY id LIMIT 1`, uid))
	if errors.Is(lookErr, pgx.ErrNoRows) {
		return begun, err
	}
	return running, translate(lookErr, "find the erasure of a subscriber")
}

// EraseAddress is EraseSubscriber for whoever has a canonical address, a subscriber or not. It may be repeated.
func (db *DB) EraseAddress(ctx context.Context, address string) (subscriber.Erasure, error) {
	return db.erase(ctx, func(tx pgx.Tx) (subscriber.Subscriber, error) {
		rows, err := tx.Query(ctx, selectSubscriber+` WHERE s.email = $1 FOR UPDATE OF s`, address)
		if err != nil {
			return subscriber.Subscriber{}, err
		}
		list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (subscriber.Subscriber, error) { return scanSubscriber(row) })
		if err != nil || len(list) == 0 {
			return subscriber.Subscriber{Email: address}, err
		}
		return list[0], nil
	})
}

// erase takes away what an index finds of whom find finds: a locked subscriber, or only an address. And it notes that the rest is to be
// looked for.
func (db *DB) erase(ctx context.Context, find func(pgx.Tx) (subscriber.Subscriber, error)) (subscriber.Erasure, error) {
	var begun subscriber.Erasure
	var who ident.UID
	err := db.tx(ctx, "erase a person", func(tx pgx.Tx) error {
		if err := consenting(ctx, tx, consent.API); err != nil {
			return err
		}
		s, err := find(tx)
		if err != nil {
			return err
		}
		who = s.UID
		done := subscriber.Erasure{UID: ident.New(), Subscriber: s.ID != 0}
		if err := beginListing(ctx, tx, s.Email); err != nil {
			return err
		}
		if done.Messages, err = eraseRows(ctx, tx, s); err != nil {
			return err
		}
		// After their row is empty, so that it does not lead to the entry.
		entry := suppression.Entry{Reason: suppression.Manual, Source: suppression.SourceErasure}
		if done.Suppressed, err = db.suppress(ctx, tx, s.Email, 0, &entry); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE suppression SET note = '' WHERE hash = ANY($1) AND note <> ''`, db.addresses.Hashes(s.Email)); err != nil {
			return fmt.Errorf("erase the note of a suppressed address: %w", err)
		}
		if begun, err = db.beginErasure(ctx, tx, s, done); err != nil {
			return err
		}
		return record(ctx, tx, "subscriber", "erase", s.UID, map[string]any{"messages": done.Messages, "erasure": begun.UID})
	})
	if err == nil && !who.IsZero() && db.recall != nil {
		db.recall.Forget(ctx, who)
	}
	return begun, err
}

// beginErasure notes that a person is being erased. If they are already, that one looks once more when it thinks that it is through.
func (db *DB) beginErasure(ctx context.Context, tx pgx.Tx, s subscriber.Subscriber, done subscriber.Erasure) (subscriber.Erasure, error) {
	if db.sealer == nil {
		return done, fault.New(fault.Internal, "no_secret_key", "this process has no key to seal addresses with")
	}
	begun, err := scanErasure(tx.QueryRow(ctx, `
		INSERT INTO erasure AS e (uid, hash, address, subscriber_uid, subscriber, suppressed, messages) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (hash) WHERE state = 'running' DO UPDATE
		   SET again = true, subscriber_uid = coalesce(excluded.subscriber_uid, e.subscriber_uid), subscriber = e.subscriber OR excluded.subscriber,
		       suppressed = e.suppressed OR excluded.suppressed, messages = e.messages + excluded.messages, updated_at = clock_timestamp()
		RETURNING `+erasureColumns,
		done.UID, db.addresses.Hashes(s.Email)[0], db.sealer.Seal([]byte(s.Email), erasureContext(done.UID)), optionalUID(s.UID), done.Subscriber,
		done.Suppressed, done.Messages))
	if err != nil {
		return begun, fmt.Errorf("note an erasure: %w", err)
	}
	return begun, nil
}

// erasureContext binds a sealed address to its row.
func erasureContext(uid ident.UID) string { return "erasure/" + uid.String() }

// eraseRows takes away what an index finds of somebody, and returns how many messages there were to them.
func eraseRows(ctx context.Context, tx pgx.Tx, s subscriber.Subscriber) (messages int64, err error) {
	if s.ID != 0 {
		if err := empty(ctx, tx, []int64{s.ID}); err != nil {
			return 0, fmt.Errorf("erase a subscriber: %w", err)
		}
		if _, err := tx.Exec(ctx, `UPDATE subscriber SET suppression_id = NULL WHERE id = $1`, s.ID); err != nil {
			return 0, fmt.Errorf("erase a subscriber's suppression: %w", err)
		}
		if _, err := tx.Exec(ctx, `DELETE FROM engagement WHERE subscriber_id = $1`, s.ID); err != nil {
			return 0, fmt.Errorf("erase what a subscriber did: %w", err)
		}
		if _, err := tx.Exec(ctx, `DELETE FROM digest_item WHERE recipient_id = $1`, s.ID); err != nil {
			return 0, fmt.Errorf("erase what was gathered for a subscriber: %w", err)
		}
		if err := ReleaseHeld(ctx, tx, s.ID); err != nil {
			return 0, err
		}
	}
	tag, err := tx.Exec(ctx, emptyMessages, []int64{s.ID}, []string{s.Email})
	if err != nil {
		return 0, fmt.Errorf("erase messages: %w", err)
	}
	return tag.RowsAffected(), nil
}

// emptyMessages empties the messages to some subscribers ($1) or addresses ($2). Those that are still to be sent are not: they have expired.
const emptyMessages = `
UPDATE message SET email = CASE WHEN email IS NOT NULL THEN publication_id || '@deleted.invalid' END, name = '', language = '', timezone = '',
       data = '{}', expires_at = least(expires_at, clock_timestamp())
WHERE subscriber_id = ANY($1) OR email = ANY($2)`
