package mime

import "sync"

// largestKept is the capacity beyond which a buffer is not worth keeping, in bytes.
const largestKept = 1 << 20

// Buffers is a pool of buffers to append messages to. The zero value is ready; it must not be copied.
type Buffers struct{ pool sync.Pool }

// Get returns an empty buffer.
func (b *Buffers) Get() *[]byte {
	if kept, ok := b.pool.Get().(*[]byte); ok {
		return kept
	}
	const usual = 16 << 10
	buf := make([]byte, 0, usual)
	return &buf
}

// Put gives a buffer back. Nobody may use it afterwards.
func (b *Buffers) Put(buf *[]byte) {
	if cap(*buf) > largestKept {
		return
	}
	*buf = (*buf)[:0]
	b.pool.Put(buf)
}
