package segment

import (
	"slices"

	"github.com/presswork/presswork/internal/fault"
)

// Bounds of a rule with the rules of the segments that it refers to in their places.
const (
	MaxReferences = 5   // segments in segments
	MaxExpanded   = 500 // conditions
)

// Expand puts the rules of segments into the places where r refers to them, so that what it means depends on nothing else.
// own is the slug of the segment that r is of, "" for none. rules are those of all segments that are needed. It returns
// Invalid at the pointer at, if a segment does not exist, would contain itself, or if it becomes too large.
func Expand(r Rule, own string, rules map[string]Rule, at string) (Rule, error) {
	e := expansion{rules: rules, at: at}
	if own != "" {
		e.path = []string{own}
	}
	out := e.expand(r)
	if e.refusal == nil && e.conditions > MaxExpanded {
		e.refuse("too_many", "has more than %d conditions together with the segments that it refers to", MaxExpanded)
	}
	if e.refusal != nil {
		return nil, e.refusal
	}
	return out, nil
}

type expansion struct {
	rules      map[string]Rule
	at         string
	path       []string
	conditions int
	refusal    error
}

func (e *expansion) refuse(code, format string, args ...any) {
	var f fault.Fields
	f.Add(e.at, code, format, args...)
	if e.refusal == nil {
		e.refusal = f.Err()
	}
}

func (e *expansion) expand(r Rule) Rule {
	if e.refusal != nil || e.conditions > MaxExpanded {
		return nil
	}
	switch r := r.(type) {
	case All:
		return All(e.each(r))
	case Any:
		return Any(e.each(r))
	case Not:
		return Not{e.expand(r.Rule)}
	case Member:
		return e.member(r.Slug)
	case Topic, Attribute, Engagement, Inactive, Country, Language, Channel, Created:
		e.conditions++
	}
	return r
}

func (e *expansion) each(rules []Rule) []Rule {
	out := make([]Rule, len(rules))
	for i, r := range rules {
		out[i] = e.expand(r)
	}
	return out
}

func (e *expansion) member(slug string) Rule {
	rule, known := e.rules[slug]
	switch {
	case slices.Contains(e.path, slug):
		e.refuse("cycle", "leads back to the segment %q", slug)
	case !known:
		e.refuse("unknown_segment", "refers to the segment %q, which does not exist", slug)
	case len(e.path) > MaxReferences:
		e.refuse("too_deep", "refers to segments in segments more than %d deep", MaxReferences)
	default:
		e.path = append(e.path, slug)
		rule = e.expand(rule)
		e.path = e.path[:len(e.path)-1]
	}
	return rule
}
