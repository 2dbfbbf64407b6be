package template

import (
	"fmt"
	"slices"
	"strings"
)

// Element stands in a Variable's path for "an element of this list".
const Element = "[]"

// Variable is one place where a source reads data from outside.
type Variable struct {
	// Name is the variable as it stands in the source: "item.titel".
	Name string
	// Path is where it leads from the top of the data, loop variables resolved: items, [], titel.
	Path []string
	// Line and Column count from 1; columns are in characters.
	Line, Column int
}

// Problem is a variable that is not among the known ones.
type Problem struct {
	// Variable is the name as it stands in the source.
	Variable     string
	Line, Column int
	// Suggestion is the known variable that was probably meant, empty if none is near.
	Suggestion string
}

// String is the problem as a sentence.
func (p Problem) String() string {
	text := fmt.Sprintf("line %d, column %d: there is no variable %s", p.Line, p.Column, p.Variable)
	if p.Suggestion != "" {
		text += fmt.Sprintf(", did you mean %s?", p.Suggestion)
	}
	return text
}

// Check finds every variable that is not among the known ones, in source order. It is strict where
// Program.Render is lenient. Variables with a default filter or under "if x is defined" do not occur
// in a program's variables and so are not missing.
func Check(program Program, known Shape) []Problem { return CheckVariables(program.Variables(), known) }

// CheckVariables is Check for the variables of a program that need not be at hand any more.
func CheckVariables(variables []Variable, known Shape) []Problem {
	var out []Problem
	for _, v := range variables {
		missing, shape, ok := resolve(v.Path, known)
		if ok || written(v, missing) < 0 {
			continue
		}
		out = append(out, Problem{
			Variable: v.Name, Line: v.Line, Column: v.Column, Suggestion: suggest(v, missing, shape, known),
		})
	}
	return out
}

// resolve walks a path; if a part is not known it returns that part's index and the shape it was
// looked for in.
func resolve(path []string, shape Shape) (missing int, at Shape, ok bool) {
	for i, part := range path {
		switch {
		case shape.Open:
			return 0, shape, true
		case part == Element && shape.Elem != nil:
			shape = *shape.Elem
		default:
			next, found := shape.Fields[part]
			if !found {
				return i, shape, false
			}
			shape = next
		}
	}
	return 0, shape, true
}

// suggest names the known variable nearest to the missing part of v.
func suggest(v Variable, missing int, shape, known Shape) string {
	wrong := v.Path[missing]
	if best := Nearest(wrong, shape.names()); best != "" {
		return renamed(v, missing, best)
	}
	if missing > 0 {
		return ""
	}
	return suggestInner(wrong, known)
}

// suggestInner looks for a name one level further down: first_name for subscriber.first_name. It goes
// backwards through the alphabet, so that the subscriber comes before sender and item.
func suggestInner(wrong string, known Shape) string {
	names := known.names()
	for _, name := range slices.Backward(names) {
		if _, ok := known.Fields[name].Fields[wrong]; ok {
			return name + "." + wrong
		}
	}
	for _, name := range slices.Backward(names) {
		if best := Nearest(wrong, known.Fields[name].names()); best != "" {
			return name + "." + best
		}
	}
	return ""
}

// written is which dot-separated part of v.Name is part i of v.Path, negative if that part does not stand
// there: in a loop over a list that is missing, the loop variable is not another fault. The name may be
// shorter than the path (item for items, []), so parts are counted from the end.
func written(v Variable, i int) int {
	return strings.Count(v.Name, ".") + 1 - (len(v.Path) - i)
}

// renamed is v's name with part i of its path replaced.
func renamed(v Variable, i int, best string) string {
	parts := strings.Split(v.Name, ".")
	parts[written(v, i)] = best
	return strings.Join(parts, ".")
}
