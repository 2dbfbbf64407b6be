package idset_test

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/idset"
)

// drawPlaces is none, few, or about every n-th place.
func drawPlaces(t *rapid.T, label string) []int {
	var places []int
	if rapid.Bool().Draw(t, label+" few") {
		places = rapid.SliceOfN(rapid.IntRange(0, idset.BlockSize-1), 0, 600).Draw(t, label)
	} else {
		step, first := rapid.IntRange(1, 40).Draw(t, label+" step"), rapid.IntRange(0, idset.BlockSize-1).Draw(t, label+" first")
		for place := first; place < idset.BlockSize; place += step {
			places = append(places, place)
		}
	}
	slices.Sort(places)
	return slices.Compact(places)
}

func blockOf(places []int) idset.Block {
	var b idset.Block
	for _, place := range places {
		b.Set(place)
	}
	return b
}

// A block has the members that were set and no other, is stored in a kibibyte at most, and is read as it was written.
func TestBlock(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		places, others := drawPlaces(t, "places"), drawPlaces(t, "others")
		b, other := blockOf(places), blockOf(others)
		text := b.Encode()
		if len(text) > min(1024, 2*len(places)) {
			t.Fatalf("%d members take %d bytes", len(places), len(text))
		}
		again, err := idset.DecodeBlock(text)
		if err != nil || again != b || b.Len() != len(places) {
			t.Fatalf("%d members are read as %d, %v", len(places), again.Len(), err)
		}
		from := rapid.IntRange(0, idset.BlockSize-1).Draw(t, "from")
		if got, want := b.Places(from), slices.DeleteFunc(slices.Clone(places), func(p int) bool { return p < from }); !slices.Equal(got, want) {
			t.Fatalf("from %d there are %v, not %v", from, got, want)
		}
		var both int
		for _, place := range places {
			if slices.Contains(others, place) {
				both++
			}
		}
		if n := b.Common(other); n != both || other.Common(b) != both {
			t.Fatalf("%d are common, not %d", n, both)
		}
		for range 20 {
			if place := rapid.IntRange(0, idset.BlockSize-1).Draw(t, "place"); b.Has(place) != slices.Contains(places, place) {
				t.Fatalf("%d is a member: %t", place, b.Has(place))
			}
		}
	})
}

// An id is in one block at one place, and the next one is behind it.
func TestBlockOf(t *testing.T) {
	t.Parallel()
	for id, want := range map[int64][2]int64{0: {0, 0}, 1: {0, 1}, 8191: {0, 8191}, 8192: {1, 0}, 1_000_000: {122, 576}} {
		if n, place := idset.BlockOf(id); n != want[0] || int64(place) != want[1] {
			t.Errorf("%d is at %d of block %d", id, place, n)
		}
	}
}

// Whatever is stored is a block that is written as one, or it is refused.
func FuzzDecodeBlock(f *testing.F) {
	dense := blockOf([]int{0, 1, 63, 64, 8191})
	f.Add(dense.Encode())
	f.Add(bytes.Repeat([]byte{0xff}, 1024))
	f.Add(make([]byte, 1024))
	f.Add([]byte{128, 0, 128, 1, 191, 127})
	f.Add([]byte{128, 1, 128, 0})
	f.Add([]byte{0, 0})
	f.Add([]byte{128})
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := idset.DecodeBlock(text)
		if err != nil {
			return
		}
		short := b.Encode()
		if len(text) < 1024 && !bytes.Equal(short, text) {
			t.Errorf("%x is written as %x", text, short)
		}
		if again, err := idset.DecodeBlock(short); err != nil || again != b {
			t.Errorf("%x is read as another block, %v", short, err)
		}
	})
}
