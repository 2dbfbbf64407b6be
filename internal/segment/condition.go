package segment

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/presswork/presswork/internal/canonical"
)

func (p *parser) topic(value any, at string) Rule {
	object := p.fields(value, at, "any", "all")
	if object == nil {
		return nil
	}
	one, some := object["any"]
	all, every := object["all"]
	switch {
	case some == every:
		p.Add(at, "one_of", "must have exactly one of any and all")
		return nil
	case every:
		p.named(all, at+"/all")
		return Topic{Slugs: p.texts(all, at+"/all", MaxTopics, canonical.Topic), Every: true}
	}
	p.named(one, at+"/any")
	return Topic{Slugs: p.texts(one, at+"/any", MaxTopics, canonical.Topic)}
}

func (p *parser) attribute(value any, at string) Rule {
	object := p.fields(value, at, "name", "op", "value")
	if object == nil {
		return nil
	}
	a := Attribute{Name: p.text(object["name"], at+"/name", attributeName), Op: word(p, object, at, "op", Ops())}
	given, there := object["value"]
	at += "/value"
	switch {
	case a.Op == "":
	case a.Op == Exists:
		a.Value = p.flag(object, strings.TrimSuffix(at, "/value"), "value", true)
	case !there:
		p.Add(at, "required", "is required")
	case a.Op == In:
		a.Values = p.scalars(given, at)
	default:
		a.Value = p.scalar(given, at)
		_, text := a.Value.(string)
		_, number := a.Value.(float64)
		if a.Op == Contains && !text {
			p.Add(at, "type", "must be a text for contains")
		}
		if slices.Contains(orders(), a.Op) && !text && !number {
			p.Add(at, "type", "must be a text or a number for %s", a.Op)
		}
	}
	return a
}

// scalar reads a value as attributes have them.
func (p *parser) scalar(value any, at string) any {
	switch v := value.(type) {
	case bool:
		return v
	case string:
		if utf8.RuneCountInString(v) > MaxText || !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
			p.Add(at, "too_long", "must be a text of at most %d characters without U+0000", MaxText)
		}
		return v
	case json.Number:
		number, err := v.Float64()
		if err != nil || math.IsInf(number, 0) {
			p.Add(at, "range", "is a number too large to compare")
			return 0.0
		}
		if number == 0 {
			number = 0 // there is one zero
		}
		return number
	}
	p.Add(at, "type", "must be a text, a number, true or false")
	return nil
}

func (p *parser) scalars(value any, at string) []any {
	list, ok := value.([]any)
	if !ok || len(list) == 0 || len(list) > MaxValues {
		p.Add(at, "count", "must be a list of 1 to %d values", MaxValues)
		return nil
	}
	values := make([]any, 0, len(list))
	for i, given := range list {
		if v := p.scalar(given, fmt.Sprintf("%s/%d", at, i)); !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	slices.SortFunc(values, func(a, b any) int { return strings.Compare(encodeScalar(a), encodeScalar(b)) })
	return values
}

func (p *parser) engagement(value any, at string) Rule {
	object := p.fields(value, at, "metric", "weeks", "op", "value", "min_sent")
	if object == nil {
		return nil
	}
	e := Engagement{
		Metric: word(p, object, at, "metric", Metrics()), Weeks: p.whole(object, at, "weeks", MaxWeeks, -1),
		Op: word(p, object, at, "op", append(orders(), Eq)),
	}
	number, ok := object["value"].(json.Number)
	n, err := number.Float64()
	switch {
	case !ok || err != nil || n < 0:
		p.Add(at+"/value", "range", "must be a number from 0")
	case e.Metric.Rate() && n > 1:
		p.Add(at+"/value", "range", "must be a rate from 0 to 1")
	case !e.Metric.Rate() && (n > MaxCount || n != math.Trunc(n)):
		p.Add(at+"/value", "range", "must be a whole number from 0 to %d", MaxCount)
	default:
		e.Value = math.Abs(n) // there is one zero
	}
	if e.Metric.Rate() {
		e.MinSent = p.whole(object, at, "min_sent", MaxCount, 1)
	} else if _, given := object["min_sent"]; given {
		p.Add(at+"/min_sent", "not_allowed", "is for rates only")
	}
	return e
}

func (p *parser) inactive(value any, at string) Rule {
	object := p.fields(value, at, "days", "never_sent")
	if object == nil {
		return nil
	}
	return Inactive{Days: p.whole(object, at, "days", MaxDays, -1), NeverSent: p.flag(object, at, "never_sent", false)}
}

// personal are the kinds of channels that reach readers one by one.
func personal() []string { return []string{"email", "newsletter"} }

func (p *parser) channel(value any, at string) Rule {
	object := p.fields(value, at, "takes", "engaged", "days")
	if object == nil {
		return nil
	}
	_, takes := object["takes"]
	_, engaged := object["engaged"]
	switch {
	case takes == engaged:
		p.Add(at, "one_of", "must have exactly one of takes and engaged")
		return nil
	case engaged:
		return Channel{Kind: word(p, object, at, "engaged", personal()), Days: p.whole(object, at, "days", MaxDays, -1)}
	}
	if _, given := object["days"]; given {
		p.Add(at+"/days", "not_allowed", "goes with engaged only")
	}
	return Channel{Kind: word(p, object, at, "takes", personal())}
}

func (p *parser) created(value any, at string) Rule {
	object := p.fields(value, at, "after", "before")
	if object == nil {
		return nil
	}
	c := Created{After: p.moment(object, at, "after"), Before: p.moment(object, at, "before")}
	if len(object) == 0 {
		p.Add(at, "one_of", "must have after, before or both")
	}
	if !c.After.IsZero() && !c.Before.IsZero() && !c.After.Before(c.Before) {
		p.Add(at+"/before", "range", "must be later than after")
	}
	return c
}

// moment reads a time, or a day as its beginning in UTC. It is cut to microseconds, which is what is stored.
func (p *parser) moment(object map[string]any, at, name string) time.Time {
	value, given := object[name]
	if !given {
		return time.Time{}
	}
	text, _ := value.(string)
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		t, err = time.Parse(time.RFC3339, text)
	}
	if t = t.UTC().Truncate(time.Microsecond); err != nil || t.Year() < 1970 || t.Year() > 9999 {
		p.Add(at+"/"+name, "format", `must be a time of RFC 3339 or a day: "2030-01-31"`)
		return time.Time{}
	}
	return t
}

const maxAttributeName = 64 // as in internal/subscriber

func attributeName(text string) (string, error) {
	for i := range len(text) {
		c := text[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || c != '-' && c != '_' && (c < '0' || c > '9')) {
			return "", errAttributeName
		}
	}
	if text == "" || len(text) > maxAttributeName {
		return "", errAttributeName
	}
	return text, nil
}

var errAttributeName = errors.New("must be 1 to 64 ASCII letters, digits, hyphens and underscores beginning with a letter")
