package postgres

import (
	"slices"
	"strings"
	"time"

	"github.com/presswork/presswork/internal/segment"
)

// modelReader is a reader as rules see them.
type modelReader struct {
	topics            []string
	attributes        map[string]any
	country, language string
	off               []string // kinds of channels
	created           time.Time
	sendings          []modelSending
	email, newsletter time.Time // last engaged; zero: never
	firstSent         time.Time
}

// modelSending is a publication that a reader was sent.
type modelSending struct {
	week            int
	opened, clicked bool
}

// holds is what a rule means, said a second time and in another way than in SQL.
func (m modelReader) holds(r segment.Rule, now time.Time) bool {
	today := now.UTC().Truncate(24 * time.Hour)
	switch r := r.(type) {
	case segment.All:
		return !slices.ContainsFunc(r, func(part segment.Rule) bool { return !m.holds(part, now) })
	case segment.Any:
		return slices.ContainsFunc(r, func(part segment.Rule) bool { return m.holds(part, now) })
	case segment.Not:
		return !m.holds(r.Rule, now)
	case segment.Topic:
		n := 0
		for _, slug := range r.Slugs {
			if slices.Contains(m.topics, slug) {
				n++
			}
		}
		return n == len(r.Slugs) || n > 0 && !r.Every
	case segment.Country:
		return slices.Contains(r.Codes, m.country)
	case segment.Language:
		return slices.ContainsFunc(r.Tags, func(tag string) bool { return strings.HasPrefix(m.language+"-", tag+"-") })
	case segment.Created:
		return !m.created.Before(r.After) && (r.Before.IsZero() || m.created.Before(r.Before))
	case segment.Channel:
		last := map[string]time.Time{"email": m.email, "newsletter": m.newsletter}[r.Kind]
		if r.Days == 0 {
			return !slices.Contains(m.off, r.Kind)
		}
		return !last.IsZero() && !last.Before(today.AddDate(0, 0, -r.Days))
	case segment.Inactive:
		limit := today.AddDate(0, 0, -r.Days)
		if m.firstSent.IsZero() {
			return r.NeverSent && m.created.Before(limit.AddDate(0, 0, 1))
		}
		return !m.firstSent.After(limit) && m.email.Before(limit) && m.newsletter.Before(limit)
	case segment.Engagement:
		return m.engaged(r, now)
	case segment.Attribute:
		return m.has(r)
	default:
		return false
	}
}

func (m modelReader) engaged(e segment.Engagement, now time.Time) bool {
	var sent, opened, clicked float64
	monday := now.UTC().Truncate(24 * time.Hour)
	for monday.Weekday() != time.Monday {
		monday = monday.AddDate(0, 0, -1)
	}
	for _, s := range m.sendings {
		if time.Unix(0, 0).UTC().AddDate(0, 0, 4+7*s.week).Before(monday.AddDate(0, 0, -7*e.Weeks)) {
			continue
		}
		sent++
		if s.opened {
			opened++
		}
		if s.clicked {
			clicked++
		}
	}
	switch e.Metric {
	case segment.OpenRate:
		return sent >= float64(e.MinSent) && compare(opened/sent, e.Op, e.Value)
	case segment.ClickRate:
		return sent >= float64(e.MinSent) && compare(clicked/sent, e.Op, e.Value)
	case segment.Opened:
		return compare(opened, e.Op, e.Value)
	case segment.Clicked:
		return compare(clicked, e.Op, e.Value)
	default:
		return compare(sent, e.Op, e.Value)
	}
}

func (m modelReader) has(a segment.Attribute) bool {
	own, there := m.attributes[a.Name]
	switch a.Op {
	case segment.Exists:
		return there == (a.Value == true)
	case segment.Eq:
		return there && own == a.Value
	case segment.Ne:
		return there && own != a.Value
	case segment.In:
		return there && slices.Contains(a.Values, own)
	case segment.Contains:
		text, ok := own.(string)
		return ok && strings.Contains(text, a.Value.(string))
	default:
	}
	switch value := a.Value.(type) {
	case string:
		text, ok := own.(string)
		return ok && compare(text, a.Op, value)
	case float64:
		number, ok := own.(float64)
		return ok && compare(number, a.Op, value)
	default:
		return false
	}
}

func compare[T string | float64](x T, op segment.Op, y T) bool {
	return map[segment.Op]bool{segment.Gt: x > y, segment.Gte: x >= y, segment.Lt: x < y, segment.Lte: x <= y, segment.Eq: x == y}[op]
}
