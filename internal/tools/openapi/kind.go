package main

import (
	"fmt"
	"strings"
)

// typeView is a type in words: List before the Name of a schema, which the page links to, or only Words.
type typeView struct {
	List   bool
	Name   string
	Words  string
	OrNull bool
}

// kind says in words what a schema lets through.
func (v viewer) kind(o *object) typeView {
	if ref := o.text("$ref"); ref != "" {
		return typeView{Name: ref[strings.LastIndex(ref, "/")+1:]}
	}
	if one := o.list("oneOf"); len(one) > 0 && !o.has("properties") {
		first, _ := one[0].(*object)
		t := v.kind(first)
		t.OrNull = true
		return t
	}
	types := o.list("type")
	if text := o.text("type"); text != "" {
		types = []any{text}
	}
	var t typeView
	var names []string
	for _, one := range types {
		if one == "null" {
			t.OrNull = true
			continue
		}
		names = append(names, fmt.Sprint(one))
	}
	if len(names) == 1 && names[0] == "array" {
		inner := v.kind(o.object("items"))
		inner.List, inner.OrNull = true, t.OrNull
		inner.Words = strings.TrimSpace(inner.Words + bounds(o, "minItems", "maxItems", "items"))
		return inner
	}
	t.Words = strings.Join(names, " or ") + details(o)
	return t
}

// details are format, values and limits.
func details(o *object) string {
	var b strings.Builder
	if format := o.text("format"); format != "" {
		b.WriteString(" (" + format + ")")
	}
	if values := o.list("enum"); values != nil {
		var list []string
		for _, value := range values {
			if value != nil {
				list = append(list, fmt.Sprintf("%q", value))
			}
		}
		b.WriteString(": " + strings.Join(list, ", "))
	}
	if constant, there := o.values["const"]; there {
		fmt.Fprintf(&b, ": %v", constant)
	}
	b.WriteString(bounds(o, "minimum", "maximum", ""))
	b.WriteString(bounds(o, "minLength", "maxLength", "characters"))
	if pattern := o.text("pattern"); pattern != "" {
		b.WriteString(", like " + pattern)
	}
	return b.String()
}

// bounds are two limits in words.
func bounds(o *object, least, most, of string) string {
	low, hasLow := o.values[least]
	high, hasHigh := o.values[most]
	if of != "" {
		of = " " + of
	}
	switch {
	case hasLow && hasHigh:
		return fmt.Sprintf(", %v to %v%s", low, high, of)
	case hasLow:
		return fmt.Sprintf(", at least %v%s", low, of)
	case hasHigh:
		return fmt.Sprintf(", at most %v%s", high, of)
	default:
		return ""
	}
}
