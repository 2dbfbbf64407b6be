package jinja

import (
	"errors"
	"sort"

	minijinja "github.com/mitsuhiko/minijinja/minijinja-go/v2"
	"github.com/mitsuhiko/minijinja/minijinja-go/v2/value"
)

// names are what templates may use.
type names struct{ filters, tests, functions map[string]bool }

func sortedNames(set map[string]bool) []string {
	out := make([]string, 0, len(set))
	for name := range set {
		out = append(out, name)
	}
	sort.Strings(out)
	return out
}

func addFunctions(env *minijinja.Environment) map[string]bool {
	env.AddFunction("__tick", fnTick)
	env.AddFunction("range", fnRange)
	env.AddFunction("dict", fnDict)
	env.AddFunction("namespace", fnNamespace)
	env.AddFunction("cycler", fnCycler)
	env.AddFunction("joiner", fnJoiner)
	// super, caller and loop are the evaluator's own, where they mean something.
	return map[string]bool{
		"range": true, "dict": true, "namespace": true, "cycler": true, "joiner": true, "super": true,
	}
}

// fnTick charges a body's literal text, and looks at the clock in loops that do nothing else.
func fnTick(state *minijinja.State, args []value.Value, _ map[string]value.Value) (value.Value, error) {
	n, _ := args[0].AsInt()
	return value.Undefined(), budgetOf(state).spend(int(n))
}

func fnRange(state *minijinja.State, args []value.Value, _ map[string]value.Value) (value.Value, error) {
	bounds := make([]int64, 0, 3)
	for _, arg := range args {
		n, ok := arg.AsInt()
		if !ok || n < -1<<31 || n > 1<<31 {
			return value.Undefined(), errors.New("range needs whole numbers of moderate size")
		}
		bounds = append(bounds, n)
	}
	var start, stop, step int64 = 0, 0, 1
	switch len(bounds) {
	case 1:
		stop = bounds[0]
	case 2:
		start, stop = bounds[0], bounds[1]
	case 3:
		start, stop, step = bounds[0], bounds[1], bounds[2]
	}
	if step == 0 || len(bounds) == 0 || len(bounds) > 3 {
		return value.Undefined(), errors.New("range needs one to three numbers, and a step that is not 0")
	}
	if (stop-start)/step > maxElements {
		return value.Undefined(), budgetOf(state).pass("memory")
	}
	var list []value.Value
	for i := start; step > 0 && i < stop || step < 0 && i > stop; i += step {
		list = append(list, value.FromInt(i))
	}
	return value.FromSlice(list), budgetOf(state).spend(len(list) * elementSize)
}

func fnDict(state *minijinja.State, args []value.Value, kwargs map[string]value.Value) (value.Value, error) {
	out := make(map[string]value.Value, len(kwargs))
	if len(args) > 0 {
		given, ok := asMap(args[0])
		if !ok {
			return value.Undefined(), errors.New("dict needs a mapping or named values")
		}
		for name, v := range given {
			out[name] = v
		}
	}
	for name, v := range kwargs {
		out[name] = v
	}
	return opBox(state, value.FromMap(out), nil, nil)
}

var errNamespace = errors.New("a namespace cannot stand in a list or map")

// namespace is the one value that templates can change. It takes plain values only, so that it can
// never come to hold itself.
type namespace struct {
	values map[string]value.Value
	budget *budget
}

func fnNamespace(state *minijinja.State, args []value.Value, kwargs map[string]value.Value) (value.Value, error) {
	ns := &namespace{values: make(map[string]value.Value, len(kwargs)), budget: budgetOf(state)}
	if len(args) > 0 {
		given, _ := asMap(args[0])
		for name, v := range given {
			ns.SetAttr(name, v)
		}
	}
	for name, v := range kwargs {
		ns.SetAttr(name, v)
	}
	return value.FromObject(ns), nil
}

func isNamespace(v value.Value) bool {
	object, ok := v.AsObject()
	if !ok {
		return false
	}
	_, ok = object.(*namespace)
	return ok
}

// GetAttr reads a value; what was not set is undefined.
func (n *namespace) GetAttr(name string) value.Value {
	if v, ok := n.values[name]; ok {
		return v
	}
	return value.Undefined()
}

// SetAttr takes a plain value, and nothing else.
func (n *namespace) SetAttr(name string, v value.Value) {
	if _, isObject := v.AsObject(); isObject || len(n.values) >= maxElements || n.budget.admit(v) != nil {
		return
	}
	n.values[name] = v
}

// String is what writing out the namespace itself gives.
func (n *namespace) String() string { return "" }

// method is a function as a value.
type method func(args []value.Value) (value.Value, error)

// Call runs the method.
func (m method) Call(_ value.State, args []value.Value, _ map[string]value.Value) (value.Value, error) {
	return m(args)
}

// cycler goes round its values.
type cycler struct {
	values []value.Value
	at     int
}

func fnCycler(_ *minijinja.State, args []value.Value, _ map[string]value.Value) (value.Value, error) {
	if len(args) == 0 {
		return value.Undefined(), errors.New("cycler needs values")
	}
	return value.FromObject(&cycler{values: args}), nil
}

// GetAttr gives the cycler's methods next and reset, and its current value.
func (c *cycler) GetAttr(name string) value.Value {
	switch name {
	case "current":
		return c.values[c.at]
	case "next":
		return value.FromCallable(method(func([]value.Value) (value.Value, error) {
			v := c.values[c.at]
			c.at = (c.at + 1) % len(c.values)
			return v, nil
		}))
	case "reset":
		return value.FromCallable(method(func([]value.Value) (value.Value, error) {
			c.at = 0
			return value.Undefined(), nil
		}))
	}
	return value.Undefined()
}

// fnJoiner makes a function that gives nothing the first time and then the separator.
func fnJoiner(_ *minijinja.State, args []value.Value, _ map[string]value.Value) (value.Value, error) {
	separator := value.FromString(", ")
	if len(args) > 0 {
		separator = args[0]
	}
	used := false
	return value.FromCallable(method(func([]value.Value) (value.Value, error) {
		if !used {
			used = true
			return value.FromString(""), nil
		}
		return separator, nil
	})), nil
}
