package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/auth"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

const (
	noKey    = "There is no such API key."
	takenKey = "There is an API key with this name already."
)

// CreateKey stores a key with its first secret. It returns Conflict if the name of a key that was not revoked exists.
func (db *DB) CreateKey(ctx context.Context, k auth.Key, prefix string, hash auth.Hash) (auth.Key, error) {
	k.UID = ident.New()
	var stored auth.Key
	err := db.tx(ctx, "create an API key", func(tx pgx.Tx) (err error) {
		err = tx.QueryRow(ctx, `
			INSERT INTO api_key (uid, name, role, scopes, rate_per_hour, expires_at, created_by)
			VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id`,
			k.UID, k.Name, string(k.Role), scopeTexts(k.Scopes), k.RatePerHour, k.ExpiresAt, k.CreatedBy).Scan(&k.ID)
		if err != nil {
			return taken(err, takenKey)
		}
		if err := insertSecret(ctx, tx, k.ID, prefix, hash); err != nil {
			return err
		}
		if stored, err = keyIn(ctx, tx, k.UID); err != nil {
			return err
		}
		return record(ctx, tx, "api_key", "create", k.UID, map[string]any{
			"role": k.Role, "scopes": scopeTexts(k.Scopes), "prefix": prefix,
		})
	})
	return stored, err
}

// Key is the key with a uid, revoked ones too, or NotFound.
func (db *DB) Key(ctx context.Context, uid ident.UID) (auth.Key, error) {
	k, err := scanKey(db.pool.QueryRow(ctx, selectKey+` WHERE k.uid = $1`, uid))
	return k, translate(missing(err, noKey), "read an API key")
}

// ListKeys is at most limit keys with ids above after, by id, revoked ones too.
func (db *DB) ListKeys(ctx context.Context, after int64, limit int) ([]auth.Key, error) {
	rows, err := db.pool.Query(ctx, selectKey+` WHERE k.id > $1 ORDER BY k.id LIMIT $2`, after, limit)
	if err != nil {
		return nil, translate(err, "list API keys")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (auth.Key, error) { return scanKey(row) })
	return list, translate(err, "list API keys")
}

// UpdateKey changes what a key is; its secrets stay. change gets the key as it is, locked, and may refuse. It returns
// NotFound, and Conflict if the key was revoked or the name exists.
func (db *DB) UpdateKey(ctx context.Context, uid ident.UID, change func(auth.Key) (auth.Key, error)) (auth.Key, error) {
	var k auth.Key
	err := db.tx(ctx, "update an API key", func(tx pgx.Tx) error {
		before, err := lockKey(ctx, tx, uid)
		if err != nil {
			return err
		}
		after, err := change(before)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE api_key SET name = $2, role = $3, scopes = $4, rate_per_hour = $5, expires_at = $6,
			       version = version + 1, updated_at = clock_timestamp()
			WHERE id = $1`,
			before.ID, after.Name, string(after.Role), scopeTexts(after.Scopes), after.RatePerHour, after.ExpiresAt)
		if err != nil {
			return taken(err, takenKey)
		}
		if k, err = keyIn(ctx, tx, uid); err != nil {
			return err
		}
		return record(ctx, tx, "api_key", "update", uid, map[string]any{
			"fields": changedFields(before, k), "role": k.Role, "scopes": scopeTexts(k.Scopes),
		})
	})
	return k, err
}

// RotateKey adds a secret; those that are there end after overlap, or when they would have. check gets the key first and
// may refuse. It returns NotFound, and Conflict if the key was revoked.
func (db *DB) RotateKey(
	ctx context.Context, uid ident.UID, overlap time.Duration, prefix string, hash auth.Hash, check func(auth.Key) error,
) (auth.Key, error) {
	var k auth.Key
	err := db.tx(ctx, "rotate an API key", func(tx pgx.Tx) error {
		before, err := lockKey(ctx, tx, uid)
		if err != nil {
			return err
		}
		if err := check(before); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM api_key_secret WHERE key_id = $1 AND expires_at <= clock_timestamp()`, before.ID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			UPDATE api_key_secret SET expires_at = least(expires_at, clock_timestamp() + make_interval(secs => $2))
			WHERE key_id = $1`, before.ID, overlap.Seconds()); err != nil {
			return err
		}
		if err := insertSecret(ctx, tx, before.ID, prefix, hash); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			UPDATE api_key SET version = version + 1, updated_at = clock_timestamp() WHERE id = $1`, before.ID); err != nil {
			return err
		}
		if k, err = keyIn(ctx, tx, uid); err != nil {
			return err
		}
		return record(ctx, tx, "api_key", "rotate", uid, map[string]any{"prefix": prefix, "overlap_seconds": overlap.Seconds()})
	})
	return k, err
}

