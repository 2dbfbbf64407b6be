package subscriber

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/presswork/presswork/internal/cell"
	"github.com/presswork/presswork/internal/fault"
)

// attributePrefix begins the names of columns that hold attributes.
const attributePrefix = "attr."

// consentColumn is the column that says where somebody consented.
const consentColumn = "consent_source"

// column is a column of a CSV file, where its cells go, and where they come from.
type column struct {
	name string
	// set returns what is wrong with a cell, "" for nothing.
	set func(in *Input, cell string) string
	get func(s *Subscriber) string
}

// plainColumns are those with a name of their own, in the order in which they are exported.
func plainColumns() []column {
	return []column{
		text("email", func(in *Input) *string { return &in.Email }, func(s *Subscriber) string { return s.Email }),
		text("name", func(in *Input) *string { return &in.Name }, func(s *Subscriber) string { return s.Name }),
		text("language", func(in *Input) *string { return &in.Language }, func(s *Subscriber) string { return s.Language }),
		text("timezone", func(in *Input) *string { return &in.Timezone }, func(s *Subscriber) string { return s.Timezone }),
		text("country", func(in *Input) *string { return &in.Country }, func(s *Subscriber) string { return s.Country }),
		{"topics", func(in *Input, cell string) string { in.Topics = splitTopics(cell); return "" },
			func(s *Subscriber) string { return strings.Join(s.Topics, ";") }},
		{"status", func(in *Input, cell string) string { in.Status = strings.ToLower(strings.TrimSpace(cell)); return "" },
			func(s *Subscriber) string { return string(s.Status) }},
		text(consentColumn, func(in *Input) *string { return &in.ConsentSource }, func(s *Subscriber) string { return s.ConsentSource }),
	}
}

// text is a column whose cells are taken as they are.
func text(name string, in func(*Input) *string, get func(*Subscriber) string) column {
	return column{name, func(to *Input, cell string) string { *in(to) = cell; return "" }, get}
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
		return attributeColumn(attribute)
	}
	for _, c := range plainColumns() {
		if strings.EqualFold(c.name, name) {
			return c, true
		}
	}
	return column{}, false
}

// attributeColumn is the column of an attribute, with its type after a colon if it is not text. An empty cell is no attribute.
func attributeColumn(given string) (column, bool) {
	name, kind, typed := strings.Cut(given, ":")
	read, known := valueOf(kind)
	c := column{name: attributePrefix + name, get: func(s *Subscriber) string { return cellOf(s.Attributes[name]) }}
	c.set = func(in *Input, cell string) string {
		if cell == "" {
			return ""
		}
		value, detail := read(cell)
		if detail == "" {
			in.Attributes[name] = value
		}
		return detail
	}
	return c, attributeName(name) && known && (typed == (kind != ""))
}

// valueOf reads the cells of a type; "" is text.
func valueOf(kind string) (read func(cell string) (value any, detail string), known bool) {
	switch kind {
	case "":
		return func(cell string) (any, string) { return cell, "" }, true
	case "number":
		return func(cell string) (any, string) {
			n, err := strconv.ParseFloat(strings.TrimSpace(cell), 64)
			if err != nil {
				return nil, "must be a number"
			}
			return n, attributeProblem(n)
		}, true
	case "boolean":
		return func(cell string) (any, string) {
			b, err := strconv.ParseBool(strings.ToLower(strings.TrimSpace(cell)))
			if err != nil {
				return nil, "must be true or false"
			}
			return b, ""
		}, true
	default:
		return nil, false
	}
}

// header reads the names of the columns; false if lines cannot be read by them. Names that are not
// known are reported by number: a file without a header has an address there.
func (i *importer) header(names []string) bool {
	seen, mapped := map[string]bool{}, i.mapping()
	for n, name := range names {
		number := fmt.Sprintf("column %d", n+1)
		name = strings.TrimSpace(name)
		if other, is := mapped[strings.ToLower(name)]; is {
			delete(mapped, strings.ToLower(name))
			name = other
		}
		if name == unread {
			i.columns = append(i.columns, column{name: number, set: func(*Input, string) string { return "" }})
			continue
		}
		c, known := columnNamed(name)
		switch {
		case !known:
			code, detail := cell.UnknownName(name, len(names) == 1)
			i.problem(1, number, code, detail)
		case seen[c.name]:
			i.problem(1, number, "duplicate", "has the name of another column")
		}
		seen[c.name] = true
		i.columns = append(i.columns, c)
	}
	if !seen["email"] {
		i.problem(1, "email", "required", "must be one of the columns")
	}
	if !seen[consentColumn] && !seen["status"] && i.options.ConsentSource == "" {
		i.problem(1, consentColumn, "required", "must be one of the columns, or be given for the whole file")
	}
	for range mapped {
		i.problem(1, "", "missing_column", "a column that is given another name is not there")
	}
	return i.out.Bad == 0
}

// unread is the name of a column that is left out; no header has it, since names are trimmed.
const unread = " "

// mapping is what the file's names of columns, in lower case, mean.
func (i *importer) mapping() map[string]string {
	mapped := make(map[string]string, len(i.options.Columns))
	for _, name := range slices.Sorted(maps.Keys(i.options.Columns)) {
		to := strings.TrimSpace(i.options.Columns[name])
		if to == "" {
			to = unread
		}
		mapped[strings.ToLower(strings.TrimSpace(name))] = to
	}
	return mapped
}

// MaxColumns is how many columns of a file may have another name.
const MaxColumns = 200

// ReadColumns reads what the columns of a file are called here, for Options.Columns: a JSON object of names. It returns Malformed.
func ReadColumns(text string) (map[string]string, error) {
	var columns map[string]string
	if err := json.Unmarshal([]byte(text), &columns); err != nil || len(columns) == 0 || len(columns) > MaxColumns {
		return nil, fault.New(fault.Malformed, "invalid_query",
			fmt.Sprintf("The query parameter columns must be a JSON object with 1 to %d names of columns.", MaxColumns))
	}
	return columns, nil
}
