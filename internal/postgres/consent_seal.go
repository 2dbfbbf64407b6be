package postgres

import (
	"context"
	"math"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/chain"
	"github.com/presswork/presswork/internal/consent"
)

// consentLock lets one process at a time seal blocks. The number is arbitrary.
const consentLock = 7_052_414_311

// ConsentLog is the record of consent as it is sealed, and as it is verified. It is kept for ever.
func (db *DB) ConsentLog() *ChainedLog[consent.Row] {
	return &ChainedLog[consent.Row]{pool: db.pool, tx: db.tx, chain: db.consents, name: "record of consent", table: "consent", lock: consentLock,
		blocks: consentBlocks{}, rows: consentRows}
}

// ConsentHorizon is how far the record can be sealed; see ChainedLog.Horizon.
func (db *DB) ConsentHorizon(ctx context.Context) (chain.Horizon, error) {
	return db.ConsentLog().Horizon(ctx)
}

// SealConsent seals the next entries; see ChainedLog.Seal.
func (db *DB) SealConsent(ctx context.Context, h chain.Horizon) (more, reached bool, err error) {
	return db.ConsentLog().Seal(ctx, h)
}

// ConsentBacklog is what is not sealed yet.
func (db *DB) ConsentBacklog(ctx context.Context) (chain.Backlog, error) {
	return db.ConsentLog().Backlog(ctx)
}

// consentRows are at most limit entries with ids from first to last, in the form in which they are sealed.
func consentRows(ctx context.Context, q querier, first, last int64, limit int) ([]consent.Row, error) {
	rows, err := q.Query(ctx, `
		SELECT id, CASE WHEN isfinite(at) THEN (extract(epoch FROM at) * 1000000)::bigint ELSE -9223372036854775808 END,
		       subscriber_id, uuid_send(subscriber), event, status, topics, channels_off, source, actor, text_hash, commitment
		FROM consent WHERE id BETWEEN $1 AND $2 ORDER BY id LIMIT $3`, first, last, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (consent.Row, error) {
		var r consent.Row
		err := row.Scan(&r.ID, &r.At, &r.SubscriberID, &r.Subscriber, &r.Event, &r.Status, &r.Topics, &r.ChannelsOff, &r.Source, &r.By,
			&r.TextHash, &r.Commitment)
		return r, err
	})
}

// consentBlocks are the blocks of the record of consent.
type consentBlocks struct{}

const selectConsentBlock = `SELECT n, first_id, last_id, entries, previous, hash, key_id, sealed_at FROM consent_block `

func (consentBlocks) newest(ctx context.Context, q querier) (chain.Block, error) {
	return scanBlock(q.QueryRow(ctx, selectConsentBlock+`ORDER BY n DESC LIMIT 1`))
}

func (consentBlocks) first(ctx context.Context, q querier, above int64) (chain.Block, error) {
	return scanBlock(q.QueryRow(ctx, selectConsentBlock+`WHERE n > $1 ORDER BY n LIMIT 1`, above))
}

func (consentBlocks) used(ctx context.Context, q querier, key chain.KeyID) (used bool, err error) {
	err = q.QueryRow(ctx, `SELECT EXISTS (SELECT FROM consent_block WHERE key_id = $1)`, key[:]).Scan(&used)
	return used, err
}

func (consentBlocks) insert(ctx context.Context, tx pgx.Tx, b chain.Block) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO consent_block (n, first_id, last_id, events, entries, previous, hash, key_id, sealed_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, blockValues(b)...)
	return err
}

// anchor is always zero: nothing is removed.
func (consentBlocks) anchor(context.Context, querier) (chain.Anchor, error) {
	return chain.Anchor{}, nil
}

func (consentBlocks) unsealed(ctx context.Context, q querier, last int64, limit int) (n int64, err error) {
	err = q.QueryRow(ctx, `SELECT count(*) FROM (SELECT FROM consent WHERE id > $1 LIMIT $2) e`, last, limit).Scan(&n)
	return n, err
}

func (consentBlocks) backlog(ctx context.Context, q querier) (b chain.Backlog, err error) {
	err = q.QueryRow(ctx, `
		WITH sealed AS MATERIALIZED (SELECT coalesce((SELECT last_id FROM consent_block ORDER BY n DESC LIMIT 1), 0) AS last)
		SELECT greatest(coalesce((SELECT id FROM consent ORDER BY id DESC LIMIT 1), 0) - last, 0),
		       coalesce((SELECT greatest(clock_timestamp() - at, interval '0') FROM consent
		                 WHERE id > last AND isfinite(at) ORDER BY id LIMIT 1), interval '0')
		FROM sealed`).Scan(&b.Events, &b.Age)
	return b, err
}

// detailPage is how many entries one statement looks at.
const detailPage = 50_000

// WrongDetails are the ids of the first entries, at most limit of them, of which what they hold of a person is not what they
// have the commitment to, or is gone though the person was not erased.
func (db *DB) WrongDetails(ctx context.Context, limit int) ([]int64, error) {
	wrong := []int64{}
	for last := int64(math.MinInt64); len(wrong) < limit; {
		var found []int64
		var next *int64
		err := db.pool.QueryRow(ctx, `
			WITH page AS MATERIALIZED (SELECT id, subscriber, event, commitment, salt, detail FROM consent WHERE id > $1 ORDER BY id LIMIT $2)
			SELECT max(id), coalesce(array_agg(id ORDER BY id) FILTER (WHERE
			           CASE WHEN detail IS NULL OR salt IS NULL THEN NOT EXISTS (SELECT FROM consent e WHERE e.subscriber = page.subscriber AND e.event IN ('erased', 'expired'))
			                ELSE sha256(salt || convert_to(detail, 'UTF8')) <> commitment END), '{}')
			FROM page`, last, detailPage).Scan(&next, &found)
		if err != nil {
			return nil, translate(err, "compare what entries hold with their commitments")
		}
		if next == nil {
			break
		}
		wrong, last = append(wrong, found...), *next
	}
	return wrong[:min(len(wrong), limit)], nil
}
