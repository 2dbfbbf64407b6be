package postgres

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/subscriber"
)

// listedBy is the names of those who pass a filter, in the order in which pages of a few give them.
func listedBy(t testing.TB, db *DB, f subscriber.Filter) []string {
	t.Helper()
	names := []string{}
	for after := (subscriber.Position{}); ; {
		list, err := db.ListSubscribers(t.Context(), f, after, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range list {
			names, after = append(names, s.Name), subscriber.PositionOf(s)
		}
		if len(list) < 2 {
			return names
		}
	}
}

func TestSearchSubscribers(t *testing.T) {
	t.Parallel()
	db := open(t)
	var middle time.Time
	for i, in := range []subscriber.Input{
		{Email: "zoe@x.org", Name: "Zoë Łukasz Straße", Country: "PL", Language: "pl", Attributes: map[string]any{"plan": "pro", "seats": 4.0}},
		{Email: "ann@x.org", Name: "Ann Silva", Country: "PT", Language: "pt-BR", Attributes: map[string]any{"plan": "pro", "seats": "4"}},
		{Email: "ana.silva@x.org", Name: "Ana-María O'Neil", Country: "pt", Attributes: map[string]any{"plan": "free", "trial": true}},
		{Email: "bob@x.org", Name: "Bob"},
		{Email: "anton@x.org", Name: "АНТОН Дурак", Language: "ru"},
	} {
		if s := createReader(t, db, in); i == 2 {
			middle = s.CreatedAt
		}
	}
	const zoe, ann, ana, bob, anton = "Zoë Łukasz Straße", "Ann Silva", "Ana-María O'Neil", "Bob", "АНТОН Дурак"
	later := middle.Add(time.Microsecond)
	for name, c := range map[string]struct {
		filter subscriber.Filter
		want   []string
	}{
		"addresses by address": {subscriber.Filter{EmailPrefix: "an"}, []string{ana, ann, anton}},
		"a whole address":      {subscriber.Filter{EmailPrefix: "ann@x.org"}, []string{ann}},
		"address or name":      {subscriber.Filter{Search: "ana"}, []string{ana}},
		"by either":            {subscriber.Filter{Search: "Bob"}, []string{bob}},
		"an address":           {subscriber.Filter{Search: "ANN@X"}, []string{ann}},
		"no accents":           {subscriber.Filter{Search: "zoe strasse"}, []string{}}, // ß is one letter here
		"accents folded":       {subscriber.Filter{Search: "zoe lukasz"}, []string{zoe}},
		"accents given":        {subscriber.Filter{Search: "MARÍA"}, []string{ana}},
		"words in any order":   {subscriber.Filter{Search: "silv an"}, []string{ann}},
		"parts of a word":      {subscriber.Filter{Search: "neil mar"}, []string{ana}},
		"other scripts":        {subscriber.Filter{Search: "дур антон"}, []string{anton}},
		"not inside a word":    {subscriber.Filter{Search: "ilva"}, []string{}},
		"a mark":               {subscriber.Filter{Search: "\u0301"}, []string{}},
		"a letter of words":    {subscriber.Filter{Search: "ﷺ"}, []string{}},
		"signs":                {subscriber.Filter{Search: "' & | !:* <->"}, []string{}},
		"percent":              {subscriber.Filter{Search: "%"}, []string{}},
		"country":              {subscriber.Filter{Country: "PT"}, []string{ann, ana}},
		"language":             {subscriber.Filter{Language: "ru"}, []string{anton}},
		"since":                {subscriber.Filter{From: &middle}, []string{ana, bob, anton}},
		"until":                {subscriber.Filter{Until: &middle}, []string{zoe, ann}},
		"between":              {subscriber.Filter{From: &middle, Until: &later}, []string{ana}},
		"text":                 {subscriber.Filter{Attributes: map[string]any{"seats": "4"}}, []string{ann}},
		"number":               {subscriber.Filter{Attributes: map[string]any{"seats": 4.0}}, []string{zoe}},
		"truth":                {subscriber.Filter{Attributes: map[string]any{"trial": true}}, []string{ana}},
		"two attributes":       {subscriber.Filter{Attributes: map[string]any{"plan": "pro", "seats": "4"}}, []string{ann}},
		"several at once":      {subscriber.Filter{EmailPrefix: "a", Search: "silva", Country: "PT", From: &middle}, []string{}},
	} {
		if got := listedBy(t, db, c.filter); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// Pages give everybody who passes a filter once, in its order, whatever the size of a page.
func TestPagesOfSubscribers(t *testing.T) {
	t.Parallel()
	db := open(t)
	for i := range 60 {
		createReader(t, db, subscriber.Input{Email: fmt.Sprintf("%c%d@x.org", 'a'+i%3, i*7919%100), Name: fmt.Sprint("n", i)})
	}
	long := time.Unix(0, 0)
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.SampledFrom([]subscriber.Filter{{}, {EmailPrefix: "b"}, {From: &long}, {Search: "n"}}).Draw(t, "filter")
		size := rapid.IntRange(1, 70).Draw(t, "size")
		whole, err := db.ListSubscribers(t.Context(), f, subscriber.Position{}, 1000)
		if err != nil {
			t.Fatal(err)
		}
		var paged []subscriber.Subscriber
		for after := (subscriber.Position{}); ; {
			page, err := db.ListSubscribers(t.Context(), f, after, size)
			if err != nil {
				t.Fatal(err)
			}
			paged = append(paged, page...)
			if len(page) < size {
				break
			}
			after = subscriber.PositionOf(page[len(page)-1])
		}
		same := func(a, b subscriber.Subscriber) bool { return a.ID == b.ID }
		if want := map[bool]int{true: 20, false: 60}[f.EmailPrefix != ""]; len(whole) != want || !slices.EqualFunc(whole, paged, same) {
			t.Fatalf("%d in pages, %d at once, want %d", len(paged), len(whole), want)
		}
	})
}

// TestSearchesFindTheirIndexes looks at the plans among some thousand, as they are for a million: each search goes by an index
// of its own, none reads everybody.
func TestSearchesFindTheirIndexes(t *testing.T) {
	t.Parallel()
	db := open(t)
	_, err := db.pool.Exec(t.Context(), `
		INSERT INTO topic (uid, slug, name) SELECT gen_random_uuid(), 't' || i, 't' FROM generate_series(1, 300) i`)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.pool.Exec(t.Context(), `
		INSERT INTO subscriber (uid, email, name, language, status, country, topics, attributes, created_at)
		SELECT gen_random_uuid(), md5(i::text) || '@x.org', 'n' || i || ' m' || i, CASE WHEN i % 500 = 0 THEN 'pt' ELSE 'en' END, 'active',
		       CASE WHEN i % 400 = 0 THEN 'PT' ELSE '' END, ARRAY[1 + i % 300], jsonb_build_object('seats', i),
		       '2030-01-01'::timestamptz + i * interval '1 second'
		FROM generate_series(1, 30000) i`)
	if err == nil {
		_, err = db.pool.Exec(t.Context(), `VACUUM ANALYZE subscriber`)
	}
	if err != nil {
		t.Fatal(err)
	}
	late := time.Date(2030, 1, 1, 8, 19, 0, 0, time.UTC)
	for index, c := range map[string]struct {
		filter    subscriber.Filter
		statement string
		after     []any
	}{
		"subscriber_address":    {subscriber.Filter{EmailPrefix: "abc"}, subscribersByAddress, []any{"", 50}},
		"subscriber_words":      {subscriber.Filter{Search: "n12345"}, subscribersByID, []any{0, 50}},
		"subscriber_topics":     {subscriber.Filter{Topic: "t7"}, subscribersByID, []any{0, 50}},
		"subscriber_country":    {subscriber.Filter{Country: "PT"}, subscribersByID, []any{0, 50}},
		"subscriber_language":   {subscriber.Filter{Language: "pt"}, subscribersByID, []any{0, 50}},
		"subscriber_attributes": {subscriber.Filter{Attributes: map[string]any{"seats": 77.0}}, subscribersByID, []any{0, 50}},
		"subscriber_created":    {subscriber.Filter{From: &late}, subscribersByTime, []any{time.Unix(0, 0), 0, 50}},
		"subscriber_pkey":       {subscriber.Filter{}, subscribersByID, []any{0, 50}},
	} {
		plan := planOf(t, db, c.filter, c.statement, c.after)
		if !strings.Contains(plan, index) || strings.Contains(plan, "Seq Scan on subscriber") {
			t.Errorf("%s is not used:\n%s", index, plan)
		}
	}
}

func planOf(t *testing.T, db *DB, f subscriber.Filter, statement string, after []any) string {
	t.Helper()
	args, err := db.filterArgs(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := db.pool.Query(t.Context(), `EXPLAIN `+statement, append(append([]any{plannedEachTime}, args...), after...)...)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}
