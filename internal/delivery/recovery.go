package delivery

import "github.com/presswork/presswork/tasks"

// Takeover is what became of one session that ended without a word.
type Takeover struct {
	Session   int64
	Process   string
	Uncertain int // recipients that were on its in-flight list
	Batches   int // made ready again
}

// Overdue is work whose nudge may have been lost.
type Overdue struct {
	// ID is of a publication to render, a range to expand or a batch to send: as the task says.
	ID   int64
	Task tasks.Task
}
