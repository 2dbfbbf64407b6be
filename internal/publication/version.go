package publication

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// Version is what a publication was from one number of its version on, until the next one that changed what it is. Pausing,
// resuming and the like raise the number too, and change nothing that a Version holds.
type Version struct {
	// Number is the first at which it was so.
	Number int
	// ChangedBy made it so, in the request with the correlation id.
	ChangedBy     string
	ChangedAt     time.Time
	CorrelationID string
	// Request would make the same publication, by public ids. What is no more is the zero id, or missing from a list of
	// subscribers.
	Request Request
	// Gathered is of a digest of what was held back: no request makes one, and Request has no audience.
	Gathered bool
	// Contents and Templates are what was pinned.
	Contents  []Ref
	Templates map[string]Ref
}

// Versions chooses a part of a publication's versions, newest first.
type Versions struct {
	// Before is the number that the list goes on after; 0: from the newest on. Limit is how many to return at most.
	Before, Limit int
}

// Document is the version as one JSON value, to compare: the request with contents and templates by id and version.
func (v Version) Document() (any, error) {
	text, err := json.Marshal(v.Request)
	if err != nil {
		return nil, fmt.Errorf("encode version %d: %w", v.Number, err)
	}
	pins, err := json.Marshal(struct {
		Contents  []Ref          `json:"contents"`
		Templates map[string]Ref `json:"templates"`
	}{v.Contents, v.Templates})
	if err != nil {
		return nil, fmt.Errorf("encode the pins of version %d: %w", v.Number, err)
	}
	document := map[string]any{}
	for _, part := range [][]byte{text, pins} {
		decoder := json.NewDecoder(bytes.NewReader(part))
		decoder.UseNumber() // numbers of the templates' data stay as they were written
		if err := decoder.Decode(&document); err != nil {
			return nil, fmt.Errorf("read version %d: %w", v.Number, err)
		}
	}
	delete(document, "content_ids")
	delete(document, "template_ids")
	return document, nil
}
