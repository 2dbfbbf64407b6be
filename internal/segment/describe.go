package segment

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Describe says in English what a rule holds for, as the end of "readers who …".
func Describe(r Rule) string {
	switch r := r.(type) {
	case All:
		return joined(r, " and ")
	case Any:
		return joined(r, " or ")
	case Not:
		return "do not fulfil: " + bracketed(r.Rule)
	case Topic:
		if r.Every && len(r.Slugs) > 1 {
			return "have chosen all of the topics " + quoted(r.Slugs, " and ")
		}
		return "have chosen " + ofMany(r.Slugs, "the topic ", "one of the topics ")
	case Attribute:
		return describeAttribute(r)
	case Engagement:
		return describeEngagement(r)
	case Inactive:
		text := fmt.Sprintf("have neither opened nor clicked anything for %s, and were sent something before that", count(r.Days, "day"))
		if r.NeverSent {
			text += ", or were never sent anything since they came that long ago"
		}
		return text
	case Country:
		return "live in " + strings.Join(r.Codes, " or ")
	case Language:
		return "read " + strings.Join(r.Tags, " or ")
	case Channel:
		if r.Days > 0 {
			return fmt.Sprintf("opened or clicked something that came by %s in the last %s", r.Kind, count(r.Days, "day"))
		}
		return "take messages by " + r.Kind
	case Created:
		return describeCreated(r)
	case Member:
		return "belong to the segment " + strconv.Quote(r.Slug)
	}
	return "are nobody"
}

func joined(rules []Rule, with string) string {
	if len(rules) == 1 {
		return Describe(rules[0])
	}
	parts := make([]string, len(rules))
	for i, r := range rules {
		parts[i] = bracketed(r)
	}
	return strings.Join(parts, with)
}

// bracketed sets a rule of several parts in brackets.
func bracketed(r Rule) string {
	switch rules := r.(type) {
	case All:
		if len(rules) > 1 {
			return "(" + Describe(r) + ")"
		}
	case Any:
		if len(rules) > 1 {
			return "(" + Describe(r) + ")"
		}
	case Not, Topic, Attribute, Engagement, Inactive, Country, Language, Channel, Created, Member:
	}
	return Describe(r)
}

func quoted(texts []string, with string) string {
	list := make([]string, len(texts))
	for i, text := range texts {
		list[i] = strconv.Quote(text)
	}
	return strings.Join(list, with)
}

func ofMany(texts []string, one, many string) string {
	if len(texts) == 1 {
		return one + strconv.Quote(texts[0])
	}
	return many + quoted(texts, " and ")
}

func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

func describeAttribute(a Attribute) string {
	name := "the attribute " + strconv.Quote(a.Name)
	switch a.Op {
	case Exists:
		if a.Value == false {
			return "do not have " + name
		}
		return "have " + name
	case In:
		values := make([]string, len(a.Values))
		for i, v := range a.Values {
			values[i] = encodeScalar(v)
		}
		return "have " + name + " as one of " + strings.Join(values, ", ")
	case Eq:
		return "have " + name + " as " + encodeScalar(a.Value)
	case Ne:
		return "have " + name + " as something else than " + encodeScalar(a.Value)
	case Contains:
		return "have " + name + " with " + encodeScalar(a.Value) + " in it"
	case Gt, Gte, Lt, Lte:
	}
	return "have " + name + " " + order(a.Op) + " " + encodeScalar(a.Value)
}

func order(op Op) string {
	switch op {
	case Gt:
		return "above"
	case Gte:
		return "at or above"
	case Lt:
		return "below"
	case Lte:
		return "at or below"
	case Eq, Ne, In, Contains, Exists:
	}
	return "at"
}

func describeEngagement(e Engagement) string {
	window := "of the last " + count(e.Weeks, "week") + " and this one"
	verb := "opened"
	if e.Metric == ClickRate || e.Metric == Clicked {
		verb = "clicked"
	}
	switch {
	case e.Metric.Rate():
		share := strconv.FormatFloat(e.Value*100, 'g', 10, 64)
		text := fmt.Sprintf("%s a share %s %s %% of the publications %s", verb, order(e.Op), share, window)
		if e.MinSent > 1 {
			text += fmt.Sprintf(", of which they got %d or more", e.MinSent)
		}
		return text
	case e.Metric == Sent:
		verb = "were sent"
	}
	return fmt.Sprintf("%s a number %s %d of the publications %s", verb, order(e.Op), int(e.Value), window)
}

func describeCreated(c Created) string {
	text := "became subscribers"
	if !c.After.IsZero() {
		text += " at or after " + c.After.Format(time.RFC3339)
	}
	if !c.Before.IsZero() {
		text += " before " + c.Before.Format(time.RFC3339)
	}
	return text
}
