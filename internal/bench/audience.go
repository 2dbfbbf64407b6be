package bench

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/postgres"
	"github.com/presswork/presswork/internal/postgres/bare"
	"github.com/presswork/presswork/internal/subscriber"
)

// seedChunk is how many subscribers one transaction stores.
const seedChunk = 5000

// seed stores readers as an import does, without the limit on the size of its file. Readers that are there already
// are left alone: there are so many in all afterwards.
func (s *system) seed(ctx context.Context, readers int) error {
	record, err := consent.NewChain([]byte(s.secret))
	if err != nil {
		return fmt.Errorf("derive the key of the record of consent: %w", err)
	}
	db, err := postgres.Open(ctx, s.stack.DatabaseURL(), postgres.Options{MaxConns: 2, Consent: record})
	if err != nil {
		return err
	}
	defer db.Close()
	for chunk := range people(readers, seedChunk) {
		if _, err := db.ImportSubscribers(ctx, chunk, subscriber.Skip, false); err != nil {
			return fmt.Errorf("seed the subscribers: %w", err)
		}
	}
	plain, err := bare.Open(ctx, s.stack.DatabaseURL(), 1)
	if err != nil {
		return err
	}
	defer plain.Close()
	if err := plain.Settle(ctx); err != nil {
		return err
	}
	return sealAll(ctx, db)
}

// sealAll seals what the record of consent has of the readers, as the scheduler would within a minute: it is not to do so during a
// measurement.
func sealAll(ctx context.Context, db *postgres.DB) error {
	for {
		left, err := db.ConsentBacklog(ctx)
		if err != nil || left.Events == 0 {
			return err
		}
		horizon, err := db.ConsentHorizon(ctx)
		if err != nil {
			return err
		}
		for more := true; more; {
			if more, _, err = db.SealConsent(ctx, horizon); err != nil {
				return err
			}
		}
		if err := wait(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

func topics() []string {
	return []string{"astronomy", "books", "cooking", "crafts", "cycling", "gardening", "music", "photography"}
}

func languages() []string { return []string{"en", "en", "en", "de", "fr", "es"} }

// people invents n readers, the same ones every time, some at a time: a million take a gigabyte. What is yielded is
// valid until the next.
func people(n, chunk int) iter.Seq[[]subscriber.Subscriber] {
	invent := inventor()
	list := make([]subscriber.Subscriber, 0, chunk)
	return func(yield func([]subscriber.Subscriber) bool) {
		for i := range n {
			if list = append(list, invent(i)); len(list) < chunk && i < n-1 {
				continue
			}
			if !yield(list) {
				return
			}
			list = list[:0]
		}
	}
}

// inventor invents readers one after the other, from 0 on.
func inventor() func(i int) subscriber.Subscriber {
	r := rand.New(rand.NewPCG(20260401, 0)) //nolint:gosec // chance that can be repeated is what is wanted
	first := []string{"Ada", "Björn", "Chloé", "Dmitri", "Eloísa", "Farid", "Greta", "Hugo", "Inés", "Jürgen"}
	last := []string{"Almeida", "Brandt", "Castelli", "Dubois", "Eriksen", "Fischer", "García", "Hartmann"}
	cities := []string{"Porto", "Lyon", "Bergen", "Graz", "Utrecht", "Gdańsk"}
	zones := []string{"Europe/Lisbon", "Europe/Paris", "America/New_York", "Asia/Tokyo"}
	return func(i int) subscriber.Subscriber {
		chosen := topics()
		r.Shuffle(len(chosen), func(i, j int) { chosen[i], chosen[j] = chosen[j], chosen[i] })
		return subscriber.Subscriber{
			Email: fmt.Sprintf("reader-%07d@example.net", i), Name: pick(r, first) + " " + pick(r, last),
			Language: pick(r, languages()), Timezone: pick(r, zones), Status: subscriber.Active,
			Topics:     slices.Sorted(slices.Values(chosen[:1+r.IntN(3)])),
			Attributes: map[string]any{"city": pick(r, cities), "orders": r.IntN(100)}, ConsentSource: "signup form",
		}
	}
}

func pick(r *rand.Rand, list []string) string { return list[r.IntN(len(list))] }
