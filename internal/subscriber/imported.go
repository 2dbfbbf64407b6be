package subscriber

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
}
