package content_test

import (
	"bytes"
	"testing"

	"github.com/presswork/presswork/internal/content"
)

// FuzzDecodeGathered: what decodes is what it was encoded from, and has nothing twice.
func FuzzDecodeGathered(f *testing.F) {
	for _, packed := range [][]byte{nil, {0}, {3, 1, 2}, {1, 1}, {249}, {250}} {
		f.Add(packed)
	}
	f.Fuzz(func(t *testing.T, packed []byte) {
		list, err := content.DecodeGathered(packed)
		if err != nil {
			return
		}
		seen := map[int]bool{}
		for _, i := range list {
			if seen[i] || i < 0 || i >= content.MaxGathered {
				t.Fatalf("%v", list)
			}
			seen[i] = true
		}
		if again, err := content.EncodeGathered(list); err != nil || !bytes.Equal(again, packed) {
			t.Errorf("%v becomes %v, %v", packed, again, err)
		}
	})
}

func TestEncodeGathered(t *testing.T) {
	t.Parallel()
	for _, bad := range [][]int{{-1}, {content.MaxGathered}, {4, 4}} {
		if _, err := content.EncodeGathered(bad); err == nil {
			t.Errorf("%v is packed", bad)
		}
	}
}
