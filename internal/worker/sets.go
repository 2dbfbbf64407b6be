package worker

import (
	"github.com/presswork/presswork/internal/keep"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/template"
)

// Sets remembers templates by their pin: a version of one never changes, and the next publication uses it again.
type Sets = keep.Values[publication.Pin, template.Set]

// keptSources bounds the sources that a Sets remembers, in bytes.
const keptSources = 16 << 20

// NewSets makes an empty one.
func NewSets() *Sets { return keep.New[publication.Pin](keptSources, sourceBytes) }

func sourceBytes(s template.Set) int {
	n := 0
	for _, source := range s.Languages {
		n += len(source.Subject) + len(source.HTML) + len(source.Text)
	}
	return n
}
