package postgres

import (
	"context"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/auth"
)

// KeyByPrefix is what a secret's prefix finds, revoked and expired keys included, or NotFound. Every request with an API
// key that was not seen within the last second asks for it: one look-up by two primary keys.
func (db *DB) KeyByPrefix(ctx context.Context, prefix string) (auth.Stored, error) {
	var s auth.Stored
	var scopes []string
	var hash []byte
	err := db.pool.QueryRow(ctx, `
		SELECT k.id, k.uid, k.role, k.scopes, k.rate_per_hour, k.expires_at, k.revoked_at, s.hash, s.expires_at,
		       coalesce(least(k.expires_at, s.expires_at) <= clock_timestamp(), false)
		FROM api_key_secret s JOIN api_key k ON k.id = s.key_id WHERE s.prefix = $1`, prefix).
		Scan(&s.Key.ID, &s.Key.UID, &s.Key.Role, &scopes, &s.Key.RatePerHour, &s.Key.ExpiresAt, &s.Key.RevokedAt, &hash, &s.SecretExpiresAt, &s.Ended)
	s.Key.Scopes = readScopes(scopes)
	copy(s.Hash[:], hash)
	return s, translate(err, "look an API key up")
}

// TouchKeys notes that keys were used just now, unless another process did so within the last minute. It may be repeated.
func (db *DB) TouchKeys(ctx context.Context, ids []int64) error {
	_, err := db.pool.Exec(ctx, `
		UPDATE api_key SET last_used_at = clock_timestamp()
		WHERE id = ANY($1) AND (last_used_at IS NULL OR last_used_at < clock_timestamp() - interval '1 minute')`, ids)
	return translate(err, "note the use of API keys")
}

// RecordFailures writes failed authentications into the audit log. Repeating it doubles them.
func (db *DB) RecordFailures(ctx context.Context, list []auth.Failure) error {
	correlations, changes := make([]string, 0, len(list)), make([]map[string]string, 0, len(list))
	for _, f := range list {
		correlations = append(correlations, f.CorrelationID)
		change := map[string]string{"reason": string(f.Reason)}
		for name, value := range map[string]string{"credential": f.Credential, "address": f.Address} {
			if value != "" {
				change[name] = value
			}
		}
		changes = append(changes, change)
	}
	_, err := db.pool.Exec(ctx, `
		INSERT INTO audit_event (actor, action, entity, correlation_id, changes)
		SELECT $1, 'authentication.fail', 'authentication', f.correlation, f.changes
		FROM unnest($2::text[], $3::jsonb[]) AS f (correlation, changes)`, audit.Anonymous, correlations, changes)
	return translate(err, "record failed authentications")
}
