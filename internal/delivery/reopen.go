package delivery

// Key names a row of the ledger.
type Key struct {
	Publication int64
	Channel     int16
	Recipient   int64
}

// Fate is what became of a settled row that somebody wanted changed.
type Fate uint8

// The fates.
const (
	// Unchanged rows are not in a state any more that allows the change.
	Unchanged Fate = iota
	// Changed rows are as was wanted.
	Changed
	// Refused rows are of a publication that was cancelled or has failed: nothing of it is sent any more.
	Refused
	// Busy rows are of a batch that a worker holds just now, for some seconds. Ask again.
	Busy
	// TooSoon rows became uncertain a moment ago: evidence may still come. Ask again.
	TooSoon
)

// Fates counts what became of rows.
type Fates struct {
	Changed, Unchanged, Refused, Busy, TooSoon int
}

// Add counts more of them.
func (f *Fates) Add(list ...Fate) {
	for _, one := range list {
		switch one {
		case Changed:
			f.Changed++
		case Refused:
			f.Refused++
		case Busy:
			f.Busy++
		case TooSoon:
			f.TooSoon++
		case Unchanged:
			f.Unchanged++
		}
	}
}

// Who reopens rows without a principal of its own.
const (
	// ByPolicy: the channel's policy resends who is uncertain.
	ByPolicy = "policy"
	// ByArchive: an operator ran an archived task again, in Asynqmon.
	ByArchive = "archive"
)
