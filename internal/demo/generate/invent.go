package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/presswork/presswork/internal/subscriber"
)

const (
	// count is how many subscribers the demo has.
	count = 1000
	// seed makes them the same ones every time.
	seed = 20260401
)

// invent makes n people. Addresses are of domains that nobody can have (RFC 2606, 3).
func invent(n int) []subscriber.Subscriber {
	r := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // chance that can be repeated is what is wanted
	cultures, topics, sources := cultures(), topics(), sources()
	taken := map[string]int{}
	list := make([]subscriber.Subscriber, 0, n)
	for range n {
		c := cultures[r.IntN(len(cultures))]
		given, family := pick(r, c.given), pick(r, c.family)
		place := pick(r, c.places)
		list = append(list, subscriber.Subscriber{
			Email:         address(r, taken, given.latin, family.latin),
			Name:          c.write(given, family),
			Language:      pick(r, c.languages),
			Timezone:      place.zone,
			Country:       place.country,
			Status:        subscriber.Active,
			Topics:        some(r, topics, 1+r.IntN(4)),
			ConsentSource: pick(r, sources),
			Attributes:    map[string]any{"company": company(r), "city": place.city},
		})
	}
	return list
}

// address is given.family at an example domain, with a number where the same name comes again.
func address(r *rand.Rand, taken map[string]int, given, family string) string {
	local := given + "." + family
	domain := pick(r, []string{"example.org", "example.com", "example.net"})
	if taken[local]++; taken[local] > 1 {
		local = fmt.Sprintf("%s%d", local, taken[local])
	}
	return local + "@" + domain
}

// some takes n different ones, sorted.
func some(r *rand.Rand, from []string, n int) []string {
	out := make([]string, 0, n)
	for _, i := range r.Perm(len(from))[:n] {
		out = append(out, from[i])
	}
	slices.Sort(out)
	return out
}

// company is two words that no company is known to have.
func company(r *rand.Rand) string {
	first := strings.Fields("Amberfield Birchgate Cloudberry Dunmere Elmstone Fernhollow Greywick Heronsbrook Ivorytide Juniperway " +
		"Kestrelby Larkmoor Mosslight Nettlecombe Oakhaven Pinewatch Quillmark Rookford Saltmeadow Thistledown")
	second := strings.Fields("Works Studio Bakery Books Cycles Observatory Gardens Press Kitchen Lab")
	return pick(r, first) + " " + pick(r, second)
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// sources are where people say yes.
func sources() []string {
	return []string{"website form", "library desk", "book fair stand", "reader survey"}
}

// topics are what the magazine writes about; the articles in data/contents have the same ones.
func topics() []string {
	return []string{"astronomy", "books", "city walks", "cooking", "crafts", "cycling", "gardening", "health", "music", "photography"}
}
