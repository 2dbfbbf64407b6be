package reconcile

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/chain"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/postgres"
	"github.com/presswork/presswork/internal/testkit/dbtest"
)

// sealing is a record with a key for the audit log.
func sealing(t *testing.T) (*postgres.DB, *audit.Chain) {
	t.Helper()
	sealer, err := audit.NewChain(bytes.Repeat([]byte("a"), 32))
	if err != nil {
		t.Fatal(err)
	}
	db, err := postgres.Open(t.Context(), dbtest.New(t), postgres.Options{MaxConns: 4, Audit: sealer})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db, sealer
}

// TestSchedulersSeal: several take turns, nothing is left, and each event is in one block.
func TestSchedulersSeal(t *testing.T) {
	t.Parallel()
	db, sealer := sealing(t)
	one, two := New(db, awayQueue{}, func() {}, zap.NewNop()), New(db, awayQueue{}, func() {}, zap.NewNop())
	for range 3 {
		for range 4 {
			if err := db.RecordAudit(t.Context(), "topic", "create", ident.New(), nil); err != nil {
				t.Fatal(err)
			}
		}
		for _, r := range []*Reconciler{one, two} {
			if err := r.auditLog.step(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if left := one.Unsealed(); left != (chain.Backlog{}) {
		t.Errorf("left %+v", left)
	}
	if r, err := sealer.Verify(t.Context(), db.AuditLog(), 0, chain.Mark{}); err != nil || !r.Intact || r.Blocks != 3 || r.Events != 12 || r.Unsealed != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// scripted is an audit log of which a test says how it answers.
type scripted struct {
	Record
	horizons int
	answers  []sealed
	purges   []audit.Purged
	kept     time.Duration
}

type sealed struct {
	more, reached bool
	err           error
}

var errNotAuthentic = errors.New("the newest block was altered")

func (s *scripted) AuditHorizon(context.Context) (chain.Horizon, error) {
	s.horizons++
	return chain.Horizon{Last: int64(s.horizons)}, nil
}

func (s *scripted) SealAudit(context.Context, chain.Horizon) (more, reached bool, err error) {
	a := s.answers[0]
	s.answers = s.answers[1:]
	return a.more, a.reached, a.err
}

func (s *scripted) AuditBacklog(context.Context) (chain.Backlog, error) {
	return chain.Backlog{Events: int64(len(s.answers)), Age: time.Minute}, nil
}

func (s *scripted) PurgeAudit(_ context.Context, keep time.Duration) (audit.Purged, error) {
	s.kept = keep
	p := s.purges[0]
	s.purges = s.purges[1:]
	return p, nil
}

// TestSealKeepsItsHorizon until it is reached: somebody who wrote when it was found may be writing still.
func TestSealKeepsItsHorizon(t *testing.T) {
	t.Parallel()
	log := &scripted{answers: []sealed{{}, {more: true}, {more: true}, {}, {more: true}, {reached: true}, {reached: true}, {err: errNotAuthentic}}}
	r := New(log, awayQueue{}, func() {}, zap.NewNop())
	for i, want := range []struct{ horizons, left int }{{1, 7}, {1, 4}, {1, 2}, {2, 1}} {
		if err := r.auditLog.step(t.Context()); err != nil || log.horizons != want.horizons || len(log.answers) != want.left {
			t.Errorf("step %d: %d horizons, %d left, %v", i, log.horizons, len(log.answers), err)
		}
	}
	if err := r.auditLog.step(t.Context()); !errors.Is(err, errNotAuthentic) || r.Unsealed().Age != time.Minute || r.Unsealed().Events != 0 {
		t.Errorf("%v, %+v", err, r.Unsealed())
	}
}

// TestAuditRetention removes until nothing is due, says so, and does nothing unless it is told how long the log is kept.
func TestAuditRetention(t *testing.T) {
	t.Parallel()
	log := &scripted{purges: []audit.Purged{{Blocks: 2, Events: 10_000, Through: 2}, {Blocks: 1, Events: 7, Through: 3}, {}}}
	core, lines := observer.New(zapcore.InfoLevel)
	r := New(log, awayQueue{}, func() {}, zap.New(core))
	if err := r.purge(t.Context()); err != nil || len(log.purges) != 3 {
		t.Errorf("not told: %v", err)
	}
	r.KeepAudit(400 * 24 * time.Hour)
	if err := r.purge(t.Context()); err != nil || len(log.purges) != 0 || log.kept != 400*24*time.Hour || lines.Len() != 2 {
		t.Errorf("%d left, kept for %s, %d lines, %v", len(log.purges), log.kept, lines.Len(), err)
	}
}
