package segment

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/presswork/presswork/internal/canonical"
	"github.com/presswork/presswork/internal/fault"
)

// Parse reads a rule from JSON. It returns Malformed for what is not one JSON value, and Invalid with every problem, at
// pointers that begin with at ("/rule"). What it returns is in canonical form: Parse reads Encode's text as the same rule.
func Parse(text []byte, at string) (Rule, error) {
	_, rule, err := parse(text, at, MaxDepth, MaxConditions)
	return rule, err
}

// Reread reads what Encode wrote of a rule that Expand made: it may be larger than one that a client writes.
func Reread(text []byte) (Rule, error) {
	_, rule, err := parse(text, "", MaxDepth*(MaxReferences+2), MaxExpanded)
	return rule, err
}

func parse(text []byte, at string, depth, most int) (*parser, Rule, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return nil, nil, fault.Wrap(err, fault.Malformed, "malformed_json")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, nil, fault.New(fault.Malformed, "malformed_json", "There is something after the rule.")
	}
	p := &parser{depth: depth}
	rule := p.rule(value, at, 1)
	if p.conditions > most {
		p.Add(at, "too_many", "has %d conditions, and may have %d", p.conditions, most)
	}
	if err := p.Err(); err != nil {
		return nil, nil, err
	}
	return p, rule, nil
}

// Text is a rule as it was read already, as the text that Parse takes; nil for none.
func Text(rule map[string]any) []byte {
	if rule == nil {
		return nil
	}
	text, err := json.Marshal(rule)
	if err != nil { // it was JSON
		return []byte("null")
	}
	return text
}

// parser collects what is wrong. Of a rule that is wrong it returns nil.
type parser struct {
	fault.Fields
	depth, conditions int
	names             []Name
}

// kinds are the names of rules as they stand in JSON.
func kinds() []string {
	return []string{"all", "any", "not", "topic", "attribute", "engagement", "inactive", "country", "language", "channel", "created", "segment"}
}

func (p *parser) rule(value any, at string, depth int) Rule {
	object, ok := value.(map[string]any)
	if !ok || len(object) != 1 {
		p.Add(at, "one_of", "must be an object with exactly one of %s", strings.Join(kinds(), ", "))
		return nil
	}
	if depth > p.depth {
		p.Add(at, "too_deep", "is nested deeper than %d rules", p.depth)
		return nil
	}
	name := slices.Collect(maps.Keys(object))[0]
	value, at = object[name], at+"/"+fault.Token(name)
	switch name {
	case "all":
		return All(p.rules(value, at, depth))
	case "any":
		return Any(p.rules(value, at, depth))
	case "not":
		return Not{p.rule(value, at, depth+1)}
	}
	p.conditions++
	return p.condition(name, value, at)
}

func (p *parser) condition(name string, value any, at string) Rule {
	switch name {
	case "topic":
		return p.topic(value, at)
	case "attribute":
		return p.attribute(value, at)
	case "engagement":
		return p.engagement(value, at)
	case "inactive":
		return p.inactive(value, at)
	case "country":
		return Country{p.texts(value, at, MaxValues, canonical.Country)}
	case "language":
		return Language{p.texts(value, at, MaxTopics, canonical.Language)}
	case "channel":
		return p.channel(value, at)
	case "created":
		return p.created(value, at)
	case "segment":
		return Member{p.text(value, at, Slug)}
	}
	p.Add(at, "unknown", "is none of %s", strings.Join(kinds(), ", "))
	return nil
}

func (p *parser) rules(value any, at string, depth int) []Rule {
	list, ok := value.([]any)
	if !ok || len(list) == 0 || len(list) > MaxConditions {
		p.Add(at, "count", "must be a list of 1 to %d rules", MaxConditions)
		return nil
	}
	rules := make([]Rule, 0, len(list))
	for i, value := range list {
		rules = append(rules, p.rule(value, fmt.Sprintf("%s/%d", at, i), depth+1))
	}
	return rules
}

// fields gives the fields of an object, of which only the named ones may be there. It is nil for anything else.
func (p *parser) fields(value any, at string, names ...string) map[string]any {
	object, ok := value.(map[string]any)
	if !ok {
		p.Add(at, "type", "must be an object")
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if !slices.Contains(names, name) {
			p.Add(at+"/"+fault.Token(name), "unknown", "is none of %s", strings.Join(names, ", "))
		}
	}
	return object
}

// text reads one text in its canonical form.
func (p *parser) text(value any, at string, read func(string) (string, error)) string {
	given, ok := value.(string)
	if !ok {
		p.Add(at, "type", "must be a text")
		return ""
	}
	text, err := read(given)
	if err != nil {
		p.Add(at, "format", "%s", err)
	}
	return text
}

// texts reads a set of them.
func (p *parser) texts(value any, at string, most int, read func(string) (string, error)) []string {
	list, ok := value.([]any)
	if !ok || len(list) == 0 || len(list) > most {
		p.Add(at, "count", "must be a list of 1 to %d texts", most)
		return nil
	}
	set := make([]string, 0, len(list))
	for i, value := range list {
		set = append(set, p.text(value, fmt.Sprintf("%s/%d", at, i), read))
	}
	slices.Sort(set)
	return slices.Compact(set)
}

// whole reads a whole number from 1; one that is left out is otherwise.
func (p *parser) whole(object map[string]any, at, name string, most, otherwise int) int {
	value, ok := object[name]
	if !ok && otherwise >= 0 {
		return otherwise
	}
	number, ok := value.(json.Number)
	n, err := number.Int64()
	if !ok || err != nil || n < 1 || n > int64(most) {
		p.Add(at+"/"+name, "range", "must be a whole number from 1 to %d", most)
		return 1
	}
	return int(n)
}

// flag reads a truth value; one that is left out is otherwise.
func (p *parser) flag(object map[string]any, at, name string, otherwise bool) bool {
	value, given := object[name]
	if !given {
		return otherwise
	}
	flag, ok := value.(bool)
	if !ok {
		p.Add(at+"/"+name, "type", "must be true or false")
	}
	return flag
}

// word reads one of some words.
func word[T ~string](p *parser, object map[string]any, at, name string, words []T) T {
	text, ok := object[name].(string)
	if !ok || !slices.Contains(words, T(text)) {
		list := make([]string, len(words))
		for i, w := range words {
			list[i] = string(w)
		}
		p.Add(at+"/"+name, "one_of", "must be one of %s", strings.Join(list, ", "))
		return ""
	}
	return T(text)
}
