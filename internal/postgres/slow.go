package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"
)

// slowTracer logs statements that took longer than slow. Parameters are personal data: they are not logged.
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
