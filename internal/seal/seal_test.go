package seal_test

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/seal"
)

var (
	oldSecret = bytes.Repeat([]byte("o"), 32)
	newSecret = bytes.Repeat([]byte("n"), 32)
)

func sealer(t testing.TB, secret []byte, previous ...[]byte) *seal.Sealer {
	t.Helper()
	s, err := seal.New(secret, previous...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	s := sealer(t, newSecret)
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		context := rapid.String().Draw(t, "context")
		sealed := s.Seal(plain, context)
		got, err := s.Open(sealed, context)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("got %q, %v", got, err)
		}
		if len(plain) > 8 && bytes.Contains(sealed, plain) {
			t.Fatal("the plaintext stands in the sealed value")
		}
		if _, err := s.Open(sealed, context+"x"); !errors.Is(err, seal.ErrOpen) {
			t.Fatalf("another context opens it: %v", err)
		}
		i := rapid.IntRange(0, len(sealed)-1).Draw(t, "byte")
		sealed[i] ^= 1
		if _, err := s.Open(sealed, context); !errors.Is(err, seal.ErrOpen) {
			t.Fatalf("an altered value opens: %v", err)
		}
	})
}

func TestRotation(t *testing.T) {
	t.Parallel()
	sealed := sealer(t, oldSecret).Seal([]byte("token"), "c")
	rotated := sealer(t, newSecret, oldSecret)
	got, err := rotated.Open(sealed, "c")
	if err != nil || string(got) != "token" {
		t.Fatalf("the previous key does not open: %q, %v", got, err)
	}
	if !rotated.Stale(sealed) || rotated.Stale(rotated.Seal(got, "c")) {
		t.Error("stale is what a previous key sealed, and only that")
	}
	if _, err := sealer(t, newSecret).Open(sealed, "c"); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("opened without its key: %v", err)
	}
}

func TestSealTwiceDiffers(t *testing.T) {
	t.Parallel()
	s := sealer(t, newSecret)
	if bytes.Equal(s.Seal([]byte("x"), "c"), s.Seal([]byte("x"), "c")) {
		t.Error("equal values can be told by their sealed form")
	}
}

func TestKeysHaveNames(t *testing.T) {
	t.Parallel()
	fresh, rotated := sealer(t, oldSecret), sealer(t, newSecret, oldSecret)
	sealed := fresh.Seal([]byte("x"), "c")
	if seal.KeyOf(sealed) != fresh.Newest() || len(fresh.Newest()) != 8 || fresh.Newest() == rotated.Newest() || seal.KeyOf(rotated.Seal(nil, "c")) != rotated.Newest() {
		t.Errorf("%s by %s, then %s", seal.KeyOf(sealed), fresh.Newest(), rotated.Newest())
	}
	if got := seal.KeyOf([]byte("abc")); got != "" {
		t.Errorf("what is not sealed has the key %q", got)
	}
}

func TestShortSecret(t *testing.T) {
	t.Parallel()
	if _, err := seal.New([]byte("short")); err == nil {
		t.Error("a short secret was taken")
	}
	if _, err := seal.New(newSecret, nil); err == nil {
		t.Error("an empty previous secret was taken")
	}
}

func FuzzOpen(f *testing.F) {
	s := sealer(f, newSecret)
	f.Add([]byte(nil))
	f.Add([]byte("abcdefgh"))
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if _, err := s.Open(sealed, "c"); err == nil {
			t.Errorf("opened %x", sealed)
		}
	})
}
