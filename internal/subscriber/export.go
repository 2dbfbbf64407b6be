package subscriber

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/presswork/presswork/internal/cell"
	"github.com/presswork/presswork/internal/fault"
)

// Export writes subscribers as the CSV that ReadCSV reads.
type Export struct {
	w       *csv.Writer
	columns []column
	record  []string
}

// NewExport writes the header. attributes are the names of the attributes to write, a column each after all others; with their types,
// "seats:number", they are read back as what they were.
func NewExport(w io.Writer, attributes []string) (*Export, error) {
	columns := plainColumns()
	for _, name := range attributes {
		c, _ := attributeColumn(name)
		c.name = attributePrefix + name
		columns = append(columns, c)
	}
	return newExport(w, columns)
}

// NewExportOf writes the header of these columns only: email, name, attr.city. It returns Malformed for a name that is not known,
// or comes twice.
func NewExportOf(w io.Writer, names []string) (*Export, error) {
	var columns []column
	for _, name := range names {
		c, known := columnNamed(name)
		if !known || c.name != name || slices.ContainsFunc(columns, func(other column) bool { return other.name == name }) {
			return nil, fault.New(fault.Malformed, "invalid_query", "The query parameter columns must have names of columns, each once.")
		}
		columns = append(columns, c)
	}
	return newExport(w, columns)
}

func newExport(w io.Writer, columns []column) (*Export, error) {
	e := &Export{w: csv.NewWriter(w), columns: columns}
	for _, c := range columns {
		e.record = append(e.record, c.name)
	}
	err := e.write()
	return e, err
}

// Write adds a line.
func (e *Export) Write(s Subscriber) error {
	e.record = e.record[:0]
	for _, c := range e.columns {
		e.record = append(e.record, cell.Guard(c.get(&s)))
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
