package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/webhook"
)

// takersLife is how long a process goes by what it knew of which types are taken, twice that at most while it looks again. So
// an endpoint that is switched on is told of everything that begins two seconds later, and at once of what its own process does.
const takersLife = time.Second

// takers knows which types of events some enabled endpoint takes, so that nothing is said, and nothing is paid for it, where
// nobody listens. Whoever asks keeps it young: there is nobody who polls for it.
type takers struct {
	life time.Duration

	mu        sync.Mutex
	known     *takenTypes // nil: nothing is known
	reading   bool
	forgotten int // how often it was
}

// takenTypes is what is taken, at a time.
type takenTypes struct {
	at    time.Time
	types map[webhook.Type]bool // nil: nothing
}

// any reports whether one of some types is taken.
func (t *takenTypes) any(types ...webhook.Type) bool {
	for _, one := range types {
		if t.types[one] {
			return true
		}
	}
	return false
}

// now is what is taken. It reads by q, on which a transaction may be under way, and nobody waits for what another reads.
func (t *takers) now(ctx context.Context, q querier) (*takenTypes, error) {
	known, forgotten := t.young()
	if known != nil {
		return known, nil
	}
	read, err := readTakers(ctx, q)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reading = false
	if err != nil {
		return nil, err
	}
	if t.forgotten == forgotten {
		t.known = read
	}
	return read, nil
}

// young is what is known, or nil if the caller has to read. While one reads, the others go by what was known a little longer.
func (t *takers) young() (known *takenTypes, forgotten int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known != nil {
		if age := time.Since(t.known.at); age < t.life || t.reading && age < 2*t.life {
			return t.known, t.forgotten
		}
	}
	t.reading = true
	return nil, t.forgotten
}

// forget has the next one who asks look: this process changed an endpoint just now.
func (t *takers) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known = nil
	t.forgotten++
}

func readTakers(ctx context.Context, q querier) (*takenTypes, error) {
	read := &takenTypes{at: time.Now()}
	rows, err := q.Query(ctx, `SELECT DISTINCT events FROM webhook_endpoint WHERE enabled`)
	if err != nil {
		return nil, err
	}
	var subscriptions []string
	_, err = pgx.ForEachRow(rows, []any{&subscriptions}, func() error {
		if read.types == nil {
			read.types = make(map[webhook.Type]bool)
		}
		for _, k := range webhook.Types() {
			read.types[k.Type] = read.types[k.Type] || k.Type.Takes(subscriptions)
		}
		return nil
	})
	return read, err
}
