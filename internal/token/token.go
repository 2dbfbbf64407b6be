// Package token makes and reads the signed part of the links a recipient gets: tracking and unsubscribing.
// A token says which delivery the link belongs to and nothing else, and nobody without the secret can make one.
package token

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"math"
	"strings"
	"sync"
)

// Recipient is the delivery a link belongs to. All three are positive in a genuine token.
type Recipient struct {
	// Publication and Recipient are internal ids, Channel a channel kind's number in the ledger.
	Publication int64
	Channel     int16
	Recipient   int64
}

// ErrInvalid is returned for whatever was not made by Sign with one of the secrets.
var ErrInvalid = errors.New("the link is not valid")

const (
	// info separates this use of the secret from every other (RFC 5869, section 3.2).
	info = "presswork recipient link v1"
	// tagSize is that of HMAC-SHA256-128: half a digest is RFC 2104's floor, and enough for links.
	tagSize = 16
	// maxText bounds what Verify looks at: three varints of at most 10, 3 and 10 bytes, and the tag.
	maxText = 52
)

// encoding is strict: of the texts that decode to the same bytes, one is valid.
var encoding = base64.RawURLEncoding.Strict()

// Signer signs with one secret and verifies with that and the previous ones. It is safe for concurrent use.
type Signer struct {
	keys []*key // the first one signs
}

// NewSigner derives a key from each secret. Tokens made with a previous secret stay valid. It panics on
// an empty secret, which would be a mistake of the wiring.
func NewSigner(secret []byte, previous ...[]byte) *Signer {
	s := &Signer{keys: make([]*key, 0, 1+len(previous))}
	for _, secret := range append([][]byte{secret}, previous...) {
		s.keys = append(s.keys, newKey(secret))
	}
	return s
}

// Sign makes the token of a recipient: letters, digits, - and _, at most 48 characters for ids below 2⁴⁹.
// The same recipient always gets the same token.
func (s *Signer) Sign(r Recipient) string {
	var buffer [maxText]byte
	body := r.append(buffer[:0])
	signed := s.keys[0].tag(body, body)
	return encoding.EncodeToString(signed)
}

// Verify reads a token, or returns ErrInvalid. The comparison takes the same time wherever the tag differs.
func (s *Signer) Verify(text string) (Recipient, error) {
	// base64 skips line ends, even when strict.
	if len(text) > maxText || strings.ContainsAny(text, "\r\n") {
		return Recipient{}, ErrInvalid
	}
	var buffer [maxText]byte
	n, err := encoding.Decode(buffer[:], []byte(text))
	if err != nil || n <= tagSize {
		return Recipient{}, ErrInvalid
	}
	body, tag := buffer[:n-tagSize], buffer[n-tagSize:n]
	if !s.made(body, tag) {
		return Recipient{}, ErrInvalid
	}
	return parse(body)
}

func (s *Signer) made(body, tag []byte) bool {
	var buffer [sha256.Size]byte
	for _, k := range s.keys {
		if hmac.Equal(k.tag(buffer[:0], body), tag) {
			return true
		}
	}
	return false
}

func (r Recipient) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(r.Publication))     //nolint:gosec // parse turns it back
	b = binary.AppendUvarint(b, uint64(uint16(r.Channel))) //nolint:gosec // parse turns it back
	return binary.AppendUvarint(b, uint64(r.Recipient))    //nolint:gosec // parse turns it back
}

func parse(body []byte) (Recipient, error) {
	var values [3]uint64
	for i := range values {
		v, n := binary.Uvarint(body)
		if n <= 0 {
			return Recipient{}, ErrInvalid
		}
		values[i], body = v, body[n:]
	}
	if len(body) > 0 || values[0] > math.MaxInt64 || values[1] > math.MaxInt16 || values[2] > math.MaxInt64 {
		return Recipient{}, ErrInvalid
	}
	//nolint:gosec // bounded above
	return Recipient{Publication: int64(values[0]), Channel: int16(values[1]), Recipient: int64(values[2])}, nil
}

// key computes tags; the hashes are kept, because setting one up costs more than using it.
type key struct{ hashes sync.Pool }

func newKey(secret []byte) *key {
	if len(secret) == 0 {
		panic("token: empty secret")
	}
	derived, err := hkdf.Key(sha256.New, secret, nil, info, sha256.Size)
	if err != nil {
		panic(fmt.Sprintf("token: derive the key: %v", err)) // only for a length beyond RFC 5869's
	}
	return &key{hashes: sync.Pool{New: func() any { return &digest{Hash: hmac.New(sha256.New, derived)} }}}
}

type digest struct {
	hash.Hash
	sum [sha256.Size]byte
}

// tag appends the tag of body to b, which may be body itself.
func (k *key) tag(b, body []byte) []byte {
	d, ok := k.hashes.Get().(*digest)
	if !ok {
		panic("token: a stranger in the pool")
	}
	defer k.hashes.Put(d)
	d.Reset()
	_, _ = d.Write(body) // a hash never fails
	return append(b, d.Sum(d.sum[:0])[:tagSize]...)
}
