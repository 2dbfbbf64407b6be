package content

import (
	"fmt"
	"slices"

	"github.com/presswork/presswork/internal/canonical"
	"github.com/presswork/presswork/internal/fault"
)

// MaxTopics is how many topics an item may have (REQUIREMENTS B7).
const MaxTopics = 50

// topics are slugs in the given order, each once.
func topics(fields *fault.Fields, given []string) []string {
	if len(given) > MaxTopics {
		fields.Add("/topics", "too_many", "There are at most %d topics.", MaxTopics)
		return nil
	}
	slugs := make([]string, 0, len(given))
	for i, text := range given {
		slug, err := canonical.Topic(text)
		if err != nil {
			fields.Add(fmt.Sprintf("/topics/%d", i), "topic", "%s", err)
			continue
		}
		if !slices.Contains(slugs, slug) {
			slugs = append(slugs, slug)
		}
	}
	return slugs
}
