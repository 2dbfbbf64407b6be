package httpapi

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/keep"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/template"
)

// variables checks the templates that a publication names against what it carries. That a template reads
// what there is at all was checked when it was saved; what data it gets is known only now. A version of a template
// never changes, so what each one reads is remembered by its pin: a publication that is accepted a thousand times
// reads and parses its templates once.
type variables struct {
	store interface {
		PinnedTemplate(ctx context.Context, id int64, version int) (template.Set, error)
	}
	engine template.Engine
	known  *keep.Values[publication.Pin, []reading]
}

// keptVariables bounds what is remembered: some 100 bytes each, and a template has tens of them.
const keptVariables = 100_000

func newVariables(store TemplateStore, engine template.Engine) variables {
	return variables{store: store, engine: engine, known: keep.New[publication.Pin](keptVariables, countVariables)}
}

// reading is what one source of a template reads from outside, or why it cannot be parsed.
type reading struct {
	language, part string
	variables      []template.Variable
	syntax         string
}

func countVariables(list []reading) int {
	n := 0
	for _, r := range list {
		n += 1 + len(r.variables)
	}
	return n
}

// check is an Invalid error that holds every variable, of every language, that would be missing.
func (v variables) check(ctx context.Context, p publication.Resolved) error {
	var f fault.Fields
	for _, name := range slices.Sorted(maps.Keys(p.TemplatePins)) {
		pin := p.TemplatePins[name]
		readings, err := v.known.Get(ctx, pin, func(ctx context.Context) ([]reading, error) { return v.read(ctx, pin) })
		if err != nil {
			return err
		}
		known := template.Known(name)
		known.Fields[nameData] = shapeOf(p.Data)
		for _, r := range readings {
			r.check(&f, "/template_ids/"+name, known)
		}
	}
	return f.Err()
}

func (r reading) check(f *fault.Fields, pointer string, known template.Shape) {
	if r.syntax != "" {
		f.Add(pointer, "syntax", "%s %s: %s", r.language, r.part, r.syntax)
	}
	for _, problem := range template.CheckVariables(r.variables, known) {
		f.Add(pointer, codeUnknownVariable, "%s %s: %s", r.language, r.part, problem)
	}
}

// checkMessage is an Invalid error that says what of a message's data is missing, by pointers into it, and what else its template
// reads that a message does not have.
func (v variables) checkMessage(ctx context.Context, m *publication.Message) error {
	pin := *m.Template
	readings, err := v.known.Get(ctx, pin, func(ctx context.Context) ([]reading, error) { return v.read(ctx, pin) })
	if err != nil {
		return err
	}
	known := messageShape(m.Data)
	var f fault.Fields
	told := map[string]bool{}
	for _, r := range readings {
		if r.syntax != "" {
			f.Add("/template", "syntax", "%s %s: %s", r.language, r.part, r.syntax)
		}
		for _, variable := range r.variables {
			pointer, code := pointerOf(variable)
			for _, problem := range template.CheckVariables([]template.Variable{variable}, known) {
				if !told[pointer] || code == codeUnknownVariable {
					f.Add(pointer, code, "%s %s: %s", r.language, r.part, problem)
				}
				told[pointer] = true
			}
		}
	}
	return f.Err()
}

// messageShape is what the template of a message may read: it has no contents.
func messageShape(data map[string]any) template.Shape {
	known := template.Known(string(channel.Email))
	delete(known.Fields, "items")
	delete(known.Fields, "item")
	known.Fields[nameData] = shapeOf(data)
	return known
}

const (
	nameData            = "data"
	codeUnknownVariable = "unknown_variable"
)

// pointerOf is where in a message what a template reads has to be: /data/order/id, up to a list's elements.
func pointerOf(v template.Variable) (pointer, code string) {
	if len(v.Path) < 2 || v.Path[0] != nameData {
		return "/template", codeUnknownVariable
	}
	for _, part := range v.Path {
		if part == template.Element {
			break
		}
		pointer += "/" + fault.Token(part)
	}
	return pointer, "required"
}

// read reads a version of a template and parses it in all its languages.
func (v variables) read(ctx context.Context, pin publication.Pin) ([]reading, error) {
	set, err := v.store.PinnedTemplate(ctx, pin.ID, pin.Version)
	if err != nil {
		return nil, err
	}
	var list []reading
	for _, language := range slices.Sorted(maps.Keys(set.Languages)) {
		s := set.Languages[language]
		for _, part := range []struct {
			name, text string
			kind       template.Kind
		}{{"subject", s.Subject, template.Text}, {"html", s.HTML, template.HTML}, {"text", s.Text, template.Text}} {
			list = append(list, v.parse(language, part.name, part.text, part.kind))
		}
	}
	return list, nil
}

func (v variables) parse(language, part, text string, kind template.Kind) reading {
	r := reading{language: language, part: part}
	program, err := v.engine.Parse(part, text, kind)
	if err == nil {
		r.variables = ownText(program.Variables())
		return r
	}
	var syntax *template.SyntaxError
	if errors.As(err, &syntax) {
		r.syntax = syntax.Message
	}
	return r
}

// ownText copies what may be a part of the template's source, so that the source is not kept for it.
func ownText(variables []template.Variable) []template.Variable {
	list := slices.Clone(variables)
	for i := range list {
		list[i].Name, list[i].Path = strings.Clone(list[i].Name), slices.Clone(list[i].Path)
		for j := range list[i].Path {
			list[i].Path[j] = strings.Clone(list[i].Path[j])
		}
	}
	return list
}

// shapeOf is the shape of a value of JSON.
func shapeOf(v any) template.Shape {
	switch v := v.(type) {
	case map[string]any:
		fields := make(map[string]template.Shape, len(v))
		for name, value := range v {
			fields[name] = shapeOf(value)
		}
		return template.Object(fields)
	case []any:
		// Elements may differ, so nothing is said about them.
		return template.ListOf(template.Free())
	default:
		return template.Value()
	}
}
