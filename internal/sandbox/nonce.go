package sandbox

import (
	"sync"
	"time"
)

const (
	nonceLife = 5 * time.Minute // Discord says "the past few minutes"
	nonceKeep = 1 << 16
)

// nonces remembers which message a nonce made, for a few minutes.
type nonces struct {
	mu     sync.Mutex
	first  map[string]*Message
	recent []nonceUse // oldest first
}

type nonceUse struct {
	key string
	at  time.Time
}

func newNonces() *nonces { return &nonces{first: map[string]*Message{}} }

// once returns the message the key made lately, or makes it. Of several at once, one makes it.
func (n *nonces) once(key string, send func() *Message) *Message {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	for len(n.recent) > 0 && (now.Sub(n.recent[0].at) > nonceLife || len(n.recent) >= nonceKeep) {
		delete(n.first, n.recent[0].key)
		n.recent = n.recent[1:]
	}
	if first := n.first[key]; first != nil {
		return first
	}
	message := send()
	n.first[key] = message
	n.recent = append(n.recent, nonceUse{key, now})
	return message
}

func (n *nonces) reset() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.first)
	n.recent = nil
}
