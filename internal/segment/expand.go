package segment

import (
	"fmt"
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
// Invalid if a segment does not exist or would contain itself, where r refers to it or to what leads to it; and if it becomes too
// large, at the pointer at, with which all of them begin.
func Expand(r Rule, own string, rules map[string]Rule, at string) (Rule, error) {
	e := expansion{rules: rules}
	if own != "" {
		e.path = []string{own}
	}
	out := e.expand(r, at)
	if e.refusal == nil && e.conditions > MaxExpanded {
		e.refuse(at, "too_many", "has more than %d conditions together with the segments that it refers to", MaxExpanded)
	}
	if e.refusal != nil {
		return nil, e.refusal
	}
	return out, nil
}

type expansion struct {
	rules      map[string]Rule
	path       []string
	inside     int // other segments' rules, in which nothing has a place of its own
	conditions int
	refusal    error
}

func (e *expansion) refuse(at, code, format string, args ...any) {
	var f fault.Fields
	f.Add(at, code, format, args...)
	if e.refusal == nil {
		e.refusal = f.Err()
	}
}

func (e *expansion) expand(r Rule, at string) Rule {
	if e.refusal != nil || e.conditions > MaxExpanded {
		return nil
	}
	switch r := r.(type) {
	case All:
		return All(e.each(r, e.below(at, "/all")))
	case Any:
		return Any(e.each(r, e.below(at, "/any")))
	case Not:
		return Not{e.expand(r.Rule, e.below(at, "/not"))}
	case Member:
		return e.member(r.Slug, e.below(at, "/segment"))
	case Topic, Attribute, Engagement, Inactive, Country, Language, Channel, Created:
		e.conditions++
	}
	return r
}

// below is the pointer to a part of what is at a pointer.
func (e *expansion) below(at, part string) string {
	if e.inside > 0 {
		return at
	}
	return at + part
}

func (e *expansion) each(rules []Rule, at string) []Rule {
	out := make([]Rule, len(rules))
	for i, r := range rules {
		out[i] = e.expand(r, e.below(at, fmt.Sprintf("/%d", i)))
	}
	return out
}

func (e *expansion) member(slug, at string) Rule {
	rule, known := e.rules[slug]
	switch {
	case slices.Contains(e.path, slug):
		e.refuse(at, "cycle", "leads back to the segment %q", slug)
	case !known:
		e.refuse(at, "unknown_segment", "refers to the segment %q, which does not exist", slug)
	case len(e.path) > MaxReferences:
		e.refuse(at, "too_deep", "refers to segments in segments more than %d deep", MaxReferences)
	default:
		e.path = append(e.path, slug)
		e.inside++
		rule = e.expand(rule, at)
		e.inside--
		e.path = e.path[:len(e.path)-1]
	}
	return rule
}
