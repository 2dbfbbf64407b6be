package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strconv"
	"strings"
)

// setting is one variable of the environment.
type setting struct {
	Name    string
	Default string // as it would be written in the environment; "" if there is none
	What    string
	Why     string // the reason of the default
}

// marker begins the part of a field's comment that gives the reason of its default.
const marker = "Default:"

// settings reads the fields of the struct Config in a Go file that have a variable, in their order. A field whose
// comment lacks either part is an error.
func settings(file string) ([]setting, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("read the settings: %w", err)
	}
	config := structNamed(parsed, "Config")
	if config == nil {
		return nil, fmt.Errorf("%s has no struct Config", file)
	}
	var list []setting
	var errs []error
	for _, field := range config.Fields.List {
		s, err := settingOf(field)
		errs = append(errs, err)
		if s.Name != "" {
			list = append(list, s)
		}
	}
	return list, errors.Join(errs...)
}

func structNamed(file *ast.File, name string) *ast.StructType {
	var found *ast.StructType
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok && spec.Name.Name == name {
			found, _ = spec.Type.(*ast.StructType)
		}
		return found == nil
	})
	return found
}

// settingOf is zero for a field that has no variable.
func settingOf(field *ast.Field) (setting, error) {
	if field.Tag == nil || len(field.Names) != 1 {
		return setting{}, nil
	}
	text, err := strconv.Unquote(field.Tag.Value)
	if err != nil {
		return setting{}, fmt.Errorf("read a tag: %w", err)
	}
	tag := reflect.StructTag(text)
	name, _, _ := strings.Cut(tag.Get("env"), ",")
	if name == "" || name == "-" {
		return setting{}, nil
	}
	what, why, found := strings.Cut(oneLine(field.Doc.Text()), marker)
	s := setting{Name: name, Default: tag.Get("envDefault"), What: strings.TrimSpace(what), Why: capital(strings.TrimSpace(why))}
	if !found || s.What == "" || s.Why == "" {
		return setting{}, fmt.Errorf("%s: the comment of %s must say what it is and, after %q, why", name, field.Names[0].Name, marker)
	}
	s.What = withoutSubject(s.What, field.Names[0].Name)
	return s, nil
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// withoutSubject turns "Listen is the address" into "The address".
func withoutSubject(text, field string) string {
	rest, begins := strings.CutPrefix(text, field+" ")
	if !begins {
		return text
	}
	for _, verb := range []string{"is ", "are "} {
		if after, has := strings.CutPrefix(rest, verb); has {
			return capital(after)
		}
	}
	return capital(rest)
}

// capital begins a text as a sentence.
func capital(text string) string {
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
