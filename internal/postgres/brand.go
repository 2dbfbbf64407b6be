package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/presswork/presswork/internal/brand"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

const noBrand = "There is no such brand."

// brandColumns and scanBrand go together.
const brandColumns = `b.id, b.uid, b.slug, b.name, b.logo_asset, b.logo_url, b.color, b.link_color, b.postal_address, b.website_url,
	b.privacy_url, b.imprint_url, b.support_email, b.language, (SELECT s.uid FROM sender_identity s WHERE s.id = b.sender_id),
	b.version, b.created_at`

func scanBrand(row pgx.Row) (brand.Brand, error) {
	var b brand.Brand
	var logo, from *ident.UID
	err := row.Scan(&b.ID, &b.UID, &b.Slug, &b.Name, &logo, &b.Logo, &b.Color, &b.LinkColor, &b.PostalAddress, &b.WebsiteURL,
		&b.PrivacyURL, &b.ImprintURL, &b.SupportEmail, &b.Language, &from, &b.Version, &b.CreatedAt)
	if logo != nil {
		b.Logo = brand.LogoOf(*logo)
	}
	if from != nil {
		b.Sender = *from
	}
	return b, err
}

// storedLogo is a logo as the table has it: of uploaded images or of others.
func storedLogo(b brand.Brand) (*ident.UID, string) {
	if uid, uploaded := b.LogoAsset(); uploaded {
		return &uid, ""
	}
	return nil, b.Logo
}

// CreateBrand stores a brand. A sender of no brand that it names belongs to it from then on. It returns Conflict if its slug
// exists, and Invalid for a logo or a sender that does not, or that is another brand's.
func (db *DB) CreateBrand(ctx context.Context, b brand.Brand) (brand.Brand, error) {
	b.UID = ident.New()
	err := db.tx(ctx, "create a brand", func(tx pgx.Tx) error {
		if err := lockSenders(ctx, tx); err != nil {
			return err
		}
		logo, elsewhere := storedLogo(b)
		err := tx.QueryRow(ctx, `
			INSERT INTO brand (uid, slug, name, logo_asset, logo_url, color, link_color, postal_address, website_url, privacy_url,
			                   imprint_url, support_email, language)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING id, version, created_at`,
			b.UID, b.Slug, b.Name, logo, elsewhere, b.Color, b.LinkColor, b.PostalAddress, b.WebsiteURL, b.PrivacyURL,
			b.ImprintURL, b.SupportEmail, b.Language).Scan(&b.ID, &b.Version, &b.CreatedAt)
		if err != nil {
			return brandRefused(err)
		}
		if err := adopt(ctx, tx, b); err != nil {
			return err
		}
		return record(ctx, tx, "brand", "create", b.UID, nil)
	})
	return b, err
}

// lockSenders has writers of senders and brands wait for each other.
func lockSenders(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `LOCK TABLE sender_identity IN SHARE ROW EXCLUSIVE MODE`)
	return err
}

// brandRefused explains why a brand was not stored.
func brandRefused(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.ConstraintName == "brand_logo_asset_fkey" {
		var f fault.Fields
		f.Add("/logo", "unknown_asset", "does not exist")
		return f.Err()
	}
	return taken(err, "There is a brand with this slug already.")
}

// adopt makes the sender that a brand names the brand's own, and its default.
func adopt(ctx context.Context, tx pgx.Tx, b brand.Brand) error {
	var id *int32
	if !b.Sender.IsZero() {
		var f fault.Fields
		var of *int32
		err := tx.QueryRow(ctx, `SELECT id, brand_id FROM sender_identity WHERE uid = $1 FOR UPDATE`, b.Sender).Scan(&id, &of)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			f.Add("/sender_id", "unknown_sender", "does not exist")
		case err != nil:
			return err
		case of != nil && *of != b.ID:
			f.Add("/sender_id", "other_brand", "belongs to another brand")
		case of == nil:
			_, err = tx.Exec(ctx, `UPDATE sender_identity SET brand_id = $2, version = version + 1 WHERE id = $1`, id, b.ID)
		}
		if err := errors.Join(err, f.Err()); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, `UPDATE brand SET sender_id = $2 WHERE id = $1`, b.ID, id)
	return err
}

