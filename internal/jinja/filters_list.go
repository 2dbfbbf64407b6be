package jinja

import (
	"errors"
	htmlpkg "html"
	"strconv"
	"strings"

	"github.com/mitsuhiko/minijinja/minijinja-go/v2/filters"
	"github.com/mitsuhiko/minijinja/minijinja-go/v2/value"
)

func unescape(s string) string { return htmlpkg.UnescapeString(s) }

// join joins a list's texts; if a part or the separator is safe HTML, the others are escaped.
func join(state filters.State, v value.Value, args filterArgs, kwargs keywords) (value.Value, error) {
	parts := v.Iter()
	separator := option(args, kwargs, 0, "d", value.FromString(""))
	if name, ok := kwargs["attribute"]; ok {
		attributes := make([]value.Value, len(parts))
		for i, part := range parts {
			attributes[i] = part.GetItem(name)
		}
		parts = attributes
	}
	safe := separator.IsSafe()
	size := measure(separator, maxTree) * len(parts)
	for _, part := range parts {
		safe = safe || part.IsSafe()
		size += measure(part, maxTree)
	}
	if size > maxTree {
		return value.Undefined(), budgetOf(state).pass("memory")
	}
	write := text
	if safe = safe && html(state); safe {
		write = escaped
	}
	texts := make([]string, len(parts))
	for i, part := range parts {
		texts[i] = write(part)
	}
	s := strings.Join(texts, write(separator))
	if safe {
		return value.FromSafeString(s), nil
	}
	return value.FromString(s), nil
}

func joinWith(state filters.State, v value.Value, args filterArgs, _ keywords) (value.Value, error) {
	if len(args) != 1 {
		return value.Undefined(), errors.New("join needs a list")
	}
	return bounded(short(join))(state, args[0], filterArgs{v}, nil)
}

// sum adds numbers only: adding up texts would copy each of them again and again.
func sum(state filters.State, v value.Value, args filterArgs, kwargs keywords) (value.Value, error) {
	parts := v.Iter()
	if name := option(args, kwargs, 0, "attribute", value.Undefined()); !name.IsUndefined() {
		attributes := make([]value.Value, len(parts))
		for i, part := range parts {
			attributes[i] = part.GetItem(name)
		}
		parts = attributes
	}
	for _, part := range parts {
		if part.Kind() != value.KindNumber {
			return value.Undefined(), errors.New("sum adds numbers only")
		}
	}
	return filters.FilterSum(state, value.FromSlice(parts), nil, nil)
}

// grouped bounds the number of groups that batch and slice make.
func grouped(filter filters.FilterFunc) filters.FilterFunc {
	return func(state filters.State, v value.Value, args []value.Value, kwargs map[string]value.Value) (value.Value, error) {
		if intOption(args, nil, 0, "", 1) > maxElements {
			return value.Undefined(), budgetOf(state).pass("memory")
		}
		return filter(state, v, args, kwargs)
	}
}

// defaultTo is the other value if v is not there, or with boolean also if it is empty.
func defaultTo(_ filters.State, v value.Value, args filterArgs, kwargs keywords) (value.Value, error) {
	empty := option(args, kwargs, 1, "boolean", value.False()).IsTrue() && !v.IsTrue()
	if v.IsUndefined() || empty {
		return option(args, kwargs, 0, "default_value", value.FromString("")), nil
	}
	return v, nil
}

func toJSON(state filters.State, v value.Value, args filterArgs, kwargs keywords) (value.Value, error) {
	if n := intOption(args, kwargs, 0, "indent", 0); n < 0 || n > 16 {
		return value.Undefined(), errWidth
	}
	if measure(v, maxString) > maxString {
		return value.Undefined(), budgetOf(state).pass("memory")
	}
	return filters.FilterTojson(state, v, args, kwargs)
}

func toInt(_ filters.State, v value.Value, args filterArgs, kwargs keywords) (value.Value, error) {
	if f, ok := toNumber(v); ok && f >= -(1<<53) && f <= 1<<53 {
		return value.FromInt(int64(f)), nil
	}
	return option(args, kwargs, 0, "default", value.FromInt(0)), nil
}

func toFloat(_ filters.State, v value.Value, args filterArgs, kwargs keywords) (value.Value, error) {
	if f, ok := toNumber(v); ok {
		return value.FromFloat(f), nil
	}
	return option(args, kwargs, 0, "default", value.FromFloat(0)), nil
}

func toNumber(v value.Value) (float64, bool) {
	if f, ok := v.AsFloat(); ok {
		return f, true
	}
	if b, ok := v.AsBool(); ok && b {
		return 1, true
	}
	s, _ := v.AsString()
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	return f, err == nil
}

func keys(state filters.State, v value.Value, _ filterArgs, _ keywords) (value.Value, error) {
	if m, ok := v.AsMap(); !ok || len(m) > maxElements {
		return value.FromSlice(nil), nil
	}
	out := value.FromSlice(v.Iter())
	return out, budgetOf(state).admit(out)
}

func mapValues(state filters.State, v value.Value, _ filterArgs, _ keywords) (value.Value, error) {
	m, ok := v.AsMap()
	if !ok || len(m) > maxElements {
		return value.FromSlice(nil), nil
	}
	list := make([]value.Value, 0, len(m))
	for _, key := range v.Iter() {
		name, _ := key.AsString()
		list = append(list, m[name])
	}
	out := value.FromSlice(list)
	return out, budgetOf(state).admit(out)
}

func get(_ filters.State, v value.Value, args filterArgs, _ keywords) (value.Value, error) {
	if len(args) == 0 {
		return value.Undefined(), errors.New("get needs a key")
	}
	if found := v.GetItem(args[0]); !found.IsUndefined() || len(args) < 2 {
		return found, nil
	}
	return args[1], nil
}

func startsWith(_ filters.State, v value.Value, args filterArgs, _ keywords) (value.Value, error) {
	return affix(v, args, strings.HasPrefix)
}

func endsWith(_ filters.State, v value.Value, args filterArgs, _ keywords) (value.Value, error) {
	return affix(v, args, strings.HasSuffix)
}

func affix(v value.Value, args filterArgs, has func(string, string) bool) (value.Value, error) {
	if len(args) == 0 {
		return value.Undefined(), errors.New("a text to look for is missing")
	}
	s, ok := v.AsString()
	part, _ := args[0].AsString()
	return value.FromBool(ok && has(s, part)), nil
}

func divisibleBy(_ filters.State, v value.Value, args []value.Value) (bool, error) {
	if len(args) == 0 {
		return false, errors.New("divisibleby needs a number")
	}
	n, ok := v.AsInt()
	by, byOK := args[0].AsInt()
	return ok && byOK && by != 0 && n%by == 0, nil
}
