package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/devstack"
	"github.com/presswork/presswork/internal/testkit"
)

// BenchmarkPublish is whole requests over sockets from 64 clients, each with an idempotency key, to an API on
// a PostgreSQL on disk with fsync and synchronous_commit on. Clients, API and server share the machine.
func BenchmarkPublish(b *testing.B) {
	const clients = 64
	stack, err := devstack.Start(b.Context(), devstack.Options{Dir: b.TempDir(), Durable: true, Postgres: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := stack.Close(); err != nil {
			b.Error(err)
		}
	})
	b.Setenv(testkit.DatabaseVariable, stack.AdminURL())
	if transport, ok := http.DefaultTransport.(*http.Transport); ok {
		before := transport.MaxIdleConnsPerHost
		transport.MaxIdleConnsPerHost = clients // each keeps its connection
		b.Cleanup(func() { transport.MaxIdleConnsPerHost = before })
	}
	n := newNewsroom(b)
	took := make([]time.Duration, b.N)
	var next atomic.Int64
	var group sync.WaitGroup
	b.ResetTimer()
	for range clients {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
				start := time.Now()
				got := n.publish(nil, fmt.Sprintf("Idempotency-Key: %d-%d", b.N, i))
				took[i] = time.Since(start)
				if got.Status != http.StatusAccepted || strings.Contains(got.Body, "problem") {
					b.Error(got.Body)
					return
				}
			}
		})
	}
	group.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "publications/s")
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
}
