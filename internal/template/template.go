package template

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/presswork/presswork/internal/canonical"
	"github.com/presswork/presswork/internal/fault"
)

const (
	// maxName is the length of a template's name in characters.
	maxName = 200
	// maxSubject is the length of a subject's source in characters: RFC 5322's longest line, which no
	// mail client shows in full.
	maxSubject = 998
)

// Channels are the channels that templates are for.
func Channels() []string { return []string{"email", "newsletter", "slack", "discord", "webhook"} }

// Template is one version of a template. Values are made by New or read from the store.
type Template struct {
	// ID is 0 for built-in templates and those not stored yet.
	ID   int64
	Name string
	// Channel is one of Channels.
	Channel string
	// Language is a BCP 47 tag.
	Language string
	// Subject, HTML and Text are Jinja2 sources. Only e-mail and newsletter have a subject and HTML; an
	// empty Text falls back to the built-in one of the channel.
	Subject, HTML, Text string
	// Version counts from 1; every change makes a new one.
	Version int
}

// New makes the first version of a template from untrusted input. The error is of kind fault.Invalid
// and holds every field that is wrong, with every syntax error and unknown variable in the sources.
func New(engine Engine, input Template) (Template, error) {
	t := input
	t.Name = strings.TrimSpace(t.Name)
	t.Version = 1
	var fields fault.Fields
	checkHead(&fields, t.Name, t.Channel)
	tag, err := canonical.Language(t.Language)
	if err != nil {
		fields.Add("/language", "language", "%s", err)
	}
	t.Language = tag
	checkParts(&fields, t)
	checkSources(&fields, engine, t)
	if err := fields.Err(); err != nil {
		return Template{}, err
	}
	return t, nil
}

// checkHead checks what the languages of a template have in common.
func checkHead(fields *fault.Fields, name, channel string) {
	if n := utf8.RuneCountInString(name); n < 1 || n > maxName {
		fields.Add("/name", "length", "A name has 1 to %d characters.", maxName)
	}
	if strings.ContainsFunc(name, unicode.IsControl) {
		fields.Add("/name", "format", "A name is one line without control characters.")
	}
	if !slices.Contains(Channels(), channel) {
		fields.Add("/channel", "unknown", "A channel is one of %s.", strings.Join(Channels(), ", "))
	}
}

// Change makes the next version of t with the input's sources and name; channel and language stay.
func (t Template) Change(engine Engine, input Template) (Template, error) {
	input.ID, input.Channel, input.Language = t.ID, t.Channel, t.Language
	next, err := New(engine, input)
	if err != nil {
		return Template{}, err
	}
	next.Version = t.Version + 1
	return next, nil
}

func checkParts(fields *fault.Fields, t Template) {
	if utf8.RuneCountInString(t.Subject) > maxSubject {
		fields.Add("/subject", "length", "A subject has at most %d characters.", maxSubject)
	}
	if !slices.Contains(Channels(), t.Channel) { // what it needs depends on that
		return
	}
	if Personal(t.Channel) {
		if strings.TrimSpace(t.Subject) == "" {
			fields.Add("/subject", "required", "An e-mail needs a subject.")
		}
		if strings.TrimSpace(t.HTML) == "" {
			fields.Add("/html", "required", "An e-mail needs HTML.")
		}
		return
	}
	if t.HTML != "" {
		fields.Add("/html", "not_allowed", "Only e-mail and newsletter have HTML.")
	}
	if strings.TrimSpace(t.Text) == "" {
		fields.Add("/text", "required", "A template of this channel needs text.")
	}
}

// checkSources parses the sources and checks their variables.
func checkSources(fields *fault.Fields, engine Engine, t Template) {
	known := Known(t.Channel)
	for _, part := range []struct {
		pointer, source string
		kind            Kind
	}{{"/subject", t.Subject, Text}, {"/html", t.HTML, HTML}, {"/text", t.Text, Text}} {
		program, err := engine.Parse(t.Name, part.source, part.kind)
		var syntax *SyntaxError
		switch {
		case errors.As(err, &syntax):
			fields.Add(part.pointer, "syntax", "line %d, column %d: %s", syntax.Line, syntax.Column, syntax.Message)
		case err != nil:
			fields.Add(part.pointer, "syntax", "The source cannot be read.")
		default:
			for _, problem := range Check(program, known) {
				fields.Add(part.pointer, "unknown_variable", "%s", problem)
			}
		}
	}
}

// Check says what is wrong with t's sources; it is run again before a publication is scheduled, since
// what is known may have changed. The error is as for New.
func (t Template) Check(engine Engine) error {
	var fields fault.Fields
	checkParts(&fields, t)
	checkSources(&fields, engine, t)
	return fields.Err()
}
