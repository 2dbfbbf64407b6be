package postgres

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/segment"
	"github.com/presswork/presswork/internal/testkit/rules"
)

// modelNow is a Wednesday.
func modelNow() time.Time { return time.Date(2026, 2, 4, 15, 0, 0, 0, time.UTC) }

// drawReader makes a reader who has something of everything.
func drawReader(t *rapid.T) modelReader {
	now := modelNow()
	day := func(label string) time.Time {
		ago := rapid.SampledFrom([]int{-1, 0, 1, 2, 6, 7, 8, 29, 30, 31, 32, 399, 400, 401}).Draw(t, label)
		if ago < 0 {
			return time.Time{}
		}
		return now.Truncate(24*time.Hour).AddDate(0, 0, -ago)
	}
	m := modelReader{
		topics:  rapid.SliceOfDistinct(rapid.SampledFrom(rules.Topics[:3]), rapid.ID).Draw(t, "topics"),
		country: rapid.SampledFrom(rules.Countries).Draw(t, "country"), language: rapid.SampledFrom(rules.Languages).Draw(t, "language"),
		off:        rapid.SliceOfDistinct(rapid.SampledFrom([]string{"email", "newsletter", "slack"}), rapid.ID).Draw(t, "off"),
		attributes: rapid.MapOf(rapid.SampledFrom(rules.Attributes), rapid.SampledFrom(rules.Values())).Draw(t, "attributes"),
		created:    day("created").Add(time.Duration(rapid.IntRange(0, 1).Draw(t, "hour")) * time.Hour),
		email:      day("email"), newsletter: day("newsletter"), firstSent: day("first"),
	}
	for range rapid.IntRange(0, 6).Draw(t, "sendings") {
		s := modelSending{week: weekOf(now) - rapid.SampledFrom([]int{0, 1, 2, 3, 4, 5, 12, 13, 51, 52, 53, 54, 70}).Draw(t, "week")}
		s.clicked = rapid.Bool().Draw(t, "clicked")
		s.opened = s.clicked || rapid.Bool().Draw(t, "opened")
		m.sendings = append(m.sendings, s)
	}
	return m
}

