package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/sender"
)

const (
	noSender    = "There is no such sender."
	takenSender = "There is a sender with this name already."
)

// senderColumns and scanSender go together.
const senderColumns = `id, uid, name, from_name, from_email, reply_to, postal_address, is_default, version, created_at,
	brand_id, (SELECT b.uid FROM brand b WHERE b.id = brand_id)`

// CreateSender stores a sender identity; the first one becomes the default. If i is to be the default,
// another one ceases to be. It returns Conflict if its name exists, and Invalid for a brand that does not.
func (db *DB) CreateSender(ctx context.Context, i sender.Identity) (sender.Identity, error) {
	i.UID = ident.New()
	err := db.tx(ctx, "create a sender", func(tx pgx.Tx) error {
		if err := onlyDefault(ctx, tx, i); err != nil {
			return err
		}
		var err error
		if i.BrandID, err = brandNamed(ctx, tx, i.Brand); err != nil {
			return err
		}
		err = tx.QueryRow(ctx, `
			INSERT INTO sender_identity (uid, name, from_name, from_email, reply_to, postal_address, is_default, brand_id)
			VALUES ($1, $2, $3, $4, $5, $6, $7 OR NOT EXISTS (SELECT FROM sender_identity WHERE is_default), $8)
			RETURNING id, is_default, version, created_at`,
			i.UID, i.Name, i.FromName, i.FromEmail, i.ReplyTo, i.PostalAddress, i.Default, i.BrandID,
		).Scan(&i.ID, &i.Default, &i.Version, &i.CreatedAt)
		if err != nil {
			return taken(err, takenSender)
		}
		return record(ctx, tx, "sender", "create", i.UID, nil)
	})
	return i, err
}

// brandNamed is the internal id of a brand that a client named, nil of none; Invalid if there is no such brand.
func brandNamed(ctx context.Context, tx pgx.Tx, uid ident.UID) (*int32, error) {
	if uid.IsZero() {
		return nil, nil //nolint:nilnil // none was named
	}
	var id int32
	err := tx.QueryRow(ctx, `SELECT id FROM brand WHERE uid = $1 FOR KEY SHARE`, uid).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		var f fault.Fields
		f.Add("/brand_id", "unknown_brand", "does not exist")
		return nil, f.Err()
	}
	return &id, err
}

