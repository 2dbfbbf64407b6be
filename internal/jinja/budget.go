package jinja

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/mitsuhiko/minijinja/minijinja-go/v2/filters"
	"github.com/mitsuhiko/minijinja/minijinja-go/v2/value"

	"github.com/presswork/presswork/internal/template"
)

const (
	// maxString is the longest string that a template may make, in bytes: far above a whole mail, which
	// clients clip at some 100 KB, and low enough that filters may copy it a few times.
	maxString = 256 << 10
	// maxElements is the longest list that a template may make or walk.
	maxElements = 10_000
	// maxTree is the most bytes a list or map may stand for when it is written out, shared parts counted
	// each time: [x, x] twice fifty times is a small value and an endless text.
	maxTree = 4 << 20
	// elementSize is what an element of a list or map costs beside its content.
	elementSize = 32
	// clockEvery is how many charges go by between two looks at the clock.
	clockEvery = 64
	// clockMost is the most that counts between two looks. What 64 charges pay for takes less; when more has passed,
	// the machine was busy with something else, and no reader must go without a mail for that.
	clockMost = 50 * time.Millisecond
)

// errBudget ends a render whose budget is spent; the budget says which bound it was.
var errBudget = errors.New("the render's budget is spent")

// budget bounds one render. It travels as the render's context, so that every filter finds it.
type budget struct {
	context.Context

	out     output
	bytes   int
	charges int
	looked  time.Time     // at the clock, last
	took    time.Duration // so far
	// limit is the bound that was passed, empty if none was.
	limit string
}

func newBudget(sizeHint int) *budget {
	b := &budget{Context: context.Background(), looked: time.Now()}
	b.out.budget = b
	b.out.Grow(sizeHint)
	return b
}

// budgetOf finds the budget of a running render.
func budgetOf(state filters.State) *budget {
	if b, ok := state.Context().(*budget); ok {
		return b
	}
	return newBudget(0)
}

func (b *budget) pass(limit string) error {
	if b.limit == "" {
		b.limit = limit
	}
	return errBudget
}

// spend charges n bytes of memory and one operation.
func (b *budget) spend(n int) error {
	if b.limit != "" {
		return errBudget
	}
	b.bytes += n
	if b.bytes > template.MaxMemory || n < 0 {
		return b.pass("memory")
	}
	b.charges++
	if b.charges%clockEvery == 0 && b.elapsed(time.Now()) > template.MaxTime {
		return b.pass("time")
	}
	return nil
}

// elapsed is how long the render has been at work, as far as that can be told from outside.
func (b *budget) elapsed(now time.Time) time.Duration {
	b.took += min(now.Sub(b.looked), clockMost)
	b.looked = now
	return b.took
}

// newString charges a string that is about to be made.
func (b *budget) newString(size int) error {
	if size > maxString {
		return b.pass("memory")
	}
	return b.spend(size)
}

// admit charges a value that was made, and refuses one that is too large when written out.
func (b *budget) admit(v value.Value) error {
	switch v.Kind() {
	case value.KindString:
		s, _ := v.AsString()
		return b.newString(len(s))
	case value.KindSeq, value.KindMap, value.KindIterable:
		if measure(v, maxTree) > maxTree {
			return b.pass("memory")
		}
		n, _ := v.Len()
		return b.spend(n * elementSize)
	default:
		return b.spend(0)
	}
}

// measure is the size of a value written out, in bytes; beyond limit it is only known to be greater.
// Objects are leaves: a namespace cannot stand in another value, see box.
func measure(v value.Value, limit int) int {
	if s, ok := v.AsString(); ok {
		return len(s) + elementSize
	}
	size := elementSize
	if m, ok := asMap(v); ok {
		for key, part := range m {
			if size += len(key) + measure(part, limit-size); size > limit {
				break
			}
		}
		return size
	}
	for _, part := range elements(v) {
		if size += measure(part, limit-size); size > limit {
			break
		}
	}
	return size
}

// elements are the parts of a list, nil for anything else.
func elements(v value.Value) []value.Value {
	if list, ok := v.AsSlice(); ok {
		return list
	}
	if v.Kind() == value.KindIterable {
		return v.Iter()
	}
	return nil
}

// asMap is AsMap for plain maps only.
func asMap(v value.Value) (map[string]value.Value, bool) {
	if _, isObject := v.AsObject(); isObject {
		return nil, false
	}
	return v.AsMap()
}

// output collects what a render writes, up to the bound.
type output struct {
	strings.Builder
	budget *budget
}

// Write is there for io.Writer; the engine uses WriteString.
func (o *output) Write(p []byte) (int, error) { return o.WriteString(string(p)) }

// WriteString appends s; beyond template.MaxOutput it fails.
func (o *output) WriteString(s string) (int, error) {
	if o.Len()+len(s) > template.MaxOutput {
		return 0, o.budget.pass("output")
	}
	return o.Builder.WriteString(s)
}
