package jinja

import (
	"strconv"
	"strings"

	minijinja "github.com/mitsuhiko/minijinja/minijinja-go/v2"
	"github.com/mitsuhiko/minijinja/minijinja-go/v2/value"
)

// format is how {{ … }} writes a value: as Python's str() does, escaped in HTML unless it is safe.
func format(state *minijinja.State, v value.Value, _ func(string) string) string {
	b := budgetOf(state)
	s, ok := v.AsString()
	if !ok {
		if measure(v, maxTree) > maxTree {
			_ = b.pass("memory")
			return ""
		}
		s = text(v)
	}
	if !v.IsSafe() && state.AutoEscape().IsHTML() {
		s = escape(s)
	}
	if b.spend(len(s)) != nil {
		return ""
	}
	return s
}

// escaper writes what Jinja2's own escaping writes.
var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;")

func escape(s string) string {
	if !strings.ContainsAny(s, `&<>"'`) {
		return s
	}
	return escaper.Replace(s)
}

// escaped is the text of a value, escaped unless it is safe already.
func escaped(v value.Value) string {
	if v.IsSafe() {
		return text(v)
	}
	return escape(text(v))
}

// text is Python's str() of a value. The caller has measured it.
func text(v value.Value) string {
	if s, ok := v.AsString(); ok {
		return s
	}
	var b strings.Builder
	repr(&b, v, true)
	return b.String()
}

// repr writes a value as Python does; strings at the top stand without quotes.
func repr(b *strings.Builder, v value.Value, top bool) {
	switch v.Kind() {
	case value.KindUndefined:
		return
	case value.KindNone:
		b.WriteString("None")
	case value.KindBool:
		if v.IsTrue() {
			b.WriteString("True")
			return
		}
		b.WriteString("False")
	case value.KindString:
		s, _ := v.AsString()
		if top {
			b.WriteString(s)
			return
		}
		b.WriteString(quote(s))
	case value.KindNumber:
		b.WriteString(number(v))
	default:
		reprParts(b, v)
	}
}

func reprParts(b *strings.Builder, v value.Value) {
	if m, ok := asMap(v); ok {
		b.WriteByte('{')
		for i, key := range v.Iter() {
			if i > 0 {
				b.WriteString(", ")
			}
			name, _ := key.AsString()
			b.WriteString(quote(name))
			b.WriteString(": ")
			repr(b, m[name], false)
		}
		b.WriteByte('}')
		return
	}
	if _, isObject := v.AsObject(); isObject {
		return
	}
	b.WriteByte('[')
	for i, part := range elements(v) {
		if i > 0 {
			b.WriteString(", ")
		}
		repr(b, part, false)
	}
	b.WriteByte(']')
}

func quote(s string) string {
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		return `"` + strings.ReplaceAll(s, `\`, `\\`) + `"`
	}
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`, "\n", `\n`).Replace(s) + "'"
}

func number(v value.Value) string {
	if i, ok := v.AsInt(); ok && v.IsActualInt() {
		return strconv.FormatInt(i, 10)
	}
	if f, ok := v.AsFloat(); ok {
		s := strconv.FormatFloat(f, 'g', 16, 64)
		if short := strconv.FormatFloat(f, 'f', -1, 64); len(short) <= 17 {
			s = short
		}
		if !strings.ContainsAny(s, ".eIN") {
			s += ".0"
		}
		return s
	}
	return v.String()
}
