package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"

	"github.com/presswork/presswork/internal/postgres"
	"github.com/presswork/presswork/internal/postgres/bare"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/subscriber"
)

// seedChunk is how many subscribers one transaction stores.
const seedChunk = 5000

// seed stores readers as an import does, without the limit on the size of its file.
func (s *system) seed(ctx context.Context, readers int) error {
	db, err := postgres.Open(ctx, s.stack.DatabaseURL(), postgres.Options{MaxConns: 2})
	if err != nil {
		return err
	}
	defer db.Close()
	for chunk := range slices.Chunk(people(readers), seedChunk) {
		if _, err := db.ImportSubscribers(ctx, chunk, subscriber.Skip, false); err != nil {
			return fmt.Errorf("seed the subscribers: %w", err)
		}
	}
	plain, err := bare.Open(ctx, s.stack.DatabaseURL(), 1)
	if err != nil {
		return err
	}
	defer plain.Close()
	return plain.Settle(ctx)
}

func topics() []string {
	return []string{"astronomy", "books", "cooking", "crafts", "cycling", "gardening", "music", "photography"}
}

func languages() []string { return []string{"en", "en", "en", "de", "fr", "es"} }

// people invents readers, the same ones every time.
func people(n int) []subscriber.Subscriber {
	r := rand.New(rand.NewPCG(20260401, 0)) //nolint:gosec // chance that can be repeated is what is wanted
	first := []string{"Ada", "Björn", "Chloé", "Dmitri", "Eloísa", "Farid", "Greta", "Hugo", "Inés", "Jürgen"}
	last := []string{"Almeida", "Brandt", "Castelli", "Dubois", "Eriksen", "Fischer", "García", "Hartmann"}
	cities := []string{"Porto", "Lyon", "Bergen", "Graz", "Utrecht", "Gdańsk"}
	zones := []string{"Europe/Lisbon", "Europe/Paris", "America/New_York", "Asia/Tokyo"}
	list := make([]subscriber.Subscriber, n)
	for i := range list {
		chosen := topics()
		r.Shuffle(len(chosen), func(i, j int) { chosen[i], chosen[j] = chosen[j], chosen[i] })
		list[i] = subscriber.Subscriber{
			Email: fmt.Sprintf("reader-%07d@example.net", i), Name: pick(r, first) + " " + pick(r, last),
			Language: pick(r, languages()), Timezone: pick(r, zones), Status: subscriber.Active,
			Topics:     slices.Sorted(slices.Values(chosen[:1+r.IntN(3)])),
			Attributes: map[string]any{"city": pick(r, cities), "orders": r.IntN(100)}, ConsentSource: "signup form",
		}
	}
	return list
}

func pick(r *rand.Rand, list []string) string { return list[r.IntN(len(list))] }

// named is what the API gives back of something that was made.
type named struct {
	ID string `json:"id"`
}

// prepare makes the sender and a channel, by provider "smtp" or "placeholder", and returns the ids of articles.
func (s *system) prepare(ctx context.Context, provider string) ([]string, error) {
	sender := map[string]any{
		"name": "bench", "from_name": "The Slow Post", "from_email": "post@example.org",
		"postal_address": "1 Paper Lane, 00000 Example", "default": true,
	}
	if err := s.client.call(ctx, http.MethodPost, "/api/v1/senders", sender, nil); err != nil {
		return nil, err
	}
	mail := map[string]any{"kind": "email", "provider": provider, "name": "bench-email"}
	if provider == "smtp" {
		mail["secrets"] = map[string]string{"url": s.sandbox.SMTP}
	}
	if err := s.client.call(ctx, http.MethodPost, "/api/v1/channels", mail, nil); err != nil {
		return nil, err
	}
	var ids []string
	for _, article := range articles() {
		var made named
		if err := s.client.call(ctx, http.MethodPost, "/api/v1/contents", article, &made); err != nil {
			return nil, err
		}
		ids = append(ids, made.ID)
	}
	return ids, nil
}

// articles has one for every topic, some of them in each language. Their links are tracked.
func articles() []map[string]any {
	const lead = "The **slow post** on %s is written once and read by many, each of whom gets what they asked for: " +
		"the [%s desk](https://example.org/desk/%s) chose it, and the [archive](https://example.org/archive) keeps it."
	const rest = "\n\nNobody has to read it today. It was made to be opened on a quiet evening, put aside in the middle " +
		"of a sentence and found again on Sunday, when there is time for the second half and for an answer."
	var list []map[string]any
	for i, topic := range topics() {
		list = append(list, map[string]any{
			"title": "What is new in " + topic, "summary": "A page on " + topic + ", to be read at leisure.",
			"format": "markdown", "body": fmt.Sprintf(lead, topic, topic, topic) + strings.Repeat(rest, 3),
			"url":    "https://example.org/articles/" + topic,
			"topics": []string{topic}, "language": languages()[i%len(languages())], "quality": 0.8,
		})
	}
	return list
}

// mailing is a publication by e-mail to everybody, with the built-in template: it greets readers by name and
// gives them the article that fits their topics and language.
func mailing(contents []string) publication.Request {
	yes := true
	return publication.Request{
		Title: "The Slow Post", Type: string(publication.Newsletter), Priority: string(publication.Normal),
		Channels: []string{"email"}, Contents: contents, Audience: &publication.AudienceRequest{All: &yes},
	}
}
