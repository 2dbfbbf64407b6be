package suppression

import (
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/presswork/presswork/internal/cell"
)

// Listed is an entry as an export shows it.
type Listed struct {
	Entry
	Hash []byte
	// Address is that of the subscriber who has it; empty if there is none.
	Address string
}

// Export writes entries as the CSV that ReadFile reads. No cell is a formula to a spreadsheet.
type Export struct {
	w      *csv.Writer
	record []string
}

// NewExport writes the header.
func NewExport(w io.Writer) (*Export, error) {
	e := &Export{w: csv.NewWriter(w), record: columnList()}
	err := e.write()
	return e, err
}

// Write adds a line.
func (e *Export) Write(l Listed) error {
	e.record = append(e.record[:0], hex.EncodeToString(l.Hash), l.Address, l.Reason.String(), l.Source, l.Note,
		l.CreatedAt.UTC().Format(time.RFC3339))
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
