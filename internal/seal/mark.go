package seal

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
)

// purposeMark is the word of the key of marks; a changed word makes all marks unknown.
const purposeMark = "presswork mark key v1"

func deriveMark(secret []byte) ([]byte, error) {
	return hkdf.Key(sha256.New, secret, nil, purposeMark, sha256.Size)
}

// Mark is a keyed hash (HMAC-SHA256) of data that is not to be stored itself, by which it is known again. Without the key
// nobody can try what it was made of.
func (s *Sealer) Mark(data []byte) []byte { return s.keys[0].sum(data) }

// Marked reports whether a mark is that of data, under any of the keys.
func (s *Sealer) Marked(mark, data []byte) bool {
	for _, k := range s.keys {
		if hmac.Equal(mark, k.sum(data)) {
			return true
		}
	}
	return false
}

func (k key) sum(data []byte) []byte {
	mac := hmac.New(sha256.New, k.mark)
	mac.Write(data)
	return mac.Sum(nil)
}
