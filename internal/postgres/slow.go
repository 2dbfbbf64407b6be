package postgres

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"
)

// slowTracer logs statements, and batches of them, that took longer than slow. Parameters are personal data: they are not logged.
type slowTracer struct {
	log  *zap.Logger
	slow time.Duration
}

type startedKey struct{}

type started struct {
	sql string
	at  time.Time
}

// TraceQueryStart notes when the statement began.
func (slowTracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	return context.WithValue(ctx, startedKey{}, started{sql: q.SQL, at: time.Now()})
}

type batchKey struct{}

type startedBatch struct {
	batch *pgx.Batch
	at    time.Time
}

// TraceBatchStart notes when a batch began.
func (slowTracer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, b pgx.TraceBatchStartData) context.Context {
	return context.WithValue(ctx, batchKey{}, startedBatch{b.Batch, time.Now()})
}

// TraceBatchQuery notes nothing: the server answers all statements of a batch together, so that none has a time of its own.
func (slowTracer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd logs the batch if it was slow.
func (t slowTracer) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, e pgx.TraceBatchEndData) {
	s, ok := ctx.Value(batchKey{}).(startedBatch)
	if !ok {
		return
	}
	if took := time.Since(s.at); took > t.slow {
		t.log.Warn("slow statement", zap.Duration("took", took), zap.String("sql", statementsOf(s.batch)), zap.Bool("failed", e.Err != nil))
	}
}

// statementsOf is each statement of a batch once, in the order in which they first come.
func statementsOf(b *pgx.Batch) string {
	var different []string
	for _, q := range b.QueuedQueries {
		if !slices.Contains(different, q.SQL) {
			different = append(different, q.SQL)
		}
	}
	return strings.Join(different, ";\n")
}

// TraceQueryEnd logs the statement if it was slow.
func (t slowTracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryEndData) {
	s, ok := ctx.Value(startedKey{}).(started)
	if !ok {
		return
	}
	if took := time.Since(s.at); took > t.slow {
		t.log.Warn("slow statement", zap.Duration("took", took), zap.String("sql", s.sql),
			zap.Bool("failed", q.Err != nil))
	}
}
