// Package seal keeps secrets that have to be stored: AES-256-GCM under keys derived from SECRET_KEY by
// HKDF (RFC 5869). The key's id stands in front of what is sealed, so that keys can be rotated: the newest
// seals, the previous ones still open.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// ErrOpen is returned for what was sealed with a key that is not known, for another context, or altered.
var ErrOpen = errors.New("cannot be opened with the keys at hand")

// The purposes of the derived values; a changed word makes everything sealed unreadable.
const (
	purposeKey = "presswork seal key v1"
	purposeID  = "presswork seal key id v1"
)

const idSize = 4

type key struct {
	id   [idSize]byte
	aead cipher.AEAD
	mark []byte
}

// Sealer seals with one key and opens with several. It is safe for concurrent use.
type Sealer struct{ keys []key }

// New derives the keys. Every secret must have at least 16 bytes; SECRET_KEY has 32 or more.
func New(secret []byte, previous ...[]byte) (*Sealer, error) {
	s := &Sealer{}
	for _, one := range append([][]byte{secret}, previous...) {
		k, err := derive(one)
		if err != nil {
			return nil, fmt.Errorf("derive a sealing key: %w", err)
		}
		s.keys = append(s.keys, k)
	}
	return s, nil
}

func derive(secret []byte) (key, error) {
	if len(secret) < 16 {
		return key{}, errors.New("the secret is shorter than 16 bytes")
	}
	raw, err := hkdf.Key(sha256.New, secret, nil, purposeKey, 32)
	if err != nil {
		return key{}, err
	}
	id, err := hkdf.Key(sha256.New, secret, nil, purposeID, idSize)
	if err != nil {
		return key{}, err
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return key{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return key{}, err
	}
	mark, err := deriveMark(secret)
	return key{id: [idSize]byte(id), aead: aead, mark: mark}, err
}

// Seal encrypts plaintext for a context ("channel/<uid>"), which Open must name again: a sealed value
// moved to another row does not open there. Sealing twice gives different bytes.
func (s *Sealer) Seal(plaintext []byte, context string) []byte {
	k := s.keys[0]
	return k.aead.Seal(k.id[:], nil, plaintext, []byte(context)) //nolint:gosec // this AEAD draws its nonces itself
}

// Open is the plaintext of what Seal gave, or ErrOpen.
func (s *Sealer) Open(sealed []byte, context string) ([]byte, error) {
	if len(sealed) < idSize {
		return nil, ErrOpen
	}
	for _, k := range s.keys {
		if [idSize]byte(sealed) != k.id {
			continue
		}
		if plaintext, err := k.aead.Open(nil, nil, sealed[idSize:], []byte(context)); err == nil {
			return plaintext, nil
		}
	}
	return nil, ErrOpen
}

// Stale reports a value that was sealed with a previous key and should be sealed anew.
func (s *Sealer) Stale(sealed []byte) bool {
	return len(sealed) >= idSize && [idSize]byte(sealed) != s.keys[0].id
}

// KeyOf is the id of the key that sealed a value, in hexadecimal digits; "" for what Seal did not give.
func KeyOf(sealed []byte) string {
	if len(sealed) < idSize {
		return ""
	}
	return hex.EncodeToString(sealed[:idSize])
}

// Newest is the id of the key that seals, as KeyOf has it.
func (s *Sealer) Newest() string { return hex.EncodeToString(s.keys[0].id[:]) }
