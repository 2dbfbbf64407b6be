package bearer

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/auth"
	"github.com/presswork/presswork/internal/fault"
)

const (
	// fetchTime bounds one fetch, from the name's resolution to the last byte.
	fetchTime = 5 * time.Second
	// A fetched set is fetched again after the server's max-age (RFC 9111, section 5.2.2.1), within these bounds.
	minFresh, defaultFresh, maxFresh = time.Minute, 10 * time.Minute, 24 * time.Hour
	// unknownPause is between two fetches because of key ids that are not known: anybody can invent those.
	unknownPause = 30 * time.Second
	// After a failure the next fetch waits for firstPause, and each time twice as long, up to longestPause; each wait is
	// shortened at random by up to a half, so that processes that lost the same server do not come back at once.
	firstPause, longestPause = time.Second, time.Minute
	// DefaultMaxStale is how long keys are believed that could not be fetched again.
	DefaultMaxStale = 24 * time.Hour
)

// KeySet is the keys of an issuer, by the address of its JWK Set. What was fetched goes on while the address cannot be
// reached, for as long as maxStale; then nothing can be told. It is safe for concurrent use.
type KeySet struct {
	url      string
	maxStale time.Duration
	client   *http.Client
	log      *zap.Logger
	now      func() time.Time

	mu sync.Mutex
	// keys are what was fetched last, at fetched; nil: nothing yet.
	keys    []publicKey
	fetched time.Time
	// next is when it is time for the next fetch, by max-age or after a failure; tried is when the last one began.
	next, tried time.Time
	failures    int           // in a row
	flying      chan struct{} // closed when the fetch that is under way has ended; nil: none is
}

// NewKeySet is the set at an address; maxStale 0 is DefaultMaxStale. Nothing is fetched before Run, or the first token.
//
// The address is the operator's, who has the issuer inside of their network as often as not: private addresses are reached,
// by HTTPS_PROXY if that is set. Redirects are not followed.
func NewKeySet(url string, maxStale time.Duration, log *zap.Logger) *KeySet {
	if maxStale == 0 {
		maxStale = DefaultMaxStale
	}
	return &KeySet{url: url, maxStale: maxStale, client: newClient(), log: log, now: time.Now}
}

// Run fetches the set before it grows old, until ctx ends.
func (s *KeySet) Run(ctx context.Context) {
	defer s.client.CloseIdleConnections()
	for ctx.Err() == nil {
		s.refresh(ctx, ctx)
		s.mu.Lock()
		wait := s.next.Sub(s.now())
		s.mu.Unlock()
		timer := time.NewTimer(max(wait, firstPause/2))
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// Age is how old the keys are, and how many fetches have failed since. Without any keys it is negative.
func (s *KeySet) Age() (age time.Duration, failures int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys == nil {
		return -1, s.failures
	}
	return s.now().Sub(s.fetched), s.failures
}

// candidates are the keys that may have signed a token with this header. It returns an auth.Refusal if there is none, and
// Unavailable if that cannot be told.
func (s *KeySet) candidates(ctx context.Context, h header) ([]any, error) {
	if !slices.Contains(agreed(), h.algorithm) {
		return nil, auth.Refuse(auth.WrongAlgorithm, h.kid)
	}
	list, err := s.find(h.kid)
	if err != nil && s.mayFetch() {
		s.refresh(ctx, context.WithoutCancel(ctx)) // others wait for it
		list, err = s.find(h.kid)
	}
	if err != nil {
		return nil, err
	}
	var keys []any
	for _, k := range list {
		if slices.Contains(k.algorithms, h.algorithm) {
			keys = append(keys, k.key)
		}
	}
	if len(keys) == 0 {
		return nil, auth.Refuse(auth.WrongAlgorithm, h.kid)
	}
	return keys, nil
}

// find is the keys with an id. Without an id it is the only one of the set: among several the token has to name its key.
func (s *KeySet) find(kid string) ([]publicKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys == nil || s.now().Sub(s.fetched) > s.maxStale {
		return nil, s.unavailable()
	}
	var list []publicKey
	for _, k := range s.keys {
		if k.kid == kid && kid != "" || kid == "" && len(s.keys) == 1 {
			list = append(list, k)
		}
	}
	if len(list) > 0 {
		return list, nil
	}
	if s.failures > 0 { // the issuer may have a new key by now
		return nil, s.unavailable()
	}
	return nil, auth.Refuse(auth.Unknown, kid)
}

// unavailable is the answer while nothing can be told. The lock is held.
func (s *KeySet) unavailable() error {
	return &fault.Error{Kind: fault.Unavailable, Code: "issuer_unavailable", After: max(s.next.Sub(s.now()), firstPause),
		Detail: "The keys of the tokens' issuer are not known just now."}
}

// mayFetch says whether a token may cause a fetch, or wait for the one that is under way.
func (s *KeySet) mayFetch() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	switch {
	case s.flying != nil, s.tried.IsZero():
		return true
	case s.failures > 0:
		return !now.Before(s.next)
	default:
		return now.Sub(s.tried) >= unknownPause
	}
}

// refresh fetches the set within work, once for all who ask meanwhile, and returns when that has ended, or ctx has.
func (s *KeySet) refresh(ctx, work context.Context) {
	s.mu.Lock()
	flying, mine := s.flying, s.flying == nil
	if mine {
		flying = make(chan struct{})
		s.flying, s.tried = flying, s.now()
	}
	s.mu.Unlock()
	if mine {
		s.take(flying, s.fetch(work))
	}
	select {
	case <-flying:
	case <-ctx.Done():
	}
}

// take keeps what a fetch has brought.
func (s *KeySet) take(flying chan struct{}, got fetched) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer close(flying)
	s.flying = nil
	now := s.now()
	if got.err != nil {
		pause := min(firstPause<<min(s.failures, 10), longestPause)
		pause -= time.Duration(rand.Int64N(int64(pause / 2))) //nolint:gosec // against processes in step, not against people
		s.failures++
		s.next = now.Add(pause)
		if errors.Is(got.err, context.Canceled) { // this process stops
			return
		}
		s.log.Warn("the keys of the tokens' issuer could not be fetched", zap.Error(got.err), zap.Int("failures", s.failures))
		return
	}
	s.keys, s.fetched, s.failures = got.keys, s.tried, 0
	s.next = now.Add(got.fresh)
}
