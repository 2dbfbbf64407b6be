package subscriber

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Export writes subscribers as the CSV that ReadCSV reads.
type Export struct {
	w          *csv.Writer
	attributes []string
	record     []string
}

// NewExport writes the header. attributes are the names of the attributes to write, a column each.
func NewExport(w io.Writer, attributes []string) (*Export, error) {
	e := &Export{w: csv.NewWriter(w), attributes: attributes}
	for _, c := range plainColumns() {
		e.record = append(e.record, c.name)
	}
	for _, name := range attributes {
		e.record = append(e.record, attributePrefix+name)
	}
	err := e.write()
	return e, err
}

// Write adds a line.
func (e *Export) Write(s Subscriber) error {
	e.record = append(e.record[:0], s.Email, s.Name, s.Language, s.Timezone, s.Country, strings.Join(s.Topics, ";"),
		string(s.Status), s.ConsentSource)
	for _, name := range e.attributes {
		e.record = append(e.record, cellOf(s.Attributes[name]))
	}
	for i, cell := range e.record {
		e.record[i] = guard(cell)
	}
	return e.write()
}

// Flush hands everything written so far to the writer below.
func (e *Export) Flush() error {
	e.w.Flush()
	return e.w.Error()
}

func (e *Export) write() error {
	if err := e.w.Write(e.record); err != nil {
		return fmt.Errorf("write a line of CSV: %w", err)
	}
	return nil
}

func cellOf(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return fmt.Sprint(v)
	}
}

// formulaSigns begin what a spreadsheet would calculate (OWASP, CSV Injection), full-width forms included.
const formulaSigns = "=+-@\t\r\n＝＋－＠"

// guard puts a ' before a cell that a spreadsheet would take for a formula, and before one that looks
// guarded already, so that unguard gives back exactly what was there.
func guard(cell string) string {
	if guardable(cell) {
		return "'" + cell
	}
	return cell
}

func unguard(cell string) string {
	if rest, is := strings.CutPrefix(cell, "'"); is && guardable(rest) {
		return rest
	}
	return cell
}

func guardable(cell string) bool {
	return strings.IndexAny(strings.TrimLeft(cell, "'"), formulaSigns) == 0
}
