package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/domaincheck"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/tally"
)

// NoteSenderCheck keeps what was found out about a sender's domain, in place of what was before. It returns NotFound.
func (db *DB) NoteSenderCheck(ctx context.Context, uid ident.UID, r domaincheck.Report) error {
	return db.tx(ctx, "keep a check of a sender", func(tx pgx.Tx) error {
		var id int32
		if err := tx.QueryRow(ctx, `SELECT id FROM sender_identity WHERE uid = $1 FOR KEY SHARE`, uid).Scan(&id); err != nil {
			return missing(err, noSender)
		}
		if _, err := tx.Exec(ctx, `
			INSERT INTO sender_check (sender_id, domain, level, findings, checked_at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (sender_id) DO UPDATE SET domain = excluded.domain, level = excluded.level, findings = excluded.findings,
			   checked_at = excluded.checked_at`, id, r.Domain, string(r.Worst()), r.Findings, r.At); err != nil {
			return err
		}
		return record(ctx, tx, "sender", "verify", uid, map[string]any{"level": string(r.Worst())})
	})
}

// SenderCheck is what was last found out about the domain of a sender, or NotFound if nobody has looked since the address is
// of that domain.
func (db *DB) SenderCheck(ctx context.Context, uid ident.UID, domain string) (domaincheck.Report, error) {
	var r domaincheck.Report
	err := db.pool.QueryRow(ctx, `
		SELECT c.domain, c.findings, c.checked_at FROM sender_check c JOIN sender_identity s ON s.id = c.sender_id
		WHERE s.uid = $1 AND c.domain = $2`, uid, domain).Scan(&r.Domain, &r.Findings, &r.At)
	return r, translate(missing(err, "Nobody has verified this sender."), "read a check of a sender")
}

// ofFailing are the senders of a domain of which something was found that has receivers refuse mail.
const ofFailing = ` FROM sender_check c JOIN sender_identity s ON s.id = c.sender_id
	WHERE c.level = 'failure' AND split_part(s.from_email, '@', 2) = c.domain`

// FailingSenders is how many senders are of a domain of which something was found that has receivers refuse mail.
func (db *DB) FailingSenders(ctx context.Context) (n int64, err error) {
	err = db.pool.QueryRow(ctx, `SELECT count(*)`+ofFailing).Scan(&n)
	return n, translate(err, "count senders whose domain fails")
}

// ListFailingSenders is at most limit of them, with ids above after, by id.
func (db *DB) ListFailingSenders(ctx context.Context, after int64, limit int) ([]domaincheck.Sender, error) {
	rows, err := db.pool.Query(ctx, `SELECT s.id, s.uid, s.name, s.from_email, c.domain, c.findings, c.checked_at`+ofFailing+
		` AND s.id > $1 ORDER BY s.id LIMIT $2`, after, limit)
	if err != nil {
		return nil, translate(err, "list senders whose domain fails")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s domaincheck.Sender, err error) {
		err = row.Scan(&s.ID, &s.UID, &s.Name, &s.Email, &s.Domain, &s.Findings, &s.At)
		return s, err
	})
	return list, translate(err, "list senders whose domain fails")
}

// TotalFailingSenders is how many there are.
func (db *DB) TotalFailingSenders(ctx context.Context) (tally.Total, error) {
	return db.total(ctx, ofFailing)
}
