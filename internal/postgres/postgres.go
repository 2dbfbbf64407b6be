// Package postgres is the record: all SQL of Presswork, a file per aggregate. It is the only importer of
// pgx; nothing above it knows the driver, and every error that leaves it is translated (error.go).
package postgres

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/eligibility"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/seal"
	"github.com/presswork/presswork/internal/suppression"
)

// Options of a pool.
type Options struct {
	// MaxConns per process; 20 unless told, 30 at most. The sum over processes has to stay below the
	// server's max_connections.
	MaxConns int
	// StatementTimeout bounds every statement of the pool; 10 s unless told.
	StatementTimeout time.Duration
	// BatchSize is how many recipients one send task has; 200 unless told.
	BatchSize int
	// Log gets statements slower than a second, without their parameters; nil for none.
	Log *zap.Logger
	// Tracer makes a span of every statement that belongs to a recorded trace; nil for none.
	Tracer trace.Tracer
	// Addresses makes the hashes of the suppression list; nil in a process that stores no subscribers and no feedback.
	Addresses *suppression.Hasher
	// Audit seals the audit log; nil in a process without SECRET_KEY.
	Audit *audit.Chain
	// Consent seals the record of consent; nil likewise.
	Consent *consent.Chain
	// Sealer keeps the addresses of people who are being erased; nil in a process without SECRET_KEY, which erases nobody.
	Sealer *seal.Sealer
	// Recall remembers what readers chose; nil: it is read each time.
	Recall Recall
	// Ended is told of each publication that this process ended, and how; nil for nobody. It must be quick.
	Ended func(publication.State)
	// Announced is told, after the commit, that there may be events for webhook endpoints; nil for nobody. It must not block.
	Announced func()
}

// DB is a pool of connections and every store on it.
type DB struct {
	pool   *pgxpool.Pool
	topics topicNames
	// zones are those of readers.
	zones eligibility.Zones
	// takers knows which events somebody listens to.
	takers takers
	// told counts what was announced, and announced is told of it after the commit; it may be nil.
	told      atomic.Uint64
	announced func()
	tracer    trace.Tracer // nil: no spans
	// addresses is nil where there is no SECRET_KEY.
	addresses *suppression.Hasher
	// chain is nil likewise.
	chain      *audit.Chain
	consents   *consent.Chain
	sealer     *seal.Sealer            // nil likewise
	recall     Recall                  // nil: nobody remembers
	observeEnd func(publication.State) // nil: nobody looks
	batchSize  int
	searchRows int // at most so many rows in a range of the search for people who are erased
}

// Open makes a pool. It does not wait for the server: see Ping.
func Open(ctx context.Context, url string, o Options) (*DB, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("read the database URL: %w", err)
	}
	config.MaxConns = int32(min(max(o.MaxConns, 0), 30))
	if config.MaxConns == 0 {
		config.MaxConns = 20
	}
	if o.StatementTimeout == 0 {
		o.StatementTimeout = 10 * time.Second
	}
	if o.BatchSize == 0 {
		o.BatchSize = batchSize
	}
	config.MaxConnLifetime = time.Hour
	config.MaxConnLifetimeJitter = 5 * time.Minute
	config.MaxConnIdleTime = 5 * time.Minute
	// A connection that lay idle is pinged before it is handed out (pgxpool does so after a second).
	config.ConnConfig.RuntimeParams["statement_timeout"] = fmt.Sprint(o.StatementTimeout.Milliseconds())
	config.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = "30000"
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "presswork"
	}
	config.ConnConfig.Tracer = tracerOf(o)
	config.AfterConnect = plainUIDs
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the database pool: %w", err)
	}
	return &DB{pool: pool, takers: takers{life: takersLife}, tracer: o.Tracer, addresses: o.Addresses, chain: o.Audit, consents: o.Consent, sealer: o.Sealer,
		recall: o.Recall, observeEnd: o.Ended, batchSize: o.BatchSize, searchRows: math.MaxInt32, announced: o.Announced}, nil
}

// Ping runs a statement, to prove that the database can be used.
func (db *DB) Ping(ctx context.Context) error {
	_, err := db.pool.Exec(ctx, `SELECT 1`)
	return translate(err, "ping the database")
}

// Close waits for borrowed connections and closes all.
func (db *DB) Close() { db.pool.Close() }

// Stat is the pool's use at this moment.
type Stat struct{ Acquired, Idle, Max int32 }

// Stat reads the pool's use.
func (db *DB) Stat() Stat {
	s := db.pool.Stat()
	return Stat{Acquired: s.AcquiredConns(), Idle: s.IdleConns(), Max: s.MaxConns()}
}

// querier is what a pool and a transaction have in common.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}
