package content

import (
	"errors"
	"slices"
)

// ErrChoice is returned for indexes that no choice has.
var ErrChoice = errors.New("content: not a choice of at most 16 different items")

// EncodeChoice packs the indexes of chosen items, in their order, one byte each. It returns ErrChoice
// for more than MaxChosen, for doubles and for indexes outside 0 to MaxItems-1.
func EncodeChoice(indexes []int) ([]byte, error) {
	out := make([]byte, 0, len(indexes))
	for _, i := range indexes {
		if i < 0 || i >= MaxItems {
			return nil, ErrChoice
		}
		out = append(out, byte(i))
	}
	if !valid(out) {
		return nil, ErrChoice
	}
	return out, nil
}

// DecodeChoice is the inverse of EncodeChoice, with the same checks.
func DecodeChoice(packed []byte) ([]int, error) {
	if !valid(packed) {
		return nil, ErrChoice
	}
	out := make([]int, len(packed))
	for i, b := range packed {
		out[i] = int(b)
	}
	return out, nil
}

// MaxGathered is how many items a digest may be made of: of each is told by one byte.
const MaxGathered = 250

// EncodeGathered packs what a reader gets of a digest, in its order, as EncodeChoice does; but any number of its items. It returns
// ErrChoice for doubles, and for indexes outside 0 to MaxGathered-1.
func EncodeGathered(indexes []int) ([]byte, error) {
	out := make([]byte, 0, len(indexes))
	for _, i := range indexes {
		if i < 0 || i >= MaxGathered || slices.Contains(out, byte(i)) {
			return nil, ErrChoice
		}
		out = append(out, byte(i))
	}
	return out, nil
}

// DecodeGathered is the inverse of EncodeGathered, with the same checks.
func DecodeGathered(packed []byte) ([]int, error) {
	out := make([]int, len(packed))
	for i, b := range packed {
		if b >= MaxGathered || slices.Contains(packed[:i], b) {
			return nil, ErrChoice
		}
		out[i] = int(b)
	}
	return out, nil
}

func valid(packed []byte) bool {
	if len(packed) > MaxChosen {
		return false
	}
	for i, b := range packed {
		if b >= MaxItems || slices.Contains(packed[:i], b) {
			return false
		}
	}
	return true
}