// Brand is the one with a uid, or NotFound.
func (db *DB) Brand(ctx context.Context, uid ident.UID) (brand.Brand, error) {
	b, err := scanBrand(db.pool.QueryRow(ctx, `SELECT `+brandColumns+` FROM brand b WHERE b.uid = $1`, uid))
	return b, translate(missing(err, noBrand), "read a brand")
}

// BrandByID is the one that a sender belongs to, or NotFound.
func (db *DB) BrandByID(ctx context.Context, id int32) (brand.Brand, error) {
	b, err := scanBrand(db.pool.QueryRow(ctx, `SELECT `+brandColumns+` FROM brand b WHERE b.id = $1`, id))
	return b, translate(missing(err, noBrand), "read a brand")
}

// BrandOf is the one that a publication is of, or NotFound.
func (db *DB) BrandOf(ctx context.Context, publication int64) (brand.Brand, error) {
	b, err := scanBrand(db.pool.QueryRow(ctx, `
		SELECT `+brandColumns+` FROM publication p JOIN sender_identity f ON f.id = p.sender_id JOIN brand b ON b.id = f.brand_id
		WHERE p.id = $1`, publication))
	return b, translate(missing(err, noBrand), "read the brand of a publication")
}

// BrandNamed is the one with a slug, or NotFound.
func (db *DB) BrandNamed(ctx context.Context, slug string) (brand.Brand, error) {
	b, err := scanBrand(db.pool.QueryRow(ctx, `SELECT `+brandColumns+` FROM brand b WHERE b.slug = $1`, slug))
	return b, translate(missing(err, noBrand), "find a brand")
}

// UpdateBrand replaces the brand with b's uid; without a slug it keeps the one that it has. check is asked first and may refuse.
// It returns NotFound, and what CreateBrand returns. What is under way keeps what it began with.
func (db *DB) UpdateBrand(ctx context.Context, b brand.Brand, check func(version int) error) (brand.Brand, error) {
	err := db.tx(ctx, "update a brand", func(tx pgx.Tx) error {
		if err := lockSenders(ctx, tx); err != nil {
			return err
		}
		before, err := scanBrand(tx.QueryRow(ctx, `SELECT `+brandColumns+` FROM brand b WHERE b.uid = $1 FOR UPDATE OF b`, b.UID))
		if err != nil {
			return missing(err, noBrand)
		}
		if err := check(before.Version); err != nil {
			return err
		}
		b.ID = before.ID
		if err := adopt(ctx, tx, b); err != nil {
			return err
		}
		logo, elsewhere := storedLogo(b)
		b, err = scanBrand(tx.QueryRow(ctx, `
			UPDATE brand b SET slug = coalesce(nullif($2, ''), slug), name = $3, logo_asset = $4, logo_url = $5, color = $6, link_color = $7,
			       postal_address = $8, website_url = $9, privacy_url = $10, imprint_url = $11, support_email = $12, language = $13,
			       version = version + 1
			WHERE b.id = $1 RETURNING `+brandColumns,
			b.ID, b.Slug, b.Name, logo, elsewhere, b.Color, b.LinkColor, b.PostalAddress, b.WebsiteURL, b.PrivacyURL,
			b.ImprintURL, b.SupportEmail, b.Language))
		if err != nil {
			return brandRefused(err)
		}
		return record(ctx, tx, "brand", "update", b.UID, map[string]any{"fields": brandFields(before, b)})
	})
	return b, err
}

// namedBySenders asks whether publications are from any of some senders. It is planned each time: of senders that are hardly ever
// named it reads an index, and of others the first publication or so.
const namedBySenders = `SELECT EXISTS (SELECT FROM publication WHERE sender_id = ANY($1))`

