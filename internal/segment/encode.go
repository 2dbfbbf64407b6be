package segment

import (
	"encoding/json"
	"time"
)

// Encode writes a rule as JSON in its canonical form, which Parse reads as the same rule: equal rules are equal texts.
func Encode(r Rule) []byte {
	text, err := json.Marshal(plain(r))
	if err != nil { // only strings, finite numbers and truth values are in it
		panic("encode a rule: " + err.Error())
	}
	return text
}

func encodeScalar(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(text)
}

// plain is a rule as the maps and lists that stand for it.
func plain(r Rule) map[string]any {
	switch r := r.(type) {
	case All:
		return map[string]any{"all": plains(r)}
	case Any:
		return map[string]any{"any": plains(r)}
	case Not:
		return map[string]any{"not": plain(r.Rule)}
	case Topic:
		if r.Every {
			return map[string]any{"topic": map[string]any{"all": r.Slugs}}
		}
		return map[string]any{"topic": map[string]any{"any": r.Slugs}}
	case Attribute:
		return map[string]any{"attribute": plainAttribute(r)}
	case Engagement:
		body := map[string]any{"metric": r.Metric, "weeks": r.Weeks, "op": r.Op, "value": r.Value}
		if r.Metric.Rate() {
			body["min_sent"] = r.MinSent
		}
		return map[string]any{"engagement": body}
	case Inactive:
		return map[string]any{"inactive": map[string]any{"days": r.Days, "never_sent": r.NeverSent}}
	case Country:
		return map[string]any{"country": r.Codes}
	case Language:
		return map[string]any{"language": r.Tags}
	case Channel:
		if r.Days > 0 {
			return map[string]any{"channel": map[string]any{"engaged": r.Kind, "days": r.Days}}
		}
		return map[string]any{"channel": map[string]any{"takes": r.Kind}}
	case Created:
		return map[string]any{"created": plainCreated(r)}
	case Member:
		return map[string]any{"segment": r.Slug}
	}
	return nil
}

func plains(rules []Rule) []map[string]any {
	list := make([]map[string]any, 0, len(rules))
	for _, r := range rules {
		list = append(list, plain(r))
	}
	return list
}

func plainAttribute(a Attribute) map[string]any {
	body := map[string]any{"name": a.Name, "op": a.Op, "value": a.Value}
	if a.Op == In {
		body["value"] = a.Values
	}
	return body
}

func plainCreated(c Created) map[string]any {
	body := map[string]any{}
	if !c.After.IsZero() {
		body["after"] = c.After.Format(time.RFC3339Nano)
	}
	if !c.Before.IsZero() {
		body["before"] = c.Before.Format(time.RFC3339Nano)
	}
	return body
}
