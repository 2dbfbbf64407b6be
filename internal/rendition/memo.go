package rendition

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
)

// memoBytes bounds what a Memo remembers.
const memoBytes = 16 << 20

// Memo remembers what was inlined: that takes milliseconds, and templates and items are used again, in every
// language and by the next publication. A nil Memo remembers nothing. It is safe for concurrent use.
type Memo struct {
	mu    sync.Mutex
	known map[memoKey]string
	order []memoKey // oldest first
	size  int
}

type memoKey [sha256.Size]byte

// NewMemo makes an empty one.
func NewMemo() *Memo { return &Memo{known: make(map[memoKey]string)} }

// once is what compute makes of these parts, remembered.
func (m *Memo) once(compute func() (string, error), parts ...string) (string, error) {
	if m == nil {
		return compute()
	}
	key := keyOf(parts)
	m.mu.Lock()
	out, ok := m.known[key]
	m.mu.Unlock()
	if ok {
		return out, nil
	}
	out, err := compute()
	if err == nil {
		m.remember(key, out)
	}
	return out, err
}

func (m *Memo) remember(key memoKey, out string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.known[key]; ok || len(out) > memoBytes {
		return
	}
	m.known[key] = out
	m.order = append(m.order, key)
	for m.size += len(out); m.size > memoBytes; m.order = m.order[1:] {
		m.size -= len(m.known[m.order[0]])
		delete(m.known, m.order[0])
	}
}

// keyOf is a hash of the parts and where one ends.
func keyOf(parts []string) memoKey {
	h := sha256.New()
	for _, part := range parts {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	return memoKey(h.Sum(nil))
}
