package audit

import "github.com/presswork/presswork/internal/chain"

// Row is an event as it is stored, in the form that is sealed.
type Row struct {
	ID int64
	// At is in microseconds since 1970 in UTC, as precise as PostgreSQL keeps it; the least number if it is infinite.
	At                    int64
	Actor, Action, Entity string
	// EntityUID has 16 bytes, or none if it is null.
	EntityUID     []byte
	CorrelationID string
	// Changes is the text of the jsonb, which is canonical: members in PostgreSQL's order, each once, one space after each
	// colon and comma.
	Changes string
}

// rowLabel keeps what is hashed for a row from being taken for anything else.
const rowLabel = "presswork audit row v1"

// Number is the row's id.
func (r Row) Number() int64 { return r.ID }

// Seal writes the label and the row's fields in this order.
func (r Row) Seal(to chain.Hasher) {
	to.Text(rowLabel)
	to.Number(r.ID)
	to.Number(r.At)
	for _, text := range []string{r.Actor, r.Action, r.Entity} {
		to.Text(text)
	}
	to.Bytes(r.EntityUID)
	to.Text(r.CorrelationID)
	to.Text(r.Changes)
}
