package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/subscriber"
	"github.com/presswork/presswork/internal/tally"
	"github.com/presswork/presswork/internal/webhook"
)

// countCost is how much the planner may expect of a count, in its own units: some tens of milliseconds.
const countCost = 20_000

// enough is tally.Most rows and one more, which says that there are more.
const enough = ` LIMIT 10001`

// total is how many rows there are of what follows SELECT and its columns. Up to tally.Most they are counted, where that costs
// little; else they are what the planner expects, which costs a millisecond however many there are.
func (db *DB) total(ctx context.Context, from string, args ...any) (tally.Total, error) {
	bounded := `SELECT 1 ` + from + enough
	args = append([]any{plannedEachTime}, args...)
	cost, expected, err := db.expected(ctx, bounded, args)
	if err != nil {
		return tally.Total{}, translate(err, "estimate how many there are")
	}
	if cost > countCost {
		return tally.Total{N: expected, Estimate: true}, nil
	}
	var n int64
	if err := db.pool.QueryRow(ctx, `SELECT count(*) FROM (`+bounded+`) AS counted`, args...).Scan(&n); err != nil {
		return tally.Total{}, translate(err, "count how many there are")
	}
	if n <= tally.Most {
		return tally.Total{N: n}, nil
	}
	return tally.Total{N: max(n, expected), Estimate: true}, nil
}

// expected is what the planner says of a statement that ends with a limit: what it costs, and how many rows there would be
// without the limit.
func (db *DB) expected(ctx context.Context, bounded string, args []any) (cost float64, rows int64, err error) {
	var text []byte
	if err := db.pool.QueryRow(ctx, `EXPLAIN (FORMAT JSON) `+bounded, args...).Scan(&text); err != nil {
		return 0, 0, err
	}
	type plan struct {
		Cost  float64 `json:"Total Cost"`
		Rows  float64 `json:"Plan Rows"`
		Below []struct {
			Rows float64 `json:"Plan Rows"`
		} `json:"Plans"`
	}
	var plans []struct{ Plan plan }
	if err := json.Unmarshal(text, &plans); err != nil {
		return 0, 0, fmt.Errorf("read a plan: %w", err)
	}
	if len(plans) != 1 {
		return 0, 0, errors.New("a statement has no plan")
	}
	p := plans[0].Plan
	if len(p.Below) > 0 {
		return p.Cost, int64(p.Below[0].Rows), nil
	}
	return p.Cost, int64(p.Rows), nil // the filter can let nothing through
}

// TotalTopics is how many there are; so are the others, each for the filter of its list.
func (db *DB) TotalTopics(ctx context.Context) (tally.Total, error) {
	return db.total(ctx, `FROM topic`)
}

// TotalSubscribers leaves deleted ones out.
func (db *DB) TotalSubscribers(ctx context.Context, f subscriber.Filter) (tally.Total, error) {
	args, err := db.filterArgs(ctx, f)
	if err != nil {
		return tally.Total{}, err
	}
	return db.total(ctx, `FROM subscriber s WHERE `+filterSubscribers, args...)
}

// TotalContents counts content items.
func (db *DB) TotalContents(ctx context.Context) (tally.Total, error) {
	return db.total(ctx, `FROM content`)
}

// TotalTemplates counts templates.
func (db *DB) TotalTemplates(ctx context.Context) (tally.Total, error) {
	return db.total(ctx, `FROM template`)
}

// TotalAssets counts files.
func (db *DB) TotalAssets(ctx context.Context) (tally.Total, error) {
	return db.total(ctx, `FROM asset`)
}

// TotalSenders counts sender identities.
func (db *DB) TotalSenders(ctx context.Context) (tally.Total, error) {
	return db.total(ctx, `FROM sender_identity`)
}

// TotalBrands counts brands.
func (db *DB) TotalBrands(ctx context.Context) (tally.Total, error) {
	return db.total(ctx, `FROM brand`)
}

// TotalKeys counts API keys, revoked ones too.
func (db *DB) TotalKeys(ctx context.Context) (tally.Total, error) {
	return db.total(ctx, `FROM api_key`)
}

