package chain

import (
	"encoding/binary"
	"hash"
)

// Hasher takes the fields of a row in an encoding that is canonical: each behind its length in bytes as a number of 32 bits.
// Numbers are 64 bits in two's complement. All are big-endian. Texts are in UTF-8. However fields are cut, no two rows are
// taken for each other.
type Hasher struct{ hash hash.Hash }

// Text writes a text.
func (h Hasher) Text(text string) { field(h.hash, []byte(text)) }

// Bytes writes some bytes; none and nil are the same.
func (h Hasher) Bytes(b []byte) { field(h.hash, b) }

// Number writes a number.
func (h Hasher) Number(n int64) { number(h.hash, n) }

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
