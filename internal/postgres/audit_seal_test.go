package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/chain"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/testkit/dbtest"
)

// chainOf seals with a key made of one byte, and knows those of others from before.
func chainOf(tb testing.TB, key byte, previous ...byte) *audit.Chain {
	tb.Helper()
	var old [][]byte
	for _, b := range previous {
		old = append(old, bytes.Repeat([]byte{b}, 32))
	}
	c, err := audit.NewChain(bytes.Repeat([]byte{key}, 32), old...)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// openSealing is open with a key for the audit log.
func openSealing(tb testing.TB) *DB {
	tb.Helper()
	db := open(tb)
	db.chain = chainOf(tb, 'a')
	return db
}

// withKey is the same database with another key.
func (db *DB) withKey(c *audit.Chain) *DB { return &DB{pool: db.pool, chain: c} }

// note adds n events to the audit log, in a transaction each.
func note(tb testing.TB, db *DB, n int) {
	tb.Helper()
	for range n {
		if err := db.RecordAudit(tb.Context(), "topic", "update", ident.New(), map[string]any{"fields": []string{"name"}}); err != nil {
			tb.Fatal(err)
		}
	}
}

// sealAll seals everything that is committed; nobody writes meanwhile.
func sealAll(tb testing.TB, db *DB) {
	tb.Helper()
	h, err := db.AuditHorizon(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	for more := true; more; {
		var reached bool
		if more, reached, err = db.SealAudit(tb.Context(), h); err != nil {
			tb.Fatal(err)
		}
		if !more && !reached {
			tb.Fatalf("somebody writes: %v", h)
		}
	}
}

// verified is what a verification of the whole log says.
func verified(tb testing.TB, db *DB) chain.Report {
	tb.Helper()
	r, err := db.chain.Verify(tb.Context(), db.AuditLog(), 0, chain.Mark{})
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func insertAudit(ctx context.Context, tx pgx.Tx) (id int64, err error) {
	if err := record(ctx, tx, "topic", "create", ident.New(), nil); err != nil {
		return 0, err
	}
	err = tx.QueryRow(ctx, `SELECT currval(pg_get_serial_sequence('audit_event', 'id'))`).Scan(&id)
	return id, err
}

func TestSealWaitsForWhoWasThere(t *testing.T) {
	t.Parallel()
	db := openSealing(t)
	slow, err := db.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = slow.Rollback(context.WithoutCancel(t.Context())) }()
	early, err := insertAudit(t.Context(), slow)
	if err != nil {
		t.Fatal(err)
	}
	note(t, db, 3) // later ids, committed earlier
	h, err := db.AuditHorizon(t.Context())
	if err != nil || len(h.Writers) != 1 || h.Last != early+3 {
		t.Fatalf("horizon %+v, %v", h, err)
	}
	if more, reached, err := db.SealAudit(t.Context(), h); more || reached || err != nil {
		t.Fatalf("sealed beside a writer: %t %t %v", more, reached, err)
	}
	if r := verified(t, db); !r.Intact || r.Blocks != 0 || r.Unsealed != 3 {
		t.Errorf("%+v", r)
	}
	if err := slow.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Who came after the horizon does not hold it up, nor is it in the block.
	later, err := db.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = later.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := insertAudit(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	if _, reached, err := db.SealAudit(t.Context(), h); !reached || err != nil {
		t.Fatalf("not sealed: %v", err)
	}
	if err := later.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := verified(t, db); !r.Intact || r.Blocks != 1 || r.Events != 4 || r.Unsealed != 1 {
		t.Errorf("%+v", r)
	}
}

// TestSealOnceEach: whatever order transactions begin, insert, commit and roll back in, with several sealers between, at the
// end each committed event is in one block, and no other.
func TestSealOnceEach(t *testing.T) {
	t.Parallel()
	db := openSealing(t)
	rapid.Check(t, func(r *rapid.T) {
		ctx := t.Context()
		var open []pgx.Tx
		horizons := make([]chain.Horizon, 2)
		end := func(i int, commit bool) {
			var err error
			if commit {
				err = open[i].Commit(ctx)
			} else {
				err = open[i].Rollback(ctx)
			}
			if err != nil {
				r.Fatal(err)
			}
			open = append(open[:i], open[i+1:]...)
		}
		for range rapid.IntRange(1, 25).Draw(r, "steps") {
			switch step := rapid.IntRange(0, 5).Draw(r, "step"); {
			case step == 0 && len(open) < 4:
				tx, err := db.pool.Begin(ctx)
				if err != nil {
					r.Fatal(err)
				}
				open = append(open, tx)
			case step <= 2 && len(open) > 0:
				if _, err := insertAudit(ctx, open[rapid.IntRange(0, len(open)-1).Draw(r, "in")]); err != nil {
					r.Fatal(err)
				}
			case step == 3 && len(open) > 0:
				end(rapid.IntRange(0, len(open)-1).Draw(r, "end"), rapid.Bool().Draw(r, "commit"))
			default:
				sealer := rapid.IntRange(0, 1).Draw(r, "sealer")
				if err := sealStep(ctx, db, &horizons[sealer]); err != nil {
					r.Fatal(err)
				}
			}
		}
		for len(open) > 0 {
			end(0, true)
		}
		sealAll(t, db)
		report := verified(t, db)
		if total := value[int64](t, db, `SELECT count(*) FROM audit_event`); !report.Intact || report.Unsealed != 0 || report.Events != total {
			r.Fatalf("%d events, %+v", total, report)
		}
	})
}

// sealStep does what the scheduler does: it seals up to a horizon, and takes a new one when that is reached.
func sealStep(ctx context.Context, db *DB, h *chain.Horizon) (err error) {
	if h.Last == 0 {
		if *h, err = db.AuditHorizon(ctx); err != nil {
			return err
		}
	}
	_, reached, err := db.SealAudit(ctx, *h)
	if reached {
		*h = chain.Horizon{}
	}
	return err
}

// TestSealWhileMoreIsWritten with many writers and several sealers at once, as several schedulers are.
func TestSealWhileMoreIsWritten(t *testing.T) {
	t.Parallel()
	db := openSealing(t)
	var writers, sealers sync.WaitGroup
	done := make(chan struct{})
	for w := range 6 {
		writers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 1)) //nolint:gosec // a test
			for range 40 {
				err := db.tx(t.Context(), "write", func(tx pgx.Tx) error {
					for range 1 + random.IntN(3) {
						if _, err := insertAudit(t.Context(), tx); err != nil {
							return err
						}
					}
					if random.IntN(5) == 0 {
						return errGivenUp
					}
					return nil
				})
				if err != nil && !errors.Is(err, errGivenUp) {
					t.Error(err)
				}
			}
		})
	}
	for range 3 {
		sealers.Go(func() {
			var h chain.Horizon
			for {
				if err := sealStep(t.Context(), db, &h); err != nil {
					t.Error(err)
					return
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	writers.Wait()
	close(done)
	sealers.Wait()
	sealAll(t, db)
	if r := verified(t, db); !r.Intact || r.Unsealed != 0 || r.Blocks == 0 || r.Events != value[int64](t, db, `SELECT count(*) FROM audit_event`) {
		t.Errorf("%+v", r)
	}
}

var errGivenUp = errors.New("given up")

// TestBlocksAreBounded, and a full one says that there may be more.
func TestBlocksAreBounded(t *testing.T) {
	t.Parallel()
	db := openSealing(t)
	asOwner(t, db, fmt.Sprintf(`INSERT INTO audit_event (actor, action, entity) SELECT 'x', 'x.y', 'x' FROM generate_series(1, %d)`, 2*chain.BlockRows+1))
	if b, err := db.AuditBacklog(t.Context()); err != nil || b.Events != 2*chain.BlockRows+1 || b.Age <= 0 {
		t.Errorf("backlog %+v, %v", b, err)
	}
	sealAll(t, db)
	if b, err := db.AuditBacklog(t.Context()); err != nil || b != (chain.Backlog{}) {
		t.Errorf("backlog %+v, %v", b, err)
	}
	if r := verified(t, db); !r.Intact || r.Blocks != 3 || r.Events != 2*chain.BlockRows+1 {
		t.Errorf("%+v", r)
	}
}

// TestAuditRole: the application adds to the log, and changes nothing; neither id nor time is its choice.
func TestAuditRole(t *testing.T) {
	t.Parallel()
	db := openSealing(t)
	note(t, db, 2)
	sealAll(t, db)
	for _, sql := range []string{
		`UPDATE audit_event SET actor = 'x'`, `DELETE FROM audit_event`, `TRUNCATE audit_event`,
		`INSERT INTO audit_event (id, actor, action, entity) OVERRIDING SYSTEM VALUE VALUES (7, 'x', 'x.y', 'x')`,
		`INSERT INTO audit_event (at, actor, action, entity) VALUES (now() - interval '9 years', 'x', 'x.y', 'x')`,
		`INSERT INTO audit_event (actor, action, entity) VALUES ('x', 'x.y', 'x') ON CONFLICT (id) DO UPDATE SET actor = 'y'`,
		`SELECT FROM audit_event FOR UPDATE`, `LOCK TABLE audit_event`, `SELECT setval('audit_event_id_seq', 1)`,
		`MERGE INTO audit_event e USING (SELECT 1) x ON true WHEN MATCHED THEN DELETE`,
		`ALTER TABLE audit_event DISABLE TRIGGER ALL`, `DROP TABLE audit_event`, `GRANT ALL ON audit_event TO CURRENT_USER`,
		`UPDATE audit_block SET hash = previous`, `DELETE FROM audit_block`, `TRUNCATE audit_block`,
		`INSERT INTO audit_anchor (n, last_id, hash, key_id, signature) VALUES (1, 1, '', '', '')`,
		`UPDATE audit_anchor SET n = 1`, `DELETE FROM audit_anchor`, `TRUNCATE audit_anchor`,
		`SELECT purge_audit(1, interval '89 days', '', '')`, `SELECT purge_audit(1, NULL, '', '')`,
		`SELECT purge_audit(1, interval '400 days', '', '')`,
	} {
		// A GRANT of what one does not have is no error, and changes nothing: below.
		if _, err := db.pool.Exec(t.Context(), sql); err == nil && sql[:5] != "GRANT" {
			t.Errorf("the application may %s", sql)
		}
	}
	if only, err := db.AuditAppendOnly(t.Context()); err != nil || !only {
		t.Errorf("append-only: %t, %v", only, err)
	}
	// No function that works as another role does it either; make_partitions takes no arguments and touches no table of these.
	names := value[string](t, db, `SELECT string_agg(proname, ' ' ORDER BY proname) FROM pg_proc WHERE prosecdef`)
	if names != "make_partitions purge_audit" {
		t.Errorf("functions that work as their owner: %s", names)
	}
	if r := verified(t, db); !r.Intact || r.Events != 2 || r.Unsealed != 0 {
		t.Errorf("%+v", r)
	}
	// A grant on all tables undoes it, and what the documentation says does it again.
	asOwner(t, db, `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO `+dbtest.Role)
	if only, err := db.AuditAppendOnly(t.Context()); err != nil || only {
		t.Errorf("append-only: %t, %v", only, err)
	}
	asOwner(t, db, documentedGrants(t))
	if only, err := db.AuditAppendOnly(t.Context()); err != nil || !only {
		t.Errorf("append-only: %t, %v", only, err)
	}
	note(t, db, 1)
	sealAll(t, db)
	owner, err := Open(t.Context(), dbtest.Owner(t, db.pool.Config().ConnString()), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close()
	if only, err := owner.AuditAppendOnly(t.Context()); err != nil || only {
		t.Errorf("the owner's is append-only: %t, %v", only, err)
	}
}

// TestSealRefusesAStranger: behind a block that is not as it was sealed, or by a key that is not known, nothing is sealed.
func TestSealRefusesAStranger(t *testing.T) {
	t.Parallel()
	db := openSealing(t)
	note(t, db, 2)
	sealAll(t, db)
	note(t, db, 2)
	stranger := db.withKey(chainOf(t, 'b'))
	h := chain.Horizon{Last: 4}
	if _, _, err := stranger.SealAudit(t.Context(), h); err == nil {
		t.Error("sealed behind a block of an unknown key")
	}
	if _, _, err := db.withKey(nil).SealAudit(t.Context(), h); err != nil {
		t.Errorf("without a key: %v", err)
	}
	asOwner(t, db, `UPDATE audit_block SET sealed_at = sealed_at + interval '1 s'`)
	if _, _, err := db.SealAudit(t.Context(), h); err == nil {
		t.Error("sealed behind a block that was altered")
	}
	asOwner(t, db, `UPDATE audit_block SET sealed_at = sealed_at - interval '1 s'`)
	next := db.withKey(chainOf(t, 'b', 'a'))
	if _, reached, err := next.SealAudit(t.Context(), h); err != nil || !reached {
		t.Errorf("with the previous key: %v", err)
	}
	if r := verified(t, next); !r.Intact || r.Blocks != 2 {
		t.Errorf("%+v", r)
	}
	if _, _, err := db.SealAudit(t.Context(), chain.Horizon{Last: 9}); !errors.Is(err, chain.ErrKey) {
		t.Errorf("who knows only the old key goes on with it: %v", err)
	}
	// Who was told of the new key in advance, and still seals with the old one, gives way too.
	if _, _, err := db.withKey(chainOf(t, 'a', 'b')).SealAudit(t.Context(), chain.Horizon{Last: 9}); !errors.Is(err, chain.ErrGivenUp) {
		t.Errorf("who has not changed keys yet goes on with the old one: %v", err)
	}
}

// documentedGrants are the statements of docs/operations.md that take back what a grant on all tables gives.
func documentedGrants(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "  REVOKE ALL ON audit_event")
	statements, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("docs/operations.md lacks the grants of the audit log")
	}
	return "REVOKE ALL ON audit_event" + statements
}
