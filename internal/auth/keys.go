package auth

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/keep"
)

const (
	// keyLife is how long a looked up key is believed: a revocation takes effect within it, and a key that is used
	// thousands of times a second costs one look-up.
	keyLife = time.Second
	// keysKept bounds the memory, also when somebody tries prefixes: one that nobody has is remembered as well.
	keysKept = 10_000
	// lookupTime bounds one look-up, waiting for a connection included.
	lookupTime = 5 * time.Second
	// usePeriod is how often the times of last use are written.
	usePeriod = time.Minute
)

// KeyStore finds keys.
type KeyStore interface {
	// KeyByPrefix is the key with a secret of this prefix, revoked and expired ones included, or NotFound.
	KeyByPrefix(ctx context.Context, prefix string) (Stored, error)
	// TouchKeys notes that these keys were used just now.
	TouchKeys(ctx context.Context, ids []int64) error
}

// Keys tells whom an API key stands for. It is safe for concurrent use.
type Keys struct {
	store  KeyStore
	now    func() time.Time
	recent *keep.Recent[string, lookup]

	mu   sync.Mutex
	used map[int64]struct{} // since the last time that it was written
}

// lookup is what was found; not found is worth remembering too.
type lookup struct {
	stored Stored
	found  bool
}

// NewKeys tells by what is in the store.
func NewKeys(store KeyStore) *Keys {
	return &Keys{store: store, now: time.Now, recent: keep.NewRecent[string, lookup](keysKept), used: make(map[int64]struct{})}
}

// Authenticate is whom a key's text stands for, or a Refusal; with the store away, the store's error.
func (k *Keys) Authenticate(ctx context.Context, text string) (Principal, error) {
	prefix, hash, ok := ParseSecret(text)
	if !ok {
		return Principal{}, Refuse(Malformed, "")
	}
	now := k.now()
	got, err := k.recent.Get(ctx, prefix, now, func(ctx context.Context) (lookup, time.Time, error) {
		ctx, cancel := context.WithTimeout(ctx, lookupTime)
		defer cancel()
		stored, err := k.store.KeyByPrefix(ctx, prefix)
		if fault.Is(err, fault.NotFound) {
			return lookup{}, now.Add(keyLife), nil
		}
		return lookup{stored, true}, now.Add(keyLife), err
	})
	if err != nil {
		return Principal{}, err
	}
	if reason := got.reason(hash, now); reason != "" {
		return Principal{}, Refuse(reason, prefix)
	}
	k.note(got.stored.Key.ID)
	return got.stored.Key.Principal(), nil
}

// reason is why what was found is not good; "": it is. Only who has the secret learns more than that.
func (l lookup) reason(hash Hash, now time.Time) Reason {
	over := func(end *time.Time) bool { return end != nil && !now.Before(*end) }
	switch {
	case !l.stored.Hash.Equal(hash) || !l.found:
		return Unknown
	case l.stored.Key.RevokedAt != nil:
		return Revoked
	case l.stored.Ended, over(l.stored.Key.ExpiresAt), over(l.stored.SecretExpiresAt):
		return Expired
	default:
		return ""
	}
}

func (k *Keys) note(id int64) {
	k.mu.Lock()
	k.used[id] = struct{}{}
	k.mu.Unlock()
}

// Run writes once a minute which keys were used, until ctx ends, and then once more. failed gets the error of a write
// that did not succeed: its keys are noted again when they are used again.
func (k *Keys) Run(ctx context.Context, failed func(error)) {
	tick := time.NewTicker(usePeriod)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
		if err := k.write(context.WithoutCancel(ctx)); err != nil {
			failed(err)
		}
	}
}

func (k *Keys) write(ctx context.Context) error {
	k.mu.Lock()
	used := k.used
	k.used = make(map[int64]struct{}, len(used))
	k.mu.Unlock()
	if len(used) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	return k.store.TouchKeys(ctx, slices.Sorted(maps.Keys(used)))
}
