package postgres

import (
	"fmt"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/delivery"
)

// BenchmarkFlush settles 200 recipients at a time, as long as nobody listens, and with an endpoint that is told of each.
func BenchmarkFlush(b *testing.B) {
	const size = 200
	for _, listened := range []bool{false, true} {
		b.Run(fmt.Sprintf("listened=%t", listened), func(b *testing.B) {
			db := open(b)
			id := sending(b, db, b.N*size)
			if listened {
				everything(b, db)
			}
			db.takers.life = takersLife
			session := openSession(b, db)
			outcomes := make([]delivery.Outcome, size)
			b.ResetTimer()
			for i := range b.N {
				for r := range outcomes {
					outcomes[r] = delivery.Outcome{Publication: id, Channel: 1, Recipient: int64(i*size + r + 1), State: delivery.Sent, Attempt: 1}
				}
				if err := db.Flush(b.Context(), delivery.Flush{Session: session, Number: int64(i + 1), Lease: time.Minute, Outcomes: outcomes}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*size), "µs/delivery")
		})
	}
}
