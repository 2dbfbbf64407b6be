package jinja

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	minijinja "github.com/mitsuhiko/minijinja/minijinja-go/v2"

	"github.com/presswork/presswork/internal/jinja/syntax"
	"github.com/presswork/presswork/internal/template"
)

// prefixes stand before the names of templates inside minijinja-go and say what they produce; a
// partial is there once for each kind.
var prefixes = [...]string{template.HTML: "html:", template.Text: "text:"}

// Engine implements template.Engine.
type Engine struct {
	env   *minijinja.Environment
	names *names
	// partials are the templates that others may extend, include and import.
	partials map[string][]*syntax.Stmt
}

var _ template.Engine = (*Engine)(nil)

// New makes an engine with the named partials; there is no other way for a template to reach another
// one, and none to reach a file. It returns *template.SyntaxError for a partial that does not parse,
// names an unknown one or, through others, itself.
func New(partials map[string]string) (*Engine, error) {
	env := minijinja.EmptyEnvironment()
	e := &Engine{env: env, partials: make(map[string][]*syntax.Stmt, len(partials))}
	e.names = &names{filters: addFilters(env), tests: addTests(env), functions: addFunctions(env)}
	fuel := uint64(template.MaxSteps)
	env.SetFuel(&fuel)
	env.SetRecursionLimit(template.MaxDepth)
	env.SetUndefinedBehavior(minijinja.UndefinedChainable)
	env.SetFormatter(format)
	env.SetAutoEscapeFunc(func(name string) minijinja.AutoEscape {
		if strings.HasPrefix(name, prefixes[template.HTML]) {
			return minijinja.AutoEscapeHTML
		}
		return minijinja.AutoEscapeNone
	})
	env.SetPathJoinCallback(func(name, parent string) string { return parent[:len("html:")] + name })
	if err := e.addPartials(partials); err != nil {
		return nil, err
	}
	return e, nil
}

func (e *Engine) addPartials(partials map[string]string) error {
	ordered := slices.Sorted(maps.Keys(partials))
	for _, name := range ordered {
		body, err := read(name, partials[name])
		if err != nil {
			return err
		}
		e.partials[name] = body
	}
	done := map[string]bool{}
	for _, name := range ordered {
		if err := e.checkReferences(name, partials[name], e.partials[name]); err != nil {
			return err
		}
		if err := e.checkCycles(name, partials[name], done, nil); err != nil {
			return err
		}
	}
	for _, name := range ordered {
		if _, err := e.variables(name, partials[name], e.partials[name]); err != nil {
			return err
		}
		for kind, prefix := range prefixes {
			source := guarded(partials[name], e.partials[name], template.Kind(kind))
			if err := e.env.AddTemplate(prefix+name, source); err != nil {
				return syntaxError(name, err)
			}
		}
	}
	return nil
}

// read parses a source within its size.
func read(name, source string) ([]*syntax.Stmt, error) {
	if len(source) > template.MaxSource {
		return nil, &template.SyntaxError{
			Name: name, Line: 1, Column: 1,
			Message: fmt.Sprintf("the template is too large (%d bytes at most)", template.MaxSource),
		}
	}
	body, err := syntax.Parse(source)
	return body, syntax.AsSyntaxError(err, name)
}

// Parse compiles a source; see template.Engine.
func (e *Engine) Parse(name, source string, kind template.Kind) (template.Program, error) {
	body, err := read(name, source)
	if err != nil {
		return nil, err
	}
	if err := e.checkReferences(name, source, body); err != nil {
		return nil, err
	}
	variables, err := e.variables(name, source, body)
	if err != nil {
		return nil, err
	}
	compiled, err := e.env.TemplateFromNamedString(prefixes[kind]+name, guarded(source, body, kind))
	if err != nil {
		return nil, syntaxError(name, err)
	}
	return &program{name: name, kind: kind, compiled: compiled, variables: variables, source: source, body: body}, nil
}

// Freeze converts data once; see template.Engine.
func (e *Engine) Freeze(v any) any { return convert(v) }

// checkReferences sees to it that every template named in a source is there. Partials were checked as a
// whole when the engine was made, so it need not go further.
func (e *Engine) checkReferences(name, source string, body []*syntax.Stmt) error {
	for _, s := range references(body, nil) {
		if _, ok := e.partials[s.Name]; ok {
			continue
		}
		message := "there is no template " + s.Name
		if best := template.Nearest(s.Name, slices.Sorted(maps.Keys(e.partials))); best != "" {
			message += ", did you mean " + best + "?"
		}
		return template.ErrorAt(name, source, s.NameStart, "%s", message)
	}
	return nil
}

// checkCycles follows the partials that a partial names; one that reaches itself would never end. done
// are those already found to be sound, above those that led here.
func (e *Engine) checkCycles(name, source string, done map[string]bool, above []string) error {
	if done[name] {
		return nil
	}
	for _, s := range references(e.partials[name], nil) {
		if slices.Contains(above, s.Name) || s.Name == name || len(above) > template.MaxDepth/4 {
			return template.ErrorAt(name, source, s.NameStart, "this template leads back to itself, or too far, through %s", s.Name)
		}
		if err := e.checkCycles(s.Name, "", done, append(above, name)); err != nil {
			return template.ErrorAt(name, source, s.NameStart, "%s cannot be used: %v", s.Name, err)
		}
	}
	done[name] = true
	return nil
}

func references(body, found []*syntax.Stmt) []*syntax.Stmt {
	for _, s := range body {
		switch s.Kind {
		case syntax.Extends, syntax.Include, syntax.Import, syntax.From:
			found = append(found, s)
		default:
			found = references(s.Else, references(s.Body, found))
		}
	}
	return found
}

// variables analyses a source with the names that the templates it extends define.
func (e *Engine) variables(name, source string, body []*syntax.Stmt) ([]template.Variable, error) {
	found, err := analyse(source, body, e.names, e.inherited(body))
	return found, syntax.AsSyntaxError(err, name)
}

// inherited are the names that the templates above a source set at their top level.
func (e *Engine) inherited(body []*syntax.Stmt) []string {
	var out []string
	for _, s := range body {
		if s.Kind == syntax.Extends {
			above := e.partials[s.Name]
			out = append(topNames(above), e.inherited(above)...)
		}
	}
	return out
}

func topNames(body []*syntax.Stmt) []string {
	var out []string
	for _, s := range body {
		switch s.Kind {
		case syntax.Set, syntax.SetBlock:
			out = append(out, targetNames(s.Target)...)
		case syntax.Macro:
			out = append(out, s.Name)
		case syntax.Import:
			out = append(out, s.Assigns[0].Target.Text)
		case syntax.From:
			out = append(out, s.Imports...)
		default:
		}
	}
	return out
}

func targetNames(target *syntax.Expr) []string {
	switch target.Kind {
	case syntax.Name:
		return []string{target.Text}
	case syntax.List:
		var out []string
		for _, kid := range target.Kids {
			out = append(out, targetNames(kid)...)
		}
		return out
	default:
		return nil
	}
}
