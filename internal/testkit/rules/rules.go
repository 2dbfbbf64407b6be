// Package rules makes random rules of segments, over a small world in which many readers fulfil many of them.
package rules

import (
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/segment"
)

// The world that rules are about: what readers may have.
var (
	Topics     = []string{"go", "databases", "release notes", "never made"} //nolint:gochecknoglobals // a table
	Countries  = []string{"", "AT", "DE", "US"}                             //nolint:gochecknoglobals // a table
	Languages  = []string{"de", "de-AT", "den", "en", "pt-BR"}              //nolint:gochecknoglobals // a table
	Attributes = []string{"plan", "seats", "since"}                         //nolint:gochecknoglobals // a table
)

// Values are what attributes have: of each type, near to each other.
func Values() []any {
	return []any{"", "pro", "Pro", "é", "a\"b\\c\n", "～", "😀", "2026-01-31T09:00:00Z", "2026-02-01", "5", 5.0, -5.5, 0.0, 1e21, 0.1, true, false}
}

// Rule makes rules, as deep as depth. Those of Member name one of the slugs; without any there are none.
func Rule(depth int, now time.Time, slugs ...string) *rapid.Generator[segment.Rule] {
	return rapid.Custom(func(t *rapid.T) segment.Rule {
		kinds := 9
		if len(slugs) > 0 {
			kinds++
		}
		if depth > 1 && rapid.Bool().Draw(t, "nested") {
			parts := rapid.SliceOfN(Rule(depth-1, now, slugs...), 1, 3)
			switch rapid.IntRange(0, 2).Draw(t, "join") {
			case 0:
				return segment.All(parts.Draw(t, "all"))
			case 1:
				return segment.Any(parts.Draw(t, "any"))
			default:
				return segment.Not{Rule: Rule(depth-1, now, slugs...).Draw(t, "not")}
			}
		}
		return condition(t, rapid.IntRange(0, kinds-1).Draw(t, "kind"), now, slugs)
	})
}

func condition(t *rapid.T, kind int, now time.Time, slugs []string) segment.Rule {
	switch kind {
	case 0:
		return segment.Topic{Slugs: some(t, Topics), Every: rapid.Bool().Draw(t, "every")}
	case 1:
		return segment.Country{Codes: some(t, Countries[1:])}
	case 2:
		return segment.Language{Tags: some(t, Languages)}
	case 3:
		c := segment.Channel{Kind: rapid.SampledFrom([]string{"email", "newsletter"}).Draw(t, "kind")}
		if rapid.Bool().Draw(t, "engaged") {
			c.Days = days(t)
		}
		return c
	case 4:
		return segment.Inactive{Days: days(t), NeverSent: rapid.Bool().Draw(t, "never")}
	case 5:
		day := now.UTC().Truncate(24*time.Hour).AddDate(0, 0, -days(t))
		c := segment.Created{After: day}
		if rapid.Bool().Draw(t, "before") {
			c.Before = day.AddDate(0, 0, 1+days(t))
		}
		return c
	case 6, 7:
		return engagement(t)
	case 8:
		return attribute(t)
	default:
		return segment.Member{Slug: rapid.SampledFrom(slugs).Draw(t, "segment")}
	}
}

func some(t *rapid.T, from []string) []string {
	list := rapid.SliceOfNDistinct(rapid.SampledFrom(from), 1, len(from), rapid.ID).Draw(t, "list")
	slices.Sort(list)
	return list
}

func days(t *rapid.T) int { return rapid.SampledFrom([]int{1, 2, 7, 30, 31, 400}).Draw(t, "days") }

func engagement(t *rapid.T) segment.Rule {
	e := segment.Engagement{
		Metric: rapid.SampledFrom(segment.Metrics()).Draw(t, "metric"),
		Weeks:  rapid.SampledFrom([]int{1, 2, 4, 12, 51, 52}).Draw(t, "weeks"),
		Op:     rapid.SampledFrom([]segment.Op{segment.Gt, segment.Gte, segment.Lt, segment.Lte, segment.Eq}).Draw(t, "op"),
		Value:  rapid.SampledFrom([]float64{0, 1, 2, 3, 10}).Draw(t, "value"),
	}
	if e.Metric.Rate() {
		e.Value = rapid.SampledFrom([]float64{0, 1. / 3, 0.5, 0.7, 1}).Draw(t, "rate")
		e.MinSent = rapid.IntRange(1, 4).Draw(t, "least")
	}
	return e
}

func attribute(t *rapid.T) segment.Rule {
	a := segment.Attribute{
		Name: rapid.SampledFrom(Attributes).Draw(t, "name"), Op: rapid.SampledFrom(segment.Ops()).Draw(t, "op"),
		Value: rapid.SampledFrom(Values()).Draw(t, "value"),
	}
	_, flag := a.Value.(bool)
	_, text := a.Value.(string)
	switch {
	case a.Op == segment.Exists:
		a.Value = rapid.Bool().Draw(t, "exists")
	case a.Op == segment.In:
		a.Value, a.Values = nil, rapid.SliceOfNDistinct(rapid.SampledFrom(Values()), 1, 4, rapid.ID).Draw(t, "values")
	case a.Op == segment.Contains && !text, flag && a.Op != segment.Eq && a.Op != segment.Ne:
		a.Value = "r"
	}
	return a
}