// RevokeKey ends a key for good: within a second nothing opens it. check gets the key first and may refuse. It returns
// NotFound; a key that was revoked before stays as it is.
func (db *DB) RevokeKey(ctx context.Context, uid ident.UID, check func(auth.Key) error) error {
	return db.tx(ctx, "revoke an API key", func(tx pgx.Tx) error {
		k, err := lockKey(ctx, tx, uid)
		switch {
		case fault.Is(err, fault.Conflict):
			return nil
		case err != nil:
			return err
		}
		if err := check(k); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE api_key SET revoked_at = clock_timestamp(), updated_at = clock_timestamp(), version = version + 1
			WHERE id = $1`, k.ID)
		if err != nil {
			return err
		}
		return record(ctx, tx, "api_key", "revoke", uid, nil)
	})
}

// lockKey is a key that was not revoked, locked until tx ends.
func lockKey(ctx context.Context, tx pgx.Tx, uid ident.UID) (auth.Key, error) {
	if err := tx.QueryRow(ctx, `SELECT id FROM api_key WHERE uid = $1 FOR UPDATE`, uid).Scan(new(int64)); err != nil {
		return auth.Key{}, missing(err, noKey)
	}
	k, err := keyIn(ctx, tx, uid)
	if err == nil && k.RevokedAt != nil {
		err = fault.New(fault.Conflict, "key_revoked", "This API key was revoked.")
	}
	return k, err
}

func keyIn(ctx context.Context, tx pgx.Tx, uid ident.UID) (auth.Key, error) {
	return scanKey(tx.QueryRow(ctx, selectKey+` WHERE k.uid = $1`, uid))
}

func insertSecret(ctx context.Context, tx pgx.Tx, key int64, prefix string, hash auth.Hash) error {
	_, err := tx.Exec(ctx, `INSERT INTO api_key_secret (prefix, key_id, hash) VALUES ($1, $2, $3)`, prefix, key, hash[:])
	return err
}

// selectKey has the secrets that may still open something, the newest first.
const selectKey = `
SELECT k.id, k.uid, k.name, k.role, k.scopes, k.rate_per_hour, k.expires_at, k.version, k.created_by,
       k.created_at, k.updated_at, k.last_used_at, k.revoked_at,
       coalesce((SELECT jsonb_agg(jsonb_build_object('Prefix', s.prefix, 'CreatedAt', s.created_at, 'ExpiresAt', s.expires_at)
                        ORDER BY s.created_at DESC)
                 FROM api_key_secret s
                 WHERE s.key_id = k.id AND (s.expires_at IS NULL OR s.expires_at > clock_timestamp())), '[]')
FROM api_key k`

func scanKey(row pgx.Row) (auth.Key, error) {
	var k auth.Key
	var scopes []string
	err := row.Scan(&k.ID, &k.UID, &k.Name, &k.Role, &scopes, &k.RatePerHour, &k.ExpiresAt, &k.Version, &k.CreatedBy,
		&k.CreatedAt, &k.UpdatedAt, &k.LastUsedAt, &k.RevokedAt, &k.Secrets)
	k.Scopes = readScopes(scopes)
	return k, err
}

// scopeTexts keeps nil apart from empty: all of the role's from nothing.
func scopeTexts(list []auth.Permission) []string {
	if list == nil {
		return nil
	}
	texts := make([]string, 0, len(list))
	for _, p := range list {
		texts = append(texts, p.String())
	}
	return texts
}

// readScopes leaves out what this build does not know: a newer one may have stored it.
func readScopes(texts []string) []auth.Permission {
	if texts == nil {
		return nil
	}
	list := make([]auth.Permission, 0, len(texts))
	for _, text := range texts {
		if p, known := auth.ParsePermission(text); known {
			list = append(list, p)
		}
	}
	return list
}

// changedFields names what an update changed.
func changedFields(before, after auth.Key) []string {
	var names []string
	for name, changed := range map[string]bool{
		"name": before.Name != after.Name, "role": before.Role != after.Role,
		"scopes":        !slices.Equal(before.Scopes, after.Scopes) || (before.Scopes == nil) != (after.Scopes == nil),
		"rate_per_hour": before.RatePerHour != after.RatePerHour, "expires_at": !sameTime(before.ExpiresAt, after.ExpiresAt),
	} {
		if changed {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func sameTime(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}
