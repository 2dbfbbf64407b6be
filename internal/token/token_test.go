package token

import (
	"encoding/base64"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

var secret = []byte("a secret of at least thirty-two characters")

func TestEveryRecipientComesBack(t *testing.T) {
	t.Parallel()
	signer := NewSigner(secret)
	rapid.Check(t, func(t *rapid.T) {
		want := Recipient{
			Publication: rapid.Int64Range(0, math.MaxInt64).Draw(t, "publication"),
			Channel:     rapid.Int16Range(0, math.MaxInt16).Draw(t, "channel"),
			Recipient:   rapid.Int64Range(0, math.MaxInt64).Draw(t, "recipient"),
		}
		text := signer.Sign(want)
		if len(text) > maxText {
			t.Fatalf("%d characters", len(text))
		}
		if got, err := signer.Verify(text); err != nil || got != want {
			t.Fatalf("%+v came back as %+v, %v", want, got, err)
		}
	})
}

func TestShortForOrdinaryIDs(t *testing.T) {
	t.Parallel()
	text := NewSigner(secret).Sign(Recipient{Publication: 1<<49 - 1, Channel: 5, Recipient: 1<<49 - 1})
	if len(text) > 48 {
		t.Errorf("%d characters: %s", len(text), text)
	}
}

func TestEveryChangedCharacterIsRefused(t *testing.T) {
	t.Parallel()
	signer := NewSigner(secret)
	text := signer.Sign(Recipient{Publication: 41, Channel: 1, Recipient: 70_000})
	for i := range text {
		for _, c := range "ABab01-_=. \n" {
			changed := text[:i] + string(c) + text[i+1:]
			if changed == text {
				continue
			}
			if got, err := signer.Verify(changed); !errors.Is(err, ErrInvalid) {
				t.Errorf("character %d as %q: %+v, %v", i, c, got, err)
			}
		}
	}
	for _, bad := range []string{"", "A", text + "A", text[1:], text[:len(text)-1], text + "=", text + "\n", text[:4] + "\r" + text[4:], strings.Repeat("A", 200)} {
		if _, err := signer.Verify(bad); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestPreviousSecretsStayValid(t *testing.T) {
	t.Parallel()
	other := []byte("another secret of thirty-two characters!")
	old, rotated, strange := NewSigner(secret), NewSigner(other, secret), NewSigner(other)
	r := Recipient{Publication: 1, Channel: 2, Recipient: 3}
	if got, err := rotated.Verify(old.Sign(r)); err != nil || got != r {
		t.Errorf("after rotation: %+v, %v", got, err)
	}
	if _, err := strange.Verify(old.Sign(r)); !errors.Is(err, ErrInvalid) {
		t.Errorf("without the old secret: %v", err)
	}
	if rotated.Sign(r) == old.Sign(r) {
		t.Error("the old secret still signs")
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	signer := NewSigner(secret)
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			for i := range 500 {
				r := Recipient{Publication: int64(g + 1), Channel: 1, Recipient: int64(i + 1)}
				if got, err := signer.Verify(signer.Sign(r)); err != nil || got != r {
					t.Errorf("%+v came back as %+v, %v", r, got, err)
				}
			}
		})
	}
	group.Wait()
}

func TestEmptySecretPanics(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("an empty secret was taken")
		}
	}()
	NewSigner(nil)
}

// A token that verifies is one that Sign makes: there is no second text for a recipient.
func FuzzVerify(f *testing.F) {
	signer := NewSigner(secret)
	f.Add(signer.Sign(Recipient{Publication: 41, Channel: 1, Recipient: 70_000}))
	f.Add(signer.Sign(Recipient{Publication: math.MaxInt64, Channel: math.MaxInt16, Recipient: math.MaxInt64}))
	f.Add(base64.RawURLEncoding.EncodeToString(make([]byte, 19)))
	f.Fuzz(func(t *testing.T, text string) {
		r, err := signer.Verify(text)
		if err == nil && signer.Sign(r) != text {
			t.Errorf("%q verifies as %+v, which signs as %q", text, r, signer.Sign(r))
		}
	})
}

// FuzzParse reads bodies whose tag would be right.
func FuzzParse(f *testing.F) {
	f.Add(Recipient{Publication: 41, Channel: 1, Recipient: 70_000}.append(nil))
	f.Add([]byte{0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := parse(body)
		if err != nil {
			return
		}
		if again, err := parse(r.append(nil)); err != nil || again != r {
			t.Errorf("%+v came back as %+v, %v", r, again, err)
		}
	})
}

func BenchmarkSign(b *testing.B) {
	signer := NewSigner(secret)
	for i := range b.N {
		signer.Sign(Recipient{Publication: 41, Channel: 1, Recipient: int64(i)})
	}
}

func BenchmarkVerify(b *testing.B) {
	signer := NewSigner(secret)
	text := signer.Sign(Recipient{Publication: 41, Channel: 1, Recipient: 70_000})
	for range b.N {
		if _, err := signer.Verify(text); err != nil {
			b.Fatal(err)
		}
	}
}
