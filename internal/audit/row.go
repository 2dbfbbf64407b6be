package audit

import (
	"encoding/binary"
	"hash"
)

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

// write writes the canonical encoding of a row: the label and the row's fields in this order, each behind its length in
// bytes as a number of 32 bits. Numbers are 64 bits in two's complement. All are big-endian. Texts are in UTF-8.
func (r Row) write(to hash.Hash) {
	field(to, []byte(rowLabel))
	number(to, r.ID)
	number(to, r.At)
	for _, text := range []string{r.Actor, r.Action, r.Entity} {
		field(to, []byte(text))
	}
	field(to, r.EntityUID)
	field(to, []byte(r.CorrelationID))
	field(to, []byte(r.Changes))
}

// field writes some bytes behind their length. A hash does not fail.
func field(to hash.Hash, b []byte) {
	var length [4]byte
	binary.BigEndian.PutUint32(length[:], uint32(len(b))) //nolint:gosec // PostgreSQL's values are below 1 GB
	_, _ = to.Write(length[:])
	_, _ = to.Write(b)
}

func number(to hash.Hash, n int64) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n)) //nolint:gosec // two's complement
	field(to, b[:])
}
