package delivery

import "github.com/presswork/presswork/tasks"

// Takeover is what became of one session that ended without a word.
type Takeover struct {
	Session   int64
	Process   string
	Uncertain int // recipients that were on its in-flight list
	Batches   int // made ready again
	// Quarantined are recipients who were owed by batches that have killed MaxCrashes workers: each has a dead letter.
	Quarantined int
}

// MaxCrashes is how many workers a task may kill before it is put aside. A worker that dies for another reason kills
// nobody twice in a row: what is not suspected is what had got somewhere before it died (Sidekiq's "poison pill" counts
// to three as well).
const MaxCrashes = 3

// CodeQuarantined is the dead letters' code of a batch that was put aside.
const CodeQuarantined = "quarantined"

// Overdue is work whose nudge may have been lost.
type Overdue struct {
	// ID is of a publication to render, a range to expand or a batch to send: as the task says.
	ID   int64
	Task tasks.Task
}
