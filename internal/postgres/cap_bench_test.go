package postgres

import (
	"testing"
	"time"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/eligibility"
	"github.com/presswork/presswork/internal/publication"
)

// BenchmarkCapPage is what two caps cost of a page whose readers all got fourteen messages lately: when they may get one more on
// every channel, and when their times have to be read to know whether they may.
func BenchmarkCapPage(b *testing.B) {
	const lately = 14
	kinds := len(personalKinds())
	for name, limit := range map[string]int{"far from them": lately + kinds, "near to them": lately + kinds - 1} {
		b.Run(name, func(b *testing.B) { capPages(b, lately, limit) })
	}
}

func capPages(b *testing.B, lately, limit int) {
	db := open(b)
	subscribers(b, db, publication.PageSize)
	var id int64
	for range lately + 1 {
		id = queued(b, db, publication.Audience{All: true})
		fanOut(b, db, id, 1)
	}
	exec(b, db, `UPDATE delivery SET state = 2, settled_at = now()`)
	exec(b, db, `DELETE FROM delivery WHERE publication_id = $1`, id)
	exec(b, db, `DELETE FROM reach WHERE publication_id = $1`, id)
	exec(b, db, `VACUUM ANALYZE delivery`)
	capTo(b, db, limit, eligibility.Cap{Limit: limit, Window: 720 * time.Hour})
	page := &publication.Page{Readers: make([]publication.Reader, publication.PageSize)}
	for i := range page.Readers {
		page.Readers[i].ID = int64(i + 1)
	}
	for b.Loop() {
		tx, err := db.pool.Begin(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		c, err := db.capsOf(b.Context(), tx, id)
		if err != nil {
			b.Fatal(err)
		}
		g, err := c.readPage(b.Context(), tx, page)
		if err != nil {
			b.Fatal(err)
		}
		c.capPage(g, page, channel.Email.ID())
		if err := tx.Rollback(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*publication.PageSize), "us/reader")
}
