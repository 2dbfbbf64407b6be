package template

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

// MaxLanguages is how many languages one template may have.
const MaxLanguages = 30

// Source is what a template says in one language: Jinja2 sources.
type Source struct{ Subject, HTML, Text string }

// Set is one version of a stored template in all its languages. NewSet makes valid ones; ids, times and
// the version are the store's.
type Set struct {
	ID            int64
	UID           ident.UID
	Name, Channel string
	// Languages is by canonical BCP 47 tag.
	Languages            map[string]Source
	Version              int
	CreatedAt, UpdatedAt time.Time
}

// NewSet checks a template in all its languages. The error is of kind fault.Invalid and holds every field
// that is wrong: /name, /channel, /languages/en/html.
func NewSet(engine Engine, name, channel string, languages map[string]Source) (Set, error) {
	set := Set{Name: strings.TrimSpace(name), Channel: channel, Languages: make(map[string]Source, len(languages))}
	var f fault.Fields
	checkHead(&f, set.Name, channel)
	switch {
	case len(languages) == 0:
		f.Add("/languages", "required", "A template has at least one language.")
	case len(languages) > MaxLanguages:
		f.Add("/languages", "too_many", "A template has at most %d languages.", MaxLanguages)
		return Set{}, f.Err()
	}
	for _, tag := range slices.Sorted(maps.Keys(languages)) {
		s := languages[tag]
		t, err := New(engine, Template{Name: name, Channel: channel, Language: tag, Subject: s.Subject, HTML: s.HTML, Text: s.Text})
		if err != nil {
			tell(&f, tag, err)
			continue
		}
		if _, doubled := set.Languages[t.Language]; doubled {
			f.Add("/languages/"+tag, "duplicate", "This is another spelling of %s.", t.Language)
		}
		set.Languages[t.Language] = Source{Subject: t.Subject, HTML: t.HTML, Text: t.Text}
	}
	return set, f.Err()
}

// tell places the problems of one language. What all have in common was told.
func tell(f *fault.Fields, tag string, err error) {
	pointer := "/languages/" + fault.Token(tag)
	var e *fault.Error
	if !errors.As(err, &e) {
		f.Add(pointer, "invalid", "This cannot be checked.")
		return
	}
	for _, field := range e.Fields {
		switch field.Pointer {
		case "/name", "/channel":
		case "/language":
			f.Add(pointer, field.Code, "%s", field.Detail)
		default:
			f.Add(pointer+field.Pointer, field.Code, "%s", field.Detail)
		}
	}
}
