package jinja

import (
	minijinja "github.com/mitsuhiko/minijinja/minijinja-go/v2"
	"github.com/mitsuhiko/minijinja/minijinja-go/v2/filters"
	"github.com/mitsuhiko/minijinja/minijinja-go/v2/tests"
	"github.com/mitsuhiko/minijinja/minijinja-go/v2/value"
)

// authorFilters are the filters that templates may use. There is no safe, no debug and nothing that
// reads from outside; those of minijinja-go that can make much from little are replaced by ours.
func authorFilters() map[string]filters.FilterFunc {
	return map[string]filters.FilterFunc{
		// texts
		"upper": filters.FilterUpper, "lower": filters.FilterLower, "capitalize": filters.FilterCapitalize,
		"title": filters.FilterTitle, "trim": filters.FilterTrim, "replace": replace, "format": formatted,
		"escape": filterEscape, "e": filterEscape, "forceescape": forceEscape, "string": toString,
		"split": filters.FilterSplit, "lines": filters.FilterLines, "indent": indent, "truncate": truncate,
		"striptags": stripTags, "wordcount": wordCount, "center": center, "urlencode": filters.FilterUrlencode,
		// lists
		"length": filters.FilterLength, "count": filters.FilterLength, "first": filters.FilterFirst,
		"last": filters.FilterLast, "reverse": filters.FilterReverse, "sort": filters.FilterSort, "join": join,
		"list": filters.FilterList, "unique": filters.FilterUnique, "min": filters.FilterMin, "max": filters.FilterMax,
		"sum": sum, "batch": grouped(filters.FilterBatch), "slice": grouped(filters.FilterSlice),
		"map": filters.FilterMap, "select": filters.FilterSelect, "reject": filters.FilterReject,
		"selectattr": filters.FilterSelectAttr, "rejectattr": filters.FilterRejectAttr,
		"groupby": filters.FilterGroupBy,
		// numbers
		"abs": filters.FilterAbs, "int": toInt, "float": toFloat, "round": filters.FilterRound, "bool": filters.FilterBool,
		// maps and the rest
		"items": filters.FilterItems, "dictsort": filters.FilterDictSort, "attr": filters.FilterAttr,
		"default": defaultTo, "d": defaultTo, "tojson": toJSON,
	}
}

// guardFilters are what guard.go puts into sources; authors cannot name them.
func guardFilters() map[string]filters.FilterFunc {
	return map[string]filters.FilterFunc{
		"__add": opAdd, "__cat": opConcat, "__mul": opMultiply, "__compare": opCompare, "__iter": opIterate,
		"__box": opBox, "__capture": opCapture, "__url": safeURL, "__bare": bareValue, "__keys": keys, "__values": mapValues,
		"__get": get, "__startswith": startsWith, "__endswith": endsWith, "__join": joinWith,
	}
}

// bounded lets a filter neither walk nor make more than the budget allows.
func bounded(filter filters.FilterFunc) filters.FilterFunc {
	return func(state filters.State, v value.Value, args []value.Value, kwargs map[string]value.Value) (value.Value, error) {
		b := budgetOf(state)
		n, _ := v.Len()
		if v.Kind() == value.KindString && n > maxString || v.Kind() != value.KindString && n > maxElements {
			return value.Undefined(), b.pass("memory")
		}
		if err := b.spend(n); err != nil {
			return value.Undefined(), err
		}
		out, err := filter(state, v, args, kwargs)
		if err != nil {
			return value.Undefined(), err
		}
		return out, b.admit(out)
	}
}

// walking are the filters that turn a text into a list of its letters, each a value of its own.
var walking = [...]string{
	"list", "sort", "unique", "min", "max", "first", "last", "map", "select", "reject", "selectattr",
	"rejectattr", "groupby", "batch", "slice", "join", "sum", "lines", "split",
}

// short refuses texts that are too long to be walked letter by letter.
func short(filter filters.FilterFunc) filters.FilterFunc {
	return func(state filters.State, v value.Value, args []value.Value, kwargs map[string]value.Value) (value.Value, error) {
		if s, ok := v.AsString(); ok && len(s) > maxElements {
			return value.Undefined(), budgetOf(state).pass("memory")
		}
		return filter(state, v, args, kwargs)
	}
}

func addFilters(env *minijinja.Environment) map[string]bool {
	names := map[string]bool{}
	all := authorFilters()
	for _, name := range walking {
		all[name] = short(all[name])
	}
	for name, filter := range all {
		env.AddFilter(name, bounded(filter))
		names[name] = true
	}
	for name, filter := range guardFilters() {
		env.AddFilter(name, filter)
	}
	return names
}

func addTests(env *minijinja.Environment) map[string]bool {
	all := map[string]minijinja.TestFunc{
		"defined": tests.TestDefined, "undefined": tests.TestUndefined, "none": tests.TestNone,
		"true": tests.TestTrue, "false": tests.TestFalse, "odd": tests.TestOdd, "even": tests.TestEven,
		"divisibleby": divisibleBy, "eq": tests.TestEq, "equalto": tests.TestEq, "ne": tests.TestNe,
		"lt": tests.TestLt, "lessthan": tests.TestLt, "le": tests.TestLe, "gt": tests.TestGt,
		"greaterthan": tests.TestGt, "ge": tests.TestGe, "in": tests.TestIn, "string": tests.TestString,
		"number": tests.TestNumber, "integer": tests.TestInteger, "float": tests.TestFloat,
		"boolean": tests.TestBoolean, "sequence": tests.TestSequence, "mapping": tests.TestMapping,
		"iterable": tests.TestIterable, "sameas": tests.TestSameAs, "lower": tests.TestLower, "upper": tests.TestUpper,
		"escaped": tests.TestSafe,
	}
	names := map[string]bool{}
	for name, test := range all {
		env.AddTest(name, test)
		names[name] = true
	}
	return names
}
