// Package idset holds sets of ids, as blocks of 8192 ids that follow each other: the members of a snapshot, the readers of a publication.
package idset

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"
)

// BlockSize is how many ids a block is about: block n is about those from n x 8192 on. A block of all of them is a kibibyte.
const BlockSize = 8192

// Block is the members among BlockSize ids that follow each other: a bit for each, set for members.
type Block [BlockSize / 64]uint64

// BlockOf is the block that an id is in, and its place there.
func BlockOf(id int64) (n int64, place int) { return id / BlockSize, int(id % BlockSize) }

// Set makes the id at a place a member.
func (b *Block) Set(place int) { b[place/64] |= 1 << (place % 64) }

// Has reports whether the id at a place is a member.
func (b *Block) Has(place int) bool { return b[place/64]&(1<<(place%64)) != 0 }

// Len is how many members there are.
func (b *Block) Len() int {
	n := 0
	for _, word := range b {
		n += bits.OnesCount64(word)
	}
	return n
}

// Common is how many are members of both.
func (b *Block) Common(other Block) int {
	n := 0
	for i, word := range b {
		n += bits.OnesCount64(word & other[i])
	}
	return n
}

// Places are those of the members, in order, from a place on.
func (b *Block) Places(from int) []int {
	var list []int
	for i := from / 64; i < len(b); i++ {
		word := b[i]
		if i == from/64 {
			word &= ^uint64(0) << (from % 64)
		}
		for ; word != 0; word &= word - 1 {
			list = append(list, i*64+bits.TrailingZeros64(word))
		}
	}
	return list
}

// denseBytes is the length of a block in which each id has a bit. Of fewer than sparseMembers members it is shorter to say which
// they are, with two bytes each.
const (
	denseBytes    = BlockSize / 8
	sparseMembers = denseBytes / 2
)

// Encode writes a block as it is stored, in the shorter of two forms. Either has 1024 bytes with a bit for each id, the lowest of
// a byte first, as get_bit of PostgreSQL reads them. Or it has two bytes for each member, in order: 128 and the six upper bits of
// its place, then the seven lower ones. A first byte is never a second one, so that position of PostgreSQL finds a member
// and nothing else.
func (b *Block) Encode() []byte {
	if n := b.Len(); n < sparseMembers {
		out := make([]byte, 0, 2*n)
		for _, place := range b.Places(0) {
			out = append(out, 128|byte(place>>7&63), byte(place&127))
		}
		return out
	}
	out := make([]byte, 0, denseBytes)
	for _, word := range b {
		out = binary.LittleEndian.AppendUint64(out, word)
	}
	return out
}

// DecodeBlock reads what Encode wrote, or what is left of it after members were taken out.
func DecodeBlock(text []byte) (Block, error) {
	var b Block
	if len(text) == denseBytes {
		for i := range b {
			b[i] = binary.LittleEndian.Uint64(text[i*8:])
		}
		return b, nil
	}
	if len(text)%2 != 0 || len(text) > denseBytes {
		return b, errBlock
	}
	last := -1
	for pair := range slices.Chunk(text, 2) {
		place := int(pair[0]&127)<<7 | int(pair[1])
		if pair[0]&192 != 128 || pair[1] > 127 || place <= last {
			return b, errBlock
		}
		b.Set(place)
		last = place
	}
	return b, nil
}

var errBlock = errors.New("read a block of ids: it is in neither of the two forms")
