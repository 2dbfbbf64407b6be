package segment

import (
	"fmt"

	"github.com/presswork/presswork/internal/canonical"
)

// Name is a place where a rule names a topic.
type Name struct{ Pointer, Topic string }

// Names are the places where a rule, as Parse reads it, names topics, with pointers that begin with at: as they are written. The
// Slugs of a Topic are sorted, and say no more where each stood.
func Names(text []byte, at string) []Name {
	p, _, err := parse(text, at, MaxDepth, MaxConditions)
	if err != nil {
		return nil
	}
	return p.names
}

// named notes what topics a list names.
func (p *parser) named(list any, at string) {
	texts, _ := list.([]any)
	for i, value := range texts {
		text, _ := value.(string)
		if slug, err := canonical.Topic(text); err == nil {
			p.names = append(p.names, Name{Pointer: fmt.Sprintf("%s/%d", at, i), Topic: slug})
		}
	}
}
