package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/eligibility"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

const policyColumns = `coalesce(quiet_from, 0), coalesce(quiet_to, 0), digest_minute, digest_weekday, digest_template, version, updated_at`

// DeliveryPolicy is what the organisation says of when readers may be sent to, and how much.
func (db *DB) DeliveryPolicy(ctx context.Context) (eligibility.Policy, error) {
	p, err := readPolicy(ctx, db.pool)
	return p, translate(err, "read the delivery policy")
}

func readPolicy(ctx context.Context, q querier) (p eligibility.Policy, err error) {
	if err := q.QueryRow(ctx, `SELECT `+policyColumns+` FROM delivery_policy`).Scan(&p.Quiet.From, &p.Quiet.To, &p.Digest.Minute, &p.Digest.Weekday, &p.DigestTemplate, &p.Version, &p.UpdatedAt); err != nil {
		return p, err
	}
	p.Caps, err = readCaps(ctx, q)
	return p, err
}

// ChangeDeliveryPolicy replaces the policy. check is asked first and may refuse. It returns Invalid if there is no such topic or
// template.
// Who decides about a reader reads the policy each time, so it holds from the commit on. What is held by the old one is looked at
// again soon.
func (db *DB) ChangeDeliveryPolicy(ctx context.Context, p eligibility.Policy, check func(version int) error) (eligibility.Policy, error) {
	err := db.tx(ctx, "change the delivery policy", func(tx pgx.Tx) error {
		var version int
		if err := tx.QueryRow(ctx, `SELECT version FROM delivery_policy FOR NO KEY UPDATE`).Scan(&version); err != nil {
			return err
		}
		if err := check(version); err != nil {
			return err
		}
		caps, err := storedCaps(ctx, tx, p.Caps)
		if err != nil {
			return err
		}
		if err := knownDigestTemplate(ctx, tx, p.DigestTemplate); err != nil {
			return err
		}
		var from, to *int
		if !p.Quiet.None() {
			from, to = &p.Quiet.From, &p.Quiet.To
		}
		if _, err := tx.Exec(ctx, `
			UPDATE delivery_policy SET quiet_from = $1, quiet_to = $2, caps = $3, digest_minute = $4, digest_weekday = $5, digest_template = $6,
			       reconsider = '{0, 0, 0}', version = version + 1, updated_at = clock_timestamp()`,
			from, to, caps, p.Digest.Minute, p.Digest.Weekday, p.DigestTemplate); err != nil {
			return err
		}
		if p, err = readPolicy(ctx, tx); err != nil {
			return err
		}
		return record(ctx, tx, "delivery_policy", "update", ident.UID{}, map[string]any{"version": p.Version})
	})
	return p, err
}

// knownDigestTemplate refuses a name that no template of mail has.
func knownDigestTemplate(ctx context.Context, tx pgx.Tx, name string) error {
	if name == "" {
		return nil
	}
	var known bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM template WHERE name = $1 AND channel IN ('email', 'newsletter'))`, name).Scan(&known)
	if err != nil || known {
		return err
	}
	var problems fault.Fields
	problems.Add("/digest_template", "unknown_template", "does not exist")
	return problems.Err()
}

// storedCap is a cap as the column has it; topic 0 is everything.
type storedCap struct {
	Topic int32 `json:"topic"`
	Limit int   `json:"limit"`
	Hours int   `json:"hours"`
}

// storedCaps names topics by their ids.
func storedCaps(ctx context.Context, tx pgx.Tx, list []eligibility.Cap) ([]storedCap, error) {
	var slugs []string
	for _, c := range list {
		if c.Slug != "" {
			slugs = append(slugs, c.Slug)
		}
	}
	ids, err := topicIDs(ctx, tx, slugs)
	if err != nil {
		return nil, err
	}
	var problems fault.Fields
	stored := make([]storedCap, len(list))
	for i, c := range list {
		stored[i] = storedCap{Topic: ids[c.Slug], Limit: c.Limit, Hours: int(c.Window / time.Hour)}
		if c.Slug != "" && stored[i].Topic == 0 {
			problems.Add(fmt.Sprintf("/caps/%d/topic", i), "unknown_topic", "does not exist")
		}
	}
	return stored, problems.Err()
}
