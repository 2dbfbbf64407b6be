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
	// Name is how it is shown, Description what readers are told of it: one line each.
	Name, Description string
	// Public: readers see it where they choose among topics.
	Public  bool
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

// MaxDescription is the length of a topic's description in characters.
const MaxDescription = 300

// NewTopic checks a topic's name and description and makes its slug of the name, unless one is given. It returns Invalid with
// every problem at /name, /slug and /description.
func NewTopic(name, slug, description string, public bool) (Topic, error) {
	var f fault.Fields
	t := Topic{Name: line(&f, "/name", name, canonical.MaxTopic), Description: line(&f, "/description", description, MaxDescription), Public: public}
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

// Changed is the names of the fields in which next differs from t, sorted, for the audit log.
func (t Topic) Changed(next Topic) []string {
	fields := []string{}
	if t.Description != next.Description {
		fields = append(fields, "description")
	}
	if t.Name != next.Name {
		fields = append(fields, "name")
	}
	if t.Public != next.Public {
		fields = append(fields, "public")
	}
	return fields
}
