package httpapi

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/template"
)

// variables checks the templates that a publication names against what it carries. That a template reads
// what there is at all was checked when it was saved; what data it gets is known only now.
type variables struct {
	store interface {
		Template(ctx context.Context, uid ident.UID) (template.Set, error)
	}
	engine template.Engine
}

// check is an Invalid error that holds every variable, of every language, that would be missing.
func (v variables) check(ctx context.Context, o publication.Order) error {
	var f fault.Fields
	for _, name := range slices.Sorted(maps.Keys(o.Templates)) {
		set, err := v.store.Template(ctx, o.Templates[name])
		if err != nil {
			return err
		}
		known := template.Known(name)
		known.Fields["data"] = shapeOf(o.Data)
		for _, language := range slices.Sorted(maps.Keys(set.Languages)) {
			v.checkSource(&f, "/template_ids/"+name, language, set.Languages[language], known)
		}
	}
	return f.Err()
}

func (v variables) checkSource(f *fault.Fields, pointer, language string, s template.Source, known template.Shape) {
	for _, part := range []struct {
		name, text string
		kind       template.Kind
	}{{"subject", s.Subject, template.Text}, {"html", s.HTML, template.HTML}, {"text", s.Text, template.Text}} {
		program, err := v.engine.Parse(part.name, part.text, part.kind)
		var syntax *template.SyntaxError
		if errors.As(err, &syntax) {
			f.Add(pointer, "syntax", "%s %s: %s", language, part.name, syntax.Message)
		}
		if err != nil {
			continue
		}
		for _, problem := range template.Check(program, known) {
			f.Add(pointer, "unknown_variable", "%s %s: %s", language, part.name, problem)
		}
	}
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
