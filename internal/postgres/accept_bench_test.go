package postgres

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/devstack"
	"github.com/presswork/presswork/internal/publication"
)

// BenchmarkAccept stores publications for 64 concurrent clients, each with an idempotency key, on a
// PostgreSQL on disk with fsync and synchronous_commit on. "resolve" also looks up what each one names, as
// a request does.
func BenchmarkAccept(b *testing.B) {
	stack, err := devstack.Start(b.Context(), devstack.Options{Dir: b.TempDir(), Durable: true, Postgres: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := stack.Close(); err != nil {
			b.Error(err)
		}
	})
	if err := Migrate(b.Context(), stack.DatabaseURL()); err != nil {
		b.Fatal(err)
	}
	db, err := Open(b.Context(), stack.DatabaseURL(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(db.Close)
	n := furnish(b, db)
	a := n.acceptor(b, nil)
	for _, resolve := range []bool{false, true} {
		b.Run(fmt.Sprintf("resolve=%t", resolve), func(b *testing.B) { benchmarkAccept(b, n, a, resolve) })
	}
}

func benchmarkAccept(b *testing.B, n *newsroom, a *Acceptor, resolve bool) {
	const clients = 64
	ready := n.submission(b, nil)
	took := make([]time.Duration, b.N)
	var next atomic.Int64
	var group sync.WaitGroup
	b.ResetTimer()
	for range clients {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
				start := time.Now()
				s := ready
				if resolve {
					var err error
					if s.Resolved, err = n.ResolveOrder(b.Context(), n.order()); err != nil {
						b.Error(err)
						return
					}
				}
				s.Key, s.Digest = fmt.Sprintf("%t-%d-%d", resolve, b.N, i), [32]byte{1}
				got, err := a.Accept(b.Context(), s)
				if err != nil || got.State() != publication.Queued {
					b.Error(err)
					return
				}
				took[i] = time.Since(start)
			}
		})
	}
	group.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "publications/s")
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
}
