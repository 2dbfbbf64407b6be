package subscriber

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/presswork/presswork/internal/cell"
	"github.com/presswork/presswork/internal/ident"
)

// OnDuplicate says what an import does with an address that is there already.
type OnDuplicate string

// Skip leaves the subscriber as they are; Update writes over them what the line says.
const (
	Skip   OnDuplicate = "skip"
	Update OnDuplicate = "update"
)

// Imported is what an import did, or, in a dry run, would have done.
type Imported struct {
	Created, Updated, Skipped int
	// LeftUnsubscribed are those of Updated and Skipped who had unsubscribed and stay so, though their line does not say it.
	LeftUnsubscribed int
}

// ImportState says how far an import is.
type ImportState string

// The states. A running one whose process died stays so until the same file is sent again, and goes on where it was.
const (
	ImportRunning   ImportState = "running"
	ImportCompleted ImportState = "completed"
	// ImportRefused had bad lines: nothing was stored.
	ImportRefused ImportState = "refused"
)

// ImportStates is every state.
func ImportStates() []ImportState {
	return []ImportState{ImportRunning, ImportCompleted, ImportRefused}
}

// Run is the import of a file.
type Run struct {
	UID   ident.UID
	State ImportState
	// Mark is a keyed hash of the file and of how it is imported.
	Mark   []byte
	DryRun bool
	On     OnDuplicate
	// ConsentSource is that of those who are new and whose line has none.
	ConsentSource string
	// Lines is how many there are, Done how many of them are stored.
	Lines, Done int
	Imported
	// Problems are what is wrong with the file, at most MaxProblems, and Bad is how many there are.
	Problems             []LineProblem
	Bad                  int
	CreatedAt, UpdatedAt time.Time
}

// WriteProblems writes problems as CSV, for a spreadsheet beside the file.
func WriteProblems(w io.Writer, problems []LineProblem) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{"line", "column", "code", "detail"}); err != nil {
		return fmt.Errorf("write a report: %w", err)
	}
	for _, p := range problems {
		if err := out.Write([]string{strconv.Itoa(p.Line), cell.Guard(p.Column), p.Code, cell.Guard(p.Detail)}); err != nil {
			return fmt.Errorf("write a report: %w", err)
		}
	}
	out.Flush()
	return out.Error()
}