// TotalChannels counts channels.
func (s *Channels) TotalChannels(ctx context.Context) (tally.Total, error) {
	return s.db.total(ctx, `FROM channel`)
}

// TotalPublications counts publications, wherever the page begins.
func (db *DB) TotalPublications(ctx context.Context, f publication.Filter) (tally.Total, error) {
	return db.total(ctx, `
		FROM publication WHERE (NOT message OR $5) AND ($1::text[] IS NULL OR state = ANY($1)) AND ($2::text[] IS NULL OR type = ANY($2))
		  AND ($3::timestamptz IS NULL OR created_at >= $3) AND ($4::text = '' OR approval IS NOT NULL AND approval ->> 'state' = $4)`,
		f.States, f.Types, optionalTime(f.Since), string(f.Approval), f.Messages())
}

// TotalVersions counts the versions of a publication.
func (db *DB) TotalVersions(ctx context.Context, uid ident.UID) (tally.Total, error) {
	return db.total(ctx, `
		FROM publication p, LATERAL (SELECT 1 UNION ALL SELECT 1 FROM publication_version WHERE publication_id = p.id) v
		WHERE p.uid = $1`, uid)
}

// TotalRecipients counts a publication's deliveries.
func (db *DB) TotalRecipients(ctx context.Context, uid ident.UID, f delivery.Find) (tally.Total, error) {
	id, err := db.PublicationID(ctx, uid)
	if err != nil {
		return tally.Total{}, err
	}
	return db.total(ctx, `
		FROM delivery WHERE publication_id = $1 AND ($2::smallint = 0 OR channel_id = $2)
		  AND ($3::smallint[] IS NULL OR state = ANY($3)) AND ($4::smallint[] IS NULL OR reason = ANY($4))`,
		id, f.Channel, numbers(f.States), numbers(f.Reasons))
}

// TotalSuppressions counts the entries of the suppression list.
func (db *DB) TotalSuppressions(ctx context.Context) (tally.Total, error) {
	return db.total(ctx, `FROM suppression`)
}

// TotalAudit counts the events of the audit log.
func (db *DB) TotalAudit(ctx context.Context, f audit.Filter) (tally.Total, error) {
	return db.total(ctx, `FROM audit_event WHERE ($7::uuid IS NULL OR entity_uid = $7) AND `+auditFilter,
		append(auditArgs(f), optionalUID(f.EntityUID))...)
}

// TotalDeadLetters counts dead letters.
func (db *DB) TotalDeadLetters(ctx context.Context, f delivery.DeadFilter) (tally.Total, error) {
	args, err := deadArgs(f)
	if err != nil {
		return tally.Total{}, err
	}
	return db.total(ctx, deadMatches, args...)
}

// TotalReplays counts replays.
func (db *DB) TotalReplays(ctx context.Context) (tally.Total, error) {
	return db.total(ctx, `FROM replay`)
}

// TotalUncertain counts who is uncertain.
func (db *DB) TotalUncertain(ctx context.Context, f delivery.UncertainFilter) (tally.Total, error) {
	return db.total(ctx, uncertainNow, uncertainArgs(f)...)
}

// TotalEndpoints counts webhook endpoints.
func (s *Webhooks) TotalEndpoints(ctx context.Context) (tally.Total, error) {
	return s.db.total(ctx, `FROM webhook_endpoint`)
}

// TotalWebhooks counts the events that an endpoint was to be told of.
func (s *Webhooks) TotalWebhooks(ctx context.Context, endpoint ident.UID, f webhook.Filter) (tally.Total, error) {
	id, err := s.key(ctx, s.db.pool, endpoint)
	if err != nil {
		return tally.Total{}, err
	}
	return s.db.total(ctx, `
		FROM webhook_message m JOIN webhook_event v ON v.id = m.event
		WHERE m.endpoint = $1 AND ($2::text = '' OR m.state = $2) AND ($3::text = '' OR v.type = $3)
		  AND ($4::timestamptz IS NULL OR v.occurred_at >= $4) AND ($5::timestamptz IS NULL OR v.occurred_at < $5)`,
		id, string(f.State), string(f.Type), f.Since, f.Until)
}
