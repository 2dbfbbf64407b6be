package auth

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

// shelf is a store of keys in memory.
type shelf struct {
	lookups atomic.Int64
	slow    chan struct{} // not nil: a look-up waits for it

	mu      sync.Mutex
	keys    map[string]Stored
	away    error
	touched [][]int64
	failed  [][]Failure
}

func (s *shelf) KeyByPrefix(_ context.Context, prefix string) (Stored, error) {
	s.lookups.Add(1)
	if s.slow != nil {
		<-s.slow
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away != nil {
		return Stored{}, s.away
	}
	stored, ok := s.keys[prefix]
	if !ok {
		return Stored{}, fault.New(fault.NotFound, "not_found", "")
	}
	return stored, nil
}

func (s *shelf) TouchKeys(_ context.Context, ids []int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away != nil {
		return s.away
	}
	s.touched = append(s.touched, ids)
	return nil
}

func (s *shelf) RecordFailures(_ context.Context, list []Failure) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away != nil {
		return s.away
	}
	s.failed = append(s.failed, list)
	return nil
}

// add puts a key on the shelf, after change, and returns its text.
func (s *shelf) add(change func(*Stored)) string {
	text, prefix, hash := NewSecret()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys == nil {
		s.keys = map[string]Stored{}
	}
	stored := Stored{Key: Key{ID: int64(len(s.keys) + 1), UID: ident.New(), Role: Publisher}, Hash: hash}
	if change != nil {
		change(&stored)
	}
	s.keys[prefix] = stored
	return text
}

func (s *shelf) change(text string, change func(*Stored)) {
	prefix, _, _ := ParseSecret(text)
	s.mu.Lock()
	defer s.mu.Unlock()
	stored := s.keys[prefix]
	change(&stored)
	s.keys[prefix] = stored
}

func (s *shelf) goAway(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = err
}

type fixedTokens struct{ seen []string }

func (f *fixedTokens) Verify(_ context.Context, token string) (Principal, error) {
	f.seen = append(f.seen, token)
	return Principal{ID: "user:x"}, nil
}

func TestGate(t *testing.T) {
	t.Parallel()
	s, tokens := &shelf{}, &fixedTokens{}
	past, future := time.Now().Add(-time.Second), time.Now().Add(time.Hour)
	good := s.add(func(k *Stored) { k.Key.RatePerHour, k.Key.ExpiresAt, k.SecretExpiresAt = 7, &future, &future })
	revoked := s.add(func(k *Stored) { k.Key.RevokedAt = &past })
	stranger, _, _ := NewSecret()
	other := s.add(func(k *Stored) { k.Hash = Hash{} })
	const admin = "an admin key that begins with nothing"
	gate := NewGate(admin, NewKeys(s), tokens)
	for credential, want := range map[string]any{
		admin:       AdminID,
		good:        "key:",
		"a.b.c":     "user:x",
		"":          Missing,
		admin + "x": Unknown,
		"x":         Unknown,
		good + "x":  Malformed,
		revoked:     Revoked,
		s.add(func(k *Stored) { k.Key.ExpiresAt = &past }):                    Expired,
		s.add(func(k *Stored) { k.SecretExpiresAt = &past }):                  Expired,
		s.add(func(k *Stored) { k.SecretExpiresAt, k.Ended = &future, true }): Expired, // our clock is late
		stranger:                             Unknown,
		other:                                Unknown,
		strings.Repeat("a", MaxCredential+1): Malformed,
		strings.Repeat("a", MaxCredential-4) + ".b.c": "user:x",
	} {
		p, err := gate.Authenticate(t.Context(), credential)
		switch want := want.(type) {
		case string:
			if err != nil || !strings.HasPrefix(p.ID, want) {
				t.Errorf("%.60q: %+v, %v", credential, p, err)
			}
		case Reason:
			if r := RefusalOf(err); r == nil || r.Reason != want || p.Permissions() != 0 {
				t.Errorf("%.60q: %+v, %v, want %s", credential, p, err, want)
			} else if strings.Contains(err.Error(), credential) && credential != "" {
				t.Errorf("the error repeats it: %v", err)
			}
		}
	}
	p, err := gate.Authenticate(t.Context(), good)
	if err != nil || p.RatePerHour != 7 || p.KeyUID.IsZero() || p.ID != "key:"+p.KeyUID.String() || p.Permissions() != Publisher.Permissions() {
		t.Errorf("%+v, %v", p, err)
	}
	prefix, _, _ := ParseSecret(revoked)
	if _, err := gate.Authenticate(t.Context(), revoked); RefusalOf(err).Credential != prefix {
		t.Errorf("a known key is not named: %+v", RefusalOf(err))
	}
	closed := NewGate("", nil, nil)
	for _, credential := range []string{"", "x", good, "a.b.c", admin} {
		if _, err := closed.Authenticate(t.Context(), credential); RefusalOf(err) == nil {
			t.Errorf("a gate without keys opens to %q", credential)
		}
	}
}

