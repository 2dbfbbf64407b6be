package jinja

import (
	"errors"
	"strings"

	"github.com/mitsuhiko/minijinja/minijinja-go/v2/filters"
	"github.com/mitsuhiko/minijinja/minijinja-go/v2/value"
)

type filterArgs = []value.Value

type keywords = map[string]value.Value

// html says whether the running template escapes.
func html(state filters.State) bool {
	s, ok := state.(interface{ AutoEscapeEnabled() bool })
	return ok && s.AutoEscapeEnabled()
}

// concat joins the texts of two values; if one is safe HTML the other is escaped, as in Jinja2.
func concat(state filters.State, a, b value.Value) (value.Value, error) {
	budget := budgetOf(state)
	if measure(a, maxTree)+measure(b, maxTree) > maxTree {
		return value.Undefined(), budget.pass("memory")
	}
	safe := html(state) && (a.IsSafe() || b.IsSafe())
	left, right := text(a), text(b)
	if safe {
		left, right = escaped(a), escaped(b)
	}
	if err := budget.newString(len(left) + len(right)); err != nil {
		return value.Undefined(), err
	}
	if safe {
		return value.FromSafeString(left + right), nil
	}
	return value.FromString(left + right), nil
}

func opConcat(state filters.State, a value.Value, args filterArgs, _ keywords) (value.Value, error) {
	return concat(state, a, args[0])
}

func opAdd(state filters.State, a value.Value, args filterArgs, _ keywords) (value.Value, error) {
	b := args[0]
	if a.Kind() == value.KindString && b.Kind() == value.KindString {
		return concat(state, a, b)
	}
	sum, err := a.Add(b)
	if err != nil {
		return value.Undefined(), errors.New("these values cannot be added")
	}
	return sum, budgetOf(state).admit(sum)
}

func opMultiply(state filters.State, a value.Value, args filterArgs, _ keywords) (value.Value, error) {
	b := args[0]
	if a.Kind() == value.KindNumber && b.Kind() != value.KindNumber {
		a, b = b, a
	}
	if n, ok := b.AsInt(); ok && a.Kind() != value.KindNumber {
		size := int64(measure(a, maxTree))
		if n < 0 {
			b = value.FromInt(0)
		} else if n > maxString/size {
			return value.Undefined(), budgetOf(state).pass("memory")
		}
	}
	product, err := a.Mul(b)
	if err != nil {
		return value.Undefined(), errors.New("these values cannot be multiplied")
	}
	return product, budgetOf(state).admit(product)
}

// opCompare is a run of comparisons: operator, operand, operator, operand …
func opCompare(state filters.State, left value.Value, args filterArgs, _ keywords) (value.Value, error) {
	for i := 0; i+1 < len(args); i += 2 {
		op, _ := args[i].AsString()
		right := args[i+1]
		if cost := measure(left, maxTree) + measure(right, maxTree); cost > elementSize*4 {
			if err := budgetOf(state).spend(cost / elementSize); err != nil {
				return value.Undefined(), err
			}
		}
		holds, err := compare(op, left, right)
		if err != nil || !holds {
			return value.FromBool(false), err
		}
		left = right
	}
	return value.FromBool(true), nil
}

func compare(op string, a, b value.Value) (bool, error) {
	switch op {
	case "==":
		return a.Equal(b), nil
	case "!=":
		return !a.Equal(b), nil
	case "in":
		return contains(b, a), nil
	case "not in":
		return !contains(b, a), nil
	}
	if a.IsUndefined() || b.IsUndefined() {
		return false, nil
	}
	order, ok := a.Compare(b)
	if !ok || a.Kind() != b.Kind() {
		return false, errors.New("these values cannot be compared")
	}
	switch op {
	case "<":
		return order < 0, nil
	case "<=":
		return order <= 0, nil
	case ">":
		return order > 0, nil
	}
	return order >= 0, nil
}

func contains(in, part value.Value) bool {
	if in.Kind() == value.KindIterable {
		in = value.FromSlice(in.Iter())
	}
	if s, ok := in.AsString(); ok {
		p, isString := part.AsString()
		return isString && strings.Contains(s, p)
	}
	return in.Contains(part)
}

// opIterate admits what a loop is about to walk. Texts are walked letter by letter, each a value.
func opIterate(state filters.State, v value.Value, _ filterArgs, _ keywords) (value.Value, error) {
	n, _ := v.Len()
	if n > maxElements {
		return value.Undefined(), budgetOf(state).pass("memory")
	}
	if v.Kind() == value.KindString {
		n *= elementSize
	}
	if list, ok := v.AsSlice(); ok && list == nil {
		v = value.FromSlice([]value.Value{}) // an empty slice of a list: the evaluator takes it for none
	}
	return v, budgetOf(state).spend(n)
}

// opBox admits a new list, map or slice. A namespace may not stand in one: it could then hold itself,
// and writing it out would never end.
func opBox(state filters.State, v value.Value, _ filterArgs, _ keywords) (value.Value, error) {
	for _, part := range elements(v) {
		if isNamespace(part) {
			return value.Undefined(), errNamespace
		}
	}
	if m, ok := asMap(v); ok {
		for _, part := range m {
			if isNamespace(part) {
				return value.Undefined(), errNamespace
			}
		}
	}
	return v, budgetOf(state).admit(v)
}

// opCapture makes the text of a set block a value: in HTML it is escaped already, so it is safe.
func opCapture(state filters.State, v value.Value, _ filterArgs, _ keywords) (value.Value, error) {
	s, _ := v.AsString()
	if err := budgetOf(state).newString(len(s)); err != nil {
		return value.Undefined(), err
	}
	if html(state) {
		return value.FromSafeString(s), nil
	}
	return v, nil
}