// store keeps a reader, whose counters are added in the order of sendings: late ones after others.
func (m modelReader) store(t *rapid.T, tx pgx.Tx, n int) int64 {
	ctx := t.Context()
	attributes, err := json.Marshal(m.attributes)
	if err != nil {
		t.Fatal(err)
	}
	off := make([]int16, 0, len(m.off))
	for _, kind := range m.off {
		off = append(off, channel.Kind(kind).ID())
	}
	var id int64
	if err := tx.QueryRow(ctx, `
		INSERT INTO subscriber (uid, email, status, topics, attributes, country, language, channels_off, created_at)
		SELECT gen_random_uuid(), $1, 'active', ARRAY(SELECT id FROM topic WHERE slug = ANY($2)), $3, $4, $5, $6, $7 RETURNING id`,
		fmt.Sprintf("r%d@example.org", n), m.topics, attributes, m.country, m.language, off, m.created).Scan(&id); err != nil {
		t.Fatal(err)
	}
	for _, s := range m.sendings {
		total := int64(1)
		if s.opened {
			total += 1 << 20
		}
		if s.clicked {
			total += 1 << 40
		}
		if _, err := tx.Exec(ctx, addEngagements, s.week, []int64{id}, []int64{total}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO engagement AS e (subscriber_id, first_sent_on, email_on, newsletter_on) VALUES ($1, $2, $3, $4)
		ON CONFLICT (subscriber_id) DO UPDATE SET first_sent_on = $2, email_on = $3, newsletter_on = $4`,
		id, optionalTime(m.firstSent), optionalTime(m.email), optionalTime(m.newsletter)); err != nil {
		t.Fatal(err)
	}
	return id
}

// A rule in SQL has the members that it has by what its types say.
func TestSegmentsMeanWhatTheySay(t *testing.T) {
	t.Parallel()
	db := open(t)
	for _, slug := range rules.Topics[:3] {
		if _, err := db.pool.Exec(t.Context(), `INSERT INTO topic (uid, slug, name) VALUES (gen_random_uuid(), $1, $1)`, slug); err != nil {
			t.Fatal(err)
		}
	}
	held, not := 0, 0
	rapid.Check(t, func(r *rapid.T) {
		tx, err := db.pool.Begin(r.Context())
		if err != nil {
			r.Fatal(err)
		}
		defer tx.Rollback(r.Context())
		readers := map[int64]modelReader{}
		for i := range rapid.IntRange(1, 6).Draw(r, "readers") {
			m := drawReader(r)
			readers[m.store(r, tx, i)] = m
		}
		for range 20 {
			rule := rules.Rule(4, modelNow()).Draw(r, "rule")
			got := members(r, tx, rule)
			for id, m := range readers {
				holds := m.holds(rule, modelNow())
				if holds != slices.Contains(got, id) {
					r.Fatalf("%s\nholds for %+v: %v, and in SQL %v", segment.Encode(rule), m, holds, !holds)
				}
				if holds {
					held++
				} else {
					not++
				}
			}
		}
	})
	if held == 0 || not == 0 {
		t.Errorf("%d held and %d did not", held, not)
	}
}

// members are those for whom a rule holds. It is neither true nor false for nobody.
func members(t *rapid.T, tx pgx.Tx, rule segment.Rule) []int64 {
	topics, err := topicsOf(t.Context(), tx, []segment.Rule{rule})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(rule segment.Rule) []int64 {
		s := with(`SELECT s.id FROM subscriber s WHERE s.status = $1`, []any{"active"}, []segment.Rule{rule}, topics, modelNow()).end(` ORDER BY s.id`)
		rows, err := s.query(t.Context(), tx)
		if err != nil {
			t.Fatalf("%s\n%s\n%v", segment.Encode(rule), s.text, err)
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			t.Fatalf("%s\n%s\n%v", segment.Encode(rule), s.text, err)
		}
		return ids
	}
	ids := ask(rule)
	everybody := slices.Sorted(slices.Values(append(ask(segment.Not{Rule: rule}), ids...)))
	if all := ask(segment.Any{rule, segment.Not{Rule: rule}}); !slices.Equal(everybody, all) {
		t.Fatalf("%s or its negation holds for %v of %v", segment.Encode(rule), everybody, all)
	}
	return ids
}

// Whatever rule there can be, PostgreSQL can plan it.
func FuzzSegmentSQL(f *testing.F) {
	db := open(f)
	f.Add([]byte(`{"all":[{"topic":{"any":["go"]}},{"attribute":{"name":"plan","op":"in","value":["pro",1,true]}},{"not":{"segment":"x"}}]}`))
	f.Add([]byte(`{"any":[{"engagement":{"metric":"open_rate","weeks":12,"op":"gt","value":0.7,"min_sent":3}},{"inactive":{"days":30,"never_sent":true}}]}`))
	f.Add([]byte(`{"all":[{"attribute":{"name":"n","op":"lt","value":1e308}},{"attribute":{"name":"n","op":"contains","value":"$1 '"}},{"country":["DE"]}]}`))
	f.Add([]byte(`{"any":[{"language":["de"]},{"channel":{"takes":"email"}},{"channel":{"engaged":"newsletter","days":1}},{"created":{"after":"2026-01-31"}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		rule, err := segment.Parse(text, "")
		if err != nil {
			return
		}
		topics := map[string]int32{"go": 1}
		s := with(`SELECT s.id FROM subscriber s WHERE true`, nil, []segment.Rule{rule}, topics, modelNow()).end(``)
		rows, err := s.explained().query(t.Context(), db.pool)
		if err != nil {
			t.Fatalf("%s: %v", s.text, err)
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			t.Fatalf("%s: %v", s.text, err)
		}
	})
}
