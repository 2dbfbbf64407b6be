// Package chain seals the rows of a log in blocks, each of which holds the hash of the one before, under keys that the database
// does not know: what is altered, removed or added afterwards shows. Each log has a chain of its own, by its name, with keys of
// its own. The package knows no log and no database.
package chain

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
	"time"
)

// BlockRows is how many rows one block has at most: some 240 KB of entries, and a tenth of a second to seal.
const BlockRows = 10_000

// What is around the name of the log in the labels of what is hashed. A changed word breaks every chain.
const (
	product     = "presswork "
	blockLabel  = " block v1"
	anchorLabel = " anchor v1"
)

const (
	digestSize = 16
	entrySize  = 8 + digestSize
)

// Hash is HMAC-SHA256 under a key derived from SECRET_KEY.
type Hash [sha256.Size]byte

// String is the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// KeyID says which key a hash was made with, and nothing about the key.
type KeyID [4]byte

// Block seals the rows with ids from First to Last. Its hash covers all its other fields but the key's id, and so the
// previous block's hash, and by the entries every row:
//
//	hash  = HMAC-SHA256(key, label, n, previous, first, last, sealed at, entries)
//	entry = id (8 bytes, big-endian), the first 16 bytes of HMAC-SHA256(key, row)
//
// encoded as the fields of a row are (Hasher). Entries are in the order of their ids. The key is HKDF-SHA256 (RFC 5869) of SECRET_KEY without
// a salt, of 32 bytes: whoever can write to the database but lacks SECRET_KEY cannot chain anew.
type Block struct {
	// N counts from 1, without gaps.
	N           int64
	First, Last int64
	Entries     []byte
	Previous    Hash
	Hash        Hash
	Key         KeyID
	// SealedAt is precise to the microsecond.
	SealedAt time.Time
}

// Rows is how many rows the block seals.
func (b Block) Rows() int { return len(b.Entries) / entrySize }

// Anchor is the last block that was removed when its time was over, signed by who removed it.
type Anchor struct {
	N, Last   int64
	Hash      Hash
	Key       KeyID
	Signature Hash
}

// What is wrong with a block or an anchor.
var (
	ErrKey     = errors.New("sealed with a key that is not known: is it missing in SECRET_KEY_PREVIOUS?")
	ErrAltered = errors.New("altered since it was sealed")
	// ErrGivenUp: another key has sealed since. Each key has one stretch of the chain, so that who finds an old one cannot add to it.
	ErrGivenUp = errors.New("SECRET_KEY was given up for another key: restart with that one, or with a new one")
)

type chainKey struct {
	id  KeyID
	key []byte
}

// Row is an entry of a log in the form that is sealed.
type Row interface {
	// Number is its id.
	Number() int64
	// Seal writes the label of rows of this log, and all that the row says. Different rows write different bytes.
	Seal(to Hasher)
}

// Chain seals with one key and verifies with several. It is safe for concurrent use. A nil Chain belongs to a process
// without SECRET_KEY.
type Chain[R Row] struct {
	keys          []chainKey
	block, anchor string
}

// Derive makes the key of a log, of 32 bytes, and its id of a secret. Each log has a derivation of its own.
type Derive func(secret []byte) (key, id []byte, err error)

// New is the chain of the log with a name: with a key of the secret that seals, and of others that verify. Each must have at
// least 16 bytes; SECRET_KEY has 32 or more.
func New[R Row](name string, derive Derive, secret []byte, previous ...[]byte) (*Chain[R], error) {
	c := &Chain[R]{block: product + name + blockLabel, anchor: product + name + anchorLabel}
	for _, one := range append([][]byte{secret}, previous...) {
		if len(one) < 16 {
			return nil, errors.New("the secret is shorter than 16 bytes")
		}
		key, id, err := derive(one)
		if err != nil {
			return nil, fmt.Errorf("derive the key of the %s log: %w", name, err)
		}
		c.keys = append(c.keys, chainKey{KeyID(id), key})
	}
	return c, nil
}

// Key is the id of the key that seals.
func (c *Chain[R]) Key() KeyID { return c.keys[0].id }

func (c *Chain[R]) mac(id KeyID) (hash.Hash, error) {
	i := slices.IndexFunc(c.keys, func(k chainKey) bool { return k.id == id })
	if i < 0 {
		return nil, ErrKey
	}
	return hmac.New(sha256.New, c.keys[i].key), nil
}

// Seal makes the block that follows another, or the zero one, of rows in the order of their ids, with the newest key. The
// rows are all there are between the previous block and the last of them.
func (c *Chain[R]) Seal(previous Block, rows []R, at time.Time) Block {
	b := Block{N: previous.N + 1, First: previous.Last + 1, Last: rows[len(rows)-1].Number(), Previous: previous.Hash,
		Key: c.keys[0].id, SealedAt: at.UTC().Truncate(time.Microsecond)}
	h := hmac.New(sha256.New, c.keys[0].key)
	b.Entries = make([]byte, 0, entrySize*len(rows))
	for _, row := range rows {
		b.Entries = appendEntry(b.Entries, h, row)
	}
	b.Hash = b.sum(h, c.block)
	return b
}

// appendEntry appends the entry of a row; the hash is used anew.
func appendEntry(entries []byte, h hash.Hash, row Row) []byte {
	h.Reset()
	row.Seal(Hasher{h})
	entries = binary.BigEndian.AppendUint64(entries, uint64(row.Number())) //nolint:gosec // two's complement
	return append(entries, h.Sum(nil)[:digestSize]...)
}

func (b Block) sum(h hash.Hash, label string) Hash {
	h.Reset()
	field(h, []byte(label))
	number(h, b.N)
	field(h, b.Previous[:])
	number(h, b.First)
	number(h, b.Last)
	number(h, b.SealedAt.UnixMicro())
	field(h, b.Entries)
	return Hash(h.Sum(nil))
}

// Check is nil of a block that is as it was sealed; else ErrKey or ErrAltered. It says nothing of the rows.
func (c *Chain[R]) Check(b Block) error {
	h, err := c.mac(b.Key)
	if err != nil {
		return err
	}
	if sum := b.sum(h, c.block); !hmac.Equal(sum[:], b.Hash[:]) {
		return ErrAltered
	}
	return nil
}

// Sign is the anchor that stands for a block which is removed.
func (c *Chain[R]) Sign(b Block) Anchor {
	a := Anchor{N: b.N, Last: b.Last, Hash: b.Hash, Key: c.keys[0].id}
	a.Signature = a.sum(hmac.New(sha256.New, c.keys[0].key), c.anchor)
	return a
}

func (a Anchor) sum(h hash.Hash, label string) Hash {
	field(h, []byte(label))
	number(h, a.N)
	number(h, a.Last)
	field(h, a.Hash[:])
	return Hash(h.Sum(nil))
}

// CheckAnchor is nil of an anchor that a process with one of the keys signed; else ErrKey or ErrAltered.
func (c *Chain[R]) CheckAnchor(a Anchor) error {
	h, err := c.mac(a.Key)
	if err != nil {
		return err
	}
	if sum := a.sum(h, c.anchor); !hmac.Equal(sum[:], a.Signature[:]) {
		return ErrAltered
	}
	return nil
}
