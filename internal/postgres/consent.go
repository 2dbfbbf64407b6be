package postgres

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/tally"
)

// consenting says in a transaction, before it changes subscribers, where the change comes from: the Act that ctx carries, or
// else a source. The database writes the entries of the record by itself (migration 0032), so that there is no change without.
func consenting(ctx context.Context, tx pgx.Tx, otherwise consent.Source) error {
	act := consent.Of(ctx, otherwise)
	said := map[string]string{"source": string(act.Source), "actor": audit.Actor(ctx)}
	for name, text := range map[string]string{
		"granted": string(act.Granted), "withdrawn": string(act.Withdrawn), "ip": act.IP,
		"user_agent": act.UserAgent[:min(len(act.UserAgent), consent.MaxUserAgent)],
	} {
		if text != "" {
			said[name] = text
		}
	}
	if act.Text != nil {
		hash := act.Text.Hash()
		said["text"] = hex.EncodeToString(hash[:])
		if err := keepText(ctx, tx, *act.Text); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, `SELECT set_config('presswork.consent', $1, true)`, encoded(said)); err != nil {
		return fmt.Errorf("say where consent comes from: %w", err)
	}
	return nil
}

// keepText keeps what was shown, once for all who were shown it.
func keepText(ctx context.Context, tx pgx.Tx, t consent.Text) error {
	hash := t.Hash()
	_, err := tx.Exec(ctx, `INSERT INTO consent_text (hash, language, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		hash[:], t.Language, t.Body)
	if err != nil {
		return fmt.Errorf("keep a text of consent: %w", err)
	}
	return nil
}

// ConsentHistory is at most limit entries of a subscriber's record with ids below before (0: from the newest on), newest
// first. Of who was forgotten there are entries as well. It is empty for who never was.
func (db *DB) ConsentHistory(ctx context.Context, uid ident.UID, before int64, limit int) ([]consent.Entry, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	rows, err := db.pool.Query(ctx, `
		SELECT c.id, c.at, c.subscriber, c.event, c.status, c.topics, c.channels_off, c.source, c.actor, c.text_hash,
		       coalesce(t.language, ''), coalesce(t.body, ''), c.detail
		FROM consent c LEFT JOIN consent_text t ON t.hash = c.text_hash
		WHERE c.subscriber = $1 AND c.id < $2 ORDER BY c.id DESC LIMIT $3`, uid, before, limit)
	if err != nil {
		return nil, translate(err, "read a record of consent")
	}
	list, err := pgx.CollectRows(rows, scanConsent)
	return list, translate(err, "read a record of consent")
}

// TotalConsent is how many entries a subscriber's record has.
func (db *DB) TotalConsent(ctx context.Context, uid ident.UID) (tally.Total, error) {
	return db.total(ctx, `FROM consent WHERE subscriber = $1`, uid)
}

func scanConsent(row pgx.CollectableRow) (consent.Entry, error) {
	var e consent.Entry
	var detail *string
	err := row.Scan(&e.ID, &e.At, &e.Subscriber, &e.Event, &e.Status, &e.Topics, &e.ChannelsOff, &e.Source, &e.By, &e.TextHash,
		&e.Text.Language, &e.Text.Body, &detail)
	if err != nil || detail == nil {
		return e, err
	}
	e.Detail = &consent.Detail{}
	if err := json.Unmarshal([]byte(*detail), e.Detail); err != nil {
		return e, fmt.Errorf("read what an entry holds of a person: %w", err)
	}
	return e, nil
}
