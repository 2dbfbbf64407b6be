package ratelimit

import (
	"testing"

	"github.com/presswork/presswork/internal/allowance"
	"github.com/presswork/presswork/internal/testkit/redistest"
)

// BenchmarkTake is one request after another: of a bucket that is asked for each time, of two, of a busy one, of one that
// is empty, and without Redis.
func BenchmarkTake(b *testing.B) {
	client := redistest.Client(b)
	small := func(name string) allowance.Bucket { return day(name, aheadLeast-1) }
	for _, c := range []struct {
		name    string
		buckets []allowance.Bucket
		small   bool
		alone   bool
	}{
		{"asked", []allowance.Bucket{small("a")}, true, false},
		{"asked-two", []allowance.Bucket{small("a"), small("b")}, true, false},
		{"busy", []allowance.Bucket{day("c", 100_000_000)}, false, false},
		{"empty", []allowance.Bucket{day("d", 1)}, false, false},
		{"alone", []allowance.Bucket{day("e", 100_000_000)}, false, true},
	} {
		b.Run(c.name, func(b *testing.B) {
			l := process(b, client)
			if c.alone {
				l.Close()
			}
			b.ReportAllocs()
			for i := range b.N {
				if c.small && i%5000 == 0 { // so that it lasts
					client.FlushDB(b.Context())
					l.meters = meters{}
				}
				l.Take(b.Context(), 1, c.buckets...)
			}
		})
	}
}
