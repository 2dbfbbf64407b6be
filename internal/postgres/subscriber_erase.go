package postgres

import (
	"context"
	"fmt"
	"regexp"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
	"github.com/presswork/presswork/internal/suppression"
)

// EraseSubscriber takes everything away that is held about a subscriber, in one transaction: all of it or, if the process dies,
// nothing. check is asked first and may refuse. What stays are counters, the ledger and the record of consent, under ids that lead
// to nobody, and a keyed hash of the address, so that nothing is sent to it that is imported again. It returns NotFound.
func (db *DB) EraseSubscriber(ctx context.Context, uid ident.UID, check func(subscriber.Subscriber) error) (subscriber.Erased, error) {
	return db.erase(ctx, func(tx pgx.Tx) (subscriber.Subscriber, error) {
		s, err := lockSubscriber(ctx, tx, uid)
		if err != nil {
			return s, err
		}
		return s, check(s)
	})
}

// EraseAddress is EraseSubscriber for whoever has a canonical address, a subscriber or not. It may be repeated.
func (db *DB) EraseAddress(ctx context.Context, address string) (subscriber.Erased, error) {
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

// eraseTime is what one statement may take: those that look for mentions read whole tables.
const eraseTime = `SET LOCAL statement_timeout = '240s'`

// erase takes away what is held about whom find finds: a locked subscriber, or only an address.
func (db *DB) erase(ctx context.Context, find func(pgx.Tx) (subscriber.Subscriber, error)) (subscriber.Erased, error) {
	var done subscriber.Erased
	var who ident.UID
	err := db.tx(ctx, "erase a person", func(tx pgx.Tx) error {
		done = subscriber.Erased{}
		if _, err := tx.Exec(ctx, eraseTime); err != nil {
			return err
		}
		if err := consenting(ctx, tx, consent.API); err != nil {
			return err
		}
		s, err := find(tx)
		if err != nil {
			return err
		}
		done.Subscriber, who = s.ID != 0, s.UID
		if err := beginListing(ctx, tx, s.Email); err != nil {
			return err
		}
		if err := eraseRows(ctx, tx, s, &done); err != nil {
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
		return record(ctx, tx, "subscriber", "erase", s.UID, map[string]any{"messages": done.Messages, "mentions": done.Mentions})
	})
	if err == nil && done.Subscriber && db.recall != nil {
		db.recall.Forget(ctx, who)
	}
	return done, err
}

func eraseRows(ctx context.Context, tx pgx.Tx, s subscriber.Subscriber, done *subscriber.Erased) error {
	if done.Subscriber {
		if err := empty(ctx, tx, []int64{s.ID}); err != nil {
			return fmt.Errorf("erase a subscriber: %w", err)
		}
		if _, err := tx.Exec(ctx, `UPDATE subscriber SET suppression_id = NULL WHERE id = $1`, s.ID); err != nil {
			return fmt.Errorf("erase a subscriber's suppression: %w", err)
		}
		if _, err := tx.Exec(ctx, `DELETE FROM engagement WHERE subscriber_id = $1`, s.ID); err != nil {
			return fmt.Errorf("erase what a subscriber did: %w", err)
		}
		if _, err := tx.Exec(ctx, `DELETE FROM digest_item WHERE recipient_id = $1`, s.ID); err != nil {
			return fmt.Errorf("erase what was gathered for a subscriber: %w", err)
		}
		if err := ReleaseHeld(ctx, tx, s.ID); err != nil {
			return err
		}
	}
	tag, err := tx.Exec(ctx, emptyMessages, []int64{s.ID}, []string{s.Email})
	if err != nil {
		return fmt.Errorf("erase messages: %w", err)
	}
	done.Messages = tag.RowsAffected()
	if err := tx.QueryRow(ctx, eraseMentions, s.Email, mention(s.Email)).Scan(&done.Mentions); err != nil {
		return fmt.Errorf("erase mentions: %w", err)
	}
	return nil
}

// emptyMessages empties the messages to some subscribers ($1) or addresses ($2). Those that are still to be sent are not.
const emptyMessages = `
UPDATE message SET email = CASE WHEN email IS NOT NULL THEN publication_id || '@deleted.invalid' END, name = '', language = '', timezone = '',
       data = '{}', expires_at = least(coalesce(expires_at, 'infinity'), clock_timestamp())
WHERE subscriber_id = ANY($1) OR email = ANY($2)`

// eraseMentions takes an address ($1, and $2 as a pattern) out of what others wrote: titles, data of publications and their earlier
// versions, what was rendered, texts of errors, what endpoints are told, keys (which may have been made of an address, with anything
// before it) and answers that are kept for repetitions. It reads whole tables. What authors write, contents and templates, is theirs
// to change.
const eraseMentions = `
WITH e1 AS (
    UPDATE publication SET title = regexp_replace(title, $2, '[erased]', 'gi'), data = regexp_replace(data::text, $2, '[erased]', 'gi')::jsonb
    WHERE strpos(lower(title || ' ' || data::text), $1) > 0 AND title || ' ' || data::text ~* $2 RETURNING 1
), e2 AS (
    UPDATE publication_version SET request = regexp_replace(request::text, $2, '[erased]', 'gi')::jsonb
    WHERE strpos(lower(request::text), $1) > 0 AND request::text ~* $2 RETURNING 1
), e3 AS (
    UPDATE rendition SET body = regexp_replace(body::text, $2, '[erased]', 'gi')::jsonb WHERE strpos(lower(body::text), $1) > 0 AND body::text ~* $2 RETURNING 1
), e4 AS (
    UPDATE message SET name = regexp_replace(name, $2, '[erased]', 'gi'), data = regexp_replace(data::text, $2, '[erased]', 'gi')::jsonb
    WHERE strpos(lower(name || ' ' || data::text), $1) > 0 AND name || ' ' || data::text ~* $2 RETURNING 1
), e5 AS (
    UPDATE dead_letter SET error = regexp_replace(error, $2, '[erased]', 'gi') WHERE strpos(lower(error), $1) > 0 AND error ~* $2 RETURNING 1
), e6 AS (
    UPDATE delivery_attempt SET error = regexp_replace(error, $2, '[erased]', 'gi') WHERE strpos(lower(error), $1) > 0 AND error ~* $2 RETURNING 1
), e7 AS (
    UPDATE webhook_attempt SET error = regexp_replace(error, $2, '[erased]', 'gi') WHERE strpos(lower(error), $1) > 0 AND error ~* $2 RETURNING 1
), e8 AS (
    UPDATE webhook_event SET data = regexp_replace(data::text, $2, '[erased]', 'gi')::jsonb WHERE strpos(lower(data::text), $1) > 0 AND data::text ~* $2 RETURNING 1
), e9 AS (
    UPDATE suppression SET note = regexp_replace(note, $2, '[erased]', 'gi') WHERE strpos(lower(note), $1) > 0 AND note ~* $2 RETURNING 1
), e10 AS (
    UPDATE subscriber SET name = regexp_replace(name, $2, '[erased]', 'gi'), attributes = regexp_replace(attributes::text, $2, '[erased]', 'gi')::jsonb
    WHERE strpos(lower(name || ' ' || attributes::text), $1) > 0 AND name || ' ' || attributes::text ~* $2 RETURNING 1
), e11 AS (
    DELETE FROM idempotency WHERE strpos(lower(key), $1) > 0 OR strpos(lower(answer), $1) > 0 AND answer ~* $2 RETURNING 1
)
SELECT (SELECT count(*) FROM e1) + (SELECT count(*) FROM e2) + (SELECT count(*) FROM e3) + (SELECT count(*) FROM e4)
     + (SELECT count(*) FROM e5) + (SELECT count(*) FROM e6) + (SELECT count(*) FROM e7) + (SELECT count(*) FROM e8)
     + (SELECT count(*) FROM e9) + (SELECT count(*) FROM e10) + (SELECT count(*) FROM e11)`

// mention is a pattern for an address that is no part of a longer one. In JSON what stands before may be the end of an escaped
// line break.
func mention(address string) string {
	return `(?:(?<![A-Za-z0-9.!#$%&'*+/=?^_{|}~-])|(?<=\\[bfnrt]))` + regexp.QuoteMeta(address) + `(?![A-Za-z0-9-]|\.[A-Za-z0-9])`
}
