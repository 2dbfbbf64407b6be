package subscriber

import (
	"fmt"
	"strings"
)

// attributePrefix begins the names of columns that hold attributes.
const attributePrefix = "attr."

// column is a column of a CSV file and where its cells go.
type column struct {
	name string
	set  func(in *Input, cell string)
}

// plainColumns are those with a name of their own, in the order in which they are exported.
func plainColumns() []column {
	return []column{
		{"email", func(in *Input, cell string) { in.Email = cell }},
		{"name", func(in *Input, cell string) { in.Name = cell }},
		{"language", func(in *Input, cell string) { in.Language = cell }},
		{"timezone", func(in *Input, cell string) { in.Timezone = cell }},
		{"country", func(in *Input, cell string) { in.Country = cell }},
		{"topics", func(in *Input, cell string) { in.Topics = splitTopics(cell) }},
		{"status", func(in *Input, cell string) { in.Status = strings.ToLower(strings.TrimSpace(cell)) }},
		{"consent_source", func(in *Input, cell string) { in.ConsentSource = cell }},
	}
}

// splitTopics leaves out empty parts: "news;" is one topic.
func splitTopics(cell string) []string {
	parts := strings.FieldsFunc(cell, func(r rune) bool { return r == ';' || r == '|' })
	out := parts[:0]
	for _, part := range parts {
		if strings.TrimSpace(part) != "" {
			out = append(out, part)
		}
	}
	return out
}

// columnNamed finds a column by its name in a header.
func columnNamed(name string) (column, bool) {
	if attribute, is := strings.CutPrefix(name, attributePrefix); is {
		set := func(in *Input, cell string) {
			if cell != "" {
				in.Attributes[attribute] = cell
			}
		}
		return column{name, set}, attributeName(attribute)
	}
	for _, c := range plainColumns() {
		if strings.EqualFold(c.name, name) {
			return c, true
		}
	}
	return column{}, false
}

// header reads the names of the columns; false if lines cannot be read by them. Names that are not
// known are reported by number: a file without a header has an address there.
func (i *importer) header(names []string) bool {
	seen := map[string]bool{}
	for n, name := range names {
		number := fmt.Sprintf("column %d", n+1)
		c, known := columnNamed(strings.TrimSpace(name))
		switch {
		case !known:
			i.problem(1, number, "unknown_column", "has a name that is not known")
		case seen[c.name]:
			i.problem(1, number, "duplicate", "has the name of another column")
		}
		seen[c.name] = true
		i.columns = append(i.columns, c)
	}
	if !seen["email"] {
		i.problem(1, "email", "required", "must be one of the columns")
	}
	return i.out.Bad == 0
}
