package subscriber

import (
	"fmt"
	"slices"
	"time"

	"github.com/presswork/presswork/internal/canonical"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

// Topic is something readers may choose to read about.
type Topic struct {
	ID  int32
	UID ident.UID
	// Slug is what contents, subscribers and audiences name it by. It never changes.
	Slug string
	// Name is how it is shown.
	Name    string
	Version int
	// CreatedAt is the store's, as is the version.
	CreatedAt time.Time
}

// topics are slugs, sorted, each once.
func topics(f *fault.Fields, given []string) []string {
	if len(given) > MaxTopics {
		f.Add("/topics", "too_many", "must be at most %d topics", MaxTopics)
		return nil
	}
	slugs := make([]string, 0, len(given))
	for i, text := range given {
		slug, err := canonical.Topic(text)
		if err != nil {
			f.Add(fmt.Sprintf("/topics/%d", i), "format", "%s", err)
			continue
		}
		slugs = append(slugs, slug)
	}
	slices.Sort(slugs)
	return slices.Compact(slugs)
}

// NewTopic checks a topic's name and makes its slug of it, unless one is given. It returns Invalid with
// every problem at /name and /slug.
func NewTopic(name, slug string) (Topic, error) {
	var f fault.Fields
	t := Topic{Name: line(&f, "/name", name, canonical.MaxTopic)}
	if t.Name == "" {
		f.Add("/name", "required", "is required")
	}
	if slug == "" {
		slug = t.Name
	}
	parsed, err := canonical.Topic(slug)
	if err != nil && slug != "" {
		f.Add("/slug", "format", "%s", err)
	}
	t.Slug = parsed
	return t, f.Err()
}