// onlyDefault takes the default away from whoever else has it, if i is to get it. It locks the
// table against other writers, so that there is never a second default.
func onlyDefault(ctx context.Context, tx pgx.Tx, i sender.Identity) error {
	if err := lockSenders(ctx, tx); err != nil || !i.Default {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE sender_identity SET is_default = false, version = version + 1 WHERE is_default AND uid <> $1`, i.UID)
	return err
}

// Sender is the identity with a uid, or NotFound.
func (db *DB) Sender(ctx context.Context, uid ident.UID) (sender.Identity, error) {
	i, err := scanSender(db.pool.QueryRow(ctx, `
		SELECT `+senderColumns+`
		FROM sender_identity WHERE uid = $1`, uid))
	return i, translate(missing(err, noSender), "read a sender")
}

// SenderByID is the identity that a publication names, or NotFound.
func (db *DB) SenderByID(ctx context.Context, id int32) (sender.Identity, error) {
	i, err := scanSender(db.pool.QueryRow(ctx, `
		SELECT `+senderColumns+`
		FROM sender_identity WHERE id = $1`, id))
	return i, translate(missing(err, noSender), "read a sender")
}

// UpdateSender replaces the identity with i's uid. A default stays one until another becomes it. check is asked first and
// may refuse. It returns NotFound, Invalid for a brand that does not exist, or Conflict for a name that exists, and for a sender
// that is to leave a brand whose publications or default it is.
func (db *DB) UpdateSender(ctx context.Context, i sender.Identity, check func(version int) error) (sender.Identity, error) {
	err := db.tx(ctx, "update a sender", func(tx pgx.Tx) (err error) {
		if err := onlyDefault(ctx, tx, i); err != nil {
			return err
		}
		before, err := scanSender(tx.QueryRow(ctx, `
			SELECT `+senderColumns+`
			FROM sender_identity WHERE uid = $1 FOR UPDATE`, i.UID))
		if err != nil {
			return missing(err, noSender)
		}
		if err := check(before.Version); err != nil {
			return err
		}
		if i.BrandID, err = brandNamed(ctx, tx, i.Brand); err != nil {
			return err
		}
		if err := mayLeave(ctx, tx, before, i); err != nil {
			return err
		}
		i, err = scanSender(tx.QueryRow(ctx, `
			UPDATE sender_identity SET name = $2, from_name = $3, from_email = $4, reply_to = $5,
			       postal_address = $6, is_default = is_default OR $7, brand_id = $8, version = version + 1
			WHERE uid = $1
			RETURNING `+senderColumns,
			i.UID, i.Name, i.FromName, i.FromEmail, i.ReplyTo, i.PostalAddress, i.Default, i.BrandID))
		if err != nil {
			return missing(used(taken(err, takenSender), "It is the default sender of its brand."), noSender)
		}
		return record(ctx, tx, "sender", "update", i.UID, map[string]any{"fields": senderFields(before, i)})
	})
	return i, err
}

// mayLeave refuses to take a sender out of the brand that its publications are of: what was sent, and what is under way, keeps its
// face.
func mayLeave(ctx context.Context, tx pgx.Tx, before, next sender.Identity) error {
	if before.BrandID == nil || before.Brand == next.Brand {
		return nil
	}
	var named bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM publication WHERE sender_id = $1)`, before.ID).Scan(&named)
	if err == nil && named {
		return fault.New(fault.Conflict, "in_use", "Publications of its brand name this sender: make another sender for another brand.")
	}
	return err
}

// DeleteSender removes an identity that no publication names. check is asked first and may refuse. It returns NotFound, or
// Conflict (in_use), of the default as well while there are others: without one no letter could be written, and nobody sign up.
func (db *DB) DeleteSender(ctx context.Context, uid ident.UID, check func(version int) error) error {
	return db.tx(ctx, "delete a sender", func(tx pgx.Tx) error {
		if err := lockSenders(ctx, tx); err != nil {
			return err
		}
		var version int
		var needed bool
		if err := tx.QueryRow(ctx, `
			SELECT version, is_default AND EXISTS (SELECT FROM sender_identity WHERE uid <> $1)
			FROM sender_identity WHERE uid = $1 FOR UPDATE`, uid).Scan(&version, &needed); err != nil {
			return missing(err, noSender)
		}
		if err := check(version); err != nil {
			return err
		}
		if needed {
			return fault.New(fault.Conflict, "in_use", "It is the default sender: make another one the default first.")
		}
		if _, err := tx.Exec(ctx, `DELETE FROM sender_identity WHERE uid = $1`, uid); err != nil {
			return used(err, "Publications name this sender, or it is the default of its brand.")
		}
		return record(ctx, tx, "sender", "delete", uid, nil)
	})
}

// ListSenders is at most limit identities with ids above after, by id.
func (db *DB) ListSenders(ctx context.Context, after int64, limit int) ([]sender.Identity, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT `+senderColumns+`
		FROM sender_identity WHERE id > $1 ORDER BY id LIMIT $2`, after, limit)
	if err != nil {
		return nil, translate(err, "list senders")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (sender.Identity, error) { return scanSender(row) })
	return list, translate(err, "list senders")
}

func scanSender(row pgx.Row) (sender.Identity, error) {
	var i sender.Identity
	var of *ident.UID
	err := row.Scan(&i.ID, &i.UID, &i.Name, &i.FromName, &i.FromEmail, &i.ReplyTo, &i.PostalAddress, &i.Default, &i.Version, &i.CreatedAt,
		&i.BrandID, &of)
	if of != nil {
		i.Brand = *of
	}
	return i, err
}