// TestRefusalsNameNoSecrets: what is kept of a credential could not be more than a name.
func TestRefusalsNameNoSecrets(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{"2024-key_1.a": "2024-key_1.a", "a b": "", "ann@example.org": "", "ü": "", strings.Repeat("a", 65): "", "a\nb": ""} {
		if r := RefusalOf(Refuse(Unknown, given)); r.Credential != want {
			t.Errorf("%q is kept as %q", given, r.Credential)
		}
	}
	details := map[string]bool{}
	for _, reason := range Reasons() {
		details[reason.Detail()] = true
	}
	if len(details) != len(Reasons())-2 {
		t.Errorf("%d details: malformed, unknown and wrong_signature must look the same, the others not", len(details))
	}
}

// pass lets time pass, in a bubble where that takes none.
func pass(d time.Duration) { <-time.After(d) }

// TestOneLookUpASecond, however many requests there are; a revocation takes effect within that second, and so does
// a key that was just made.
func TestOneLookUpASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		text := s.add(nil)
		keys := NewKeys(s)
		for range 1000 {
			if _, err := keys.Authenticate(t.Context(), text); err != nil {
				t.Fatal(err)
			}
		}
		if n := s.lookups.Load(); n != 1 {
			t.Errorf("%d look-ups", n)
		}
		s.change(text, func(k *Stored) { now := time.Now(); k.Key.RevokedAt = &now })
		pass(keyLife - time.Nanosecond)
		if _, err := keys.Authenticate(t.Context(), text); err != nil {
			t.Errorf("within the second: %v", err)
		}
		pass(time.Nanosecond)
		if _, err := keys.Authenticate(t.Context(), text); RefusalOf(err) == nil || RefusalOf(err).Reason != Revoked {
			t.Errorf("after the second: %v", err)
		}
		stranger, prefix, hash := NewSecret()
		for range 100 {
			if _, err := keys.Authenticate(t.Context(), stranger); RefusalOf(err) == nil {
				t.Fatal("a stranger gets in")
			}
		}
		if n := s.lookups.Load(); n != 3 {
			t.Errorf("%d look-ups: what is not there is not remembered", n)
		}
		s.mu.Lock()
		s.keys[prefix] = Stored{Key: Key{ID: 9, Role: Ops}, Hash: hash}
		s.mu.Unlock()
		pass(keyLife)
		if _, err := keys.Authenticate(t.Context(), stranger); err != nil {
			t.Errorf("a new key after a second: %v", err)
		}
	})
}

// TestManyAtOnceAskOnce: the first request of a second asks, the others wait for it, and none is refused for it.
func TestManyAtOnceAskOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{slow: make(chan struct{})}
		text := s.add(nil)
		keys := NewKeys(s)
		var got atomic.Int64
		for range 50 {
			go func() {
				if _, err := keys.Authenticate(t.Context(), text); err == nil {
					got.Add(1)
				}
			}()
		}
		synctest.Wait()
		gone, leave := context.WithCancel(t.Context())
		leave()
		if _, err := keys.Authenticate(gone, text); !errors.Is(err, context.Canceled) {
			t.Errorf("who left got %v", err)
		}
		close(s.slow)
		synctest.Wait()
		if got.Load() != 50 || s.lookups.Load() != 1 {
			t.Errorf("%d got in with %d look-ups", got.Load(), s.lookups.Load())
		}
	})
}