// brandNeeded reports whether publications are from senders of a brand, or one of these has no postal address of its own.
func brandNeeded(ctx context.Context, tx pgx.Tx, id int32) (needed bool, err error) {
	var senders []int32
	err = tx.QueryRow(ctx, `
		SELECT coalesce(array_agg(id), '{}'), coalesce(bool_or(postal_address = ''), false) FROM sender_identity
		WHERE brand_id = $1`, id).Scan(&senders, &needed)
	if err == nil && !needed {
		err = tx.QueryRow(ctx, namedBySenders, plannedEachTime, senders).Scan(&needed)
	}
	return needed, err
}

// DeleteBrand removes a brand of which no publication is; its senders stay, and are of no brand. check is asked first and may
// refuse. It returns NotFound, or Conflict (in_use), also as long as a sender of it has no postal address of its own.
func (db *DB) DeleteBrand(ctx context.Context, uid ident.UID, check func(version int) error) error {
	return db.tx(ctx, "delete a brand", func(tx pgx.Tx) error {
		if err := lockSenders(ctx, tx); err != nil {
			return err
		}
		b, err := scanBrand(tx.QueryRow(ctx, `SELECT `+brandColumns+` FROM brand b WHERE b.uid = $1 FOR UPDATE OF b`, uid))
		if err != nil {
			return missing(err, noBrand)
		}
		if err := check(b.Version); err != nil {
			return err
		}
		needed, err := brandNeeded(ctx, tx, b.ID)
		if err != nil {
			return err
		}
		if needed {
			return fault.New(fault.Conflict, "in_use", "Publications are of this brand, or one of its senders has no postal address of its own.")
		}
		if err := removeBrand(ctx, tx, b.ID); err != nil {
			return err
		}
		return record(ctx, tx, "brand", "delete", uid, nil)
	})
}

// removeBrand frees the senders of a brand, and removes it.
func removeBrand(ctx context.Context, tx pgx.Tx, id int32) error {
	if _, err := tx.Exec(ctx, `UPDATE brand SET sender_id = NULL WHERE id = $1`, id); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE sender_identity SET brand_id = NULL, version = version + 1 WHERE brand_id = $1`, id); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM brand WHERE id = $1`, id)
	return err
}

// ListBrands is at most limit brands with ids above after, by id.
func (db *DB) ListBrands(ctx context.Context, after int64, limit int) ([]brand.Brand, error) {
	rows, err := db.pool.Query(ctx, `SELECT `+brandColumns+` FROM brand b WHERE b.id > $1 ORDER BY b.id LIMIT $2`, after, limit)
	if err != nil {
		return nil, translate(err, "list brands")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (brand.Brand, error) { return scanBrand(row) })
	return list, translate(err, "list brands")
}

// senderOfBrand is who something is from that names a brand: the sender that it names as well, which has to be the brand's, or
// the brand's default. What is wrong goes to f.
func senderOfBrand(ctx context.Context, q querier, f *fault.Fields, of, from ident.UID) (*int32, error) {
	var id, chosen *int32
	var known, own bool
	err := q.QueryRow(ctx, `
		SELECT b.sender_id, s.id, s.id IS NOT NULL, s.brand_id IS NOT DISTINCT FROM b.id
		FROM brand b LEFT JOIN sender_identity s ON s.uid = $2 WHERE b.uid = $1`, of, optionalUID(from)).Scan(&id, &chosen, &known, &own)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		f.Add("/brand_id", "unknown_brand", "does not exist")
		return nil, nil //nolint:nilnil // said in f
	case err != nil:
		return nil, err
	case from.IsZero() && id == nil:
		f.Add("/brand_id", "no_default_sender", "has no default sender: name one of its senders")
	case from.IsZero():
		return id, nil
	case !known:
		f.Add("/sender_id", "unknown_sender", "does not exist")
	case !own:
		f.Add("/sender_id", "other_brand", "does not belong to this brand")
	}
	return chosen, nil
}
