package subscriber

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/presswork/presswork/internal/cell"
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
	for i, text := range e.record {
		e.record[i] = cell.Guard(text)
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