// TestWithTheStoreAway nobody is refused: a key that was seen goes on for its second, then it cannot be told. The admin key
// needs no store.
func TestWithTheStoreAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		text := s.add(nil)
		gate := NewGate("admin", NewKeys(s), nil)
		if _, err := gate.Authenticate(t.Context(), text); err != nil {
			t.Fatal(err)
		}
		away := fault.New(fault.Unavailable, "database_unavailable", "")
		s.goAway(away)
		if _, err := gate.Authenticate(t.Context(), text); err != nil {
			t.Errorf("within the second: %v", err)
		}
		pass(keyLife)
		for range 3 {
			if _, err := gate.Authenticate(t.Context(), text); !errors.Is(err, away) || RefusalOf(err) != nil {
				t.Errorf("later: %v", err)
			}
		}
		if _, err := gate.Authenticate(t.Context(), "admin"); err != nil {
			t.Errorf("the admin key: %v", err)
		}
		s.goAway(nil)
		if _, err := gate.Authenticate(t.Context(), text); err != nil {
			t.Errorf("an error is remembered: %v", err)
		}
	})
}

func TestTimesOfLastUse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		first, second := s.add(nil), s.add(nil)
		keys := NewKeys(s)
		ctx, stop := context.WithCancel(t.Context())
		errs := make(chan error, 8)
		done := make(chan struct{})
		go func() { defer close(done); keys.Run(ctx, func(err error) { errs <- err }) }()
		use := func(texts ...string) {
			for _, text := range texts {
				if _, err := keys.Authenticate(t.Context(), text); err != nil {
					t.Error(err)
				}
			}
		}
		use(first, second, first)
		pass(usePeriod + time.Millisecond)
		pass(usePeriod) // nothing was used: nothing is written
		use(first)
		s.goAway(errors.New("away"))
		pass(usePeriod)
		s.goAway(nil)
		use(second)
		stop()
		<-done
		if len(s.touched) != 2 || !slices.Equal(s.touched[0], []int64{1, 2}) || !slices.Equal(s.touched[1], []int64{2}) || len(errs) != 1 {
			t.Errorf("written: %v, %d errors", s.touched, len(errs))
		}
	})
}

// TestFailuresAreBounded: ten a second are recorded, however many there are, and none waits for the record.
func TestFailuresAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		f := NewFailures(s)
		ctx, stop := context.WithCancel(t.Context())
		errs := make(chan error, 8)
		done := make(chan struct{})
		go func() { defer close(done); f.Run(ctx, func(err error) { errs <- err }) }()
		for range 1000 {
			f.Note(Failure{Reason: Unknown})
		}
		pass(failurePeriod + time.Millisecond)
		f.Note(Failure{Reason: Expired, Credential: "a"})
		pass(failurePeriod)
		s.goAway(errors.New("away"))
		f.Note(Failure{Reason: Revoked})
		pass(failurePeriod)
		s.goAway(nil)
		f.Note(Failure{Reason: NotYet})
		stop()
		<-done
		if len(s.failed) != 3 || len(s.failed[0]) != failuresKept || len(s.failed[1]) != 1 || s.failed[1][0].Credential != "a" || s.failed[2][0].Reason != NotYet || len(errs) != 1 {
			t.Errorf("recorded: %v, %d errors", s.failed, len(errs))
		}
	})
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	a, err := NewAddresses([]byte("a secret of at least thirty-two characters"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewAddresses([]byte("another secret of at least 32 characters"))
	if err != nil {
		t.Fatal(err)
	}
	one := a.Hash("192.0.2.1")
	if one != a.Hash("192.0.2.1") || one == a.Hash("192.0.2.2") || one == b.Hash("192.0.2.1") || len(one) != 22 || (*Addresses)(nil).Hash("x") != "" {
		t.Errorf("%q", one)
	}
}

// BenchmarkAuthenticate is what a request pays for who makes it: two hashes and a look into a map.
func BenchmarkAuthenticate(b *testing.B) {
	s := &shelf{}
	text := s.add(nil)
	gate := NewGate("an admin key of some length, as it is", NewKeys(s), nil)
	for name, credential := range map[string]string{"admin key": "an admin key of some length, as it is", "key": text} {
		b.Run(name, func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if p, err := gate.Authenticate(b.Context(), credential); err != nil || !p.Allows(PublicationsWrite) {
						b.Error(p, err)
						return
					}
				}
			})
		})
	}
}
