package audit_test

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/chain"
)

func secret(of byte) []byte { return bytes.Repeat([]byte{of}, 32) }

func chainOf(t testing.TB, keys ...byte) *audit.Chain {
	t.Helper()
	var previous [][]byte
	for _, k := range keys[1:] {
		previous = append(previous, secret(k))
	}
	c, err := audit.NewChain(secret(keys[0]), previous...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestFormat computes a block by hand, as the documentation describes it: others have to be able to verify a log.
func TestFormat(t *testing.T) {
	t.Parallel()
	uid := bytes.Repeat([]byte{7}, 16)
	at := time.Date(2030, 1, 2, 3, 4, 5, 678901000, time.UTC)
	row := audit.Row{ID: 9, At: at.UnixMicro(), Actor: "key:admin", Action: "topic.update", Entity: "topic", EntityUID: uid,
		CorrelationID: "c1", Changes: `{"fields": ["name"]}`}
	previous := chain.Block{N: 3, Last: 8, Hash: chain.Hash{1, 2, 3}}
	got := chainOf(t, 'a').Seal(previous, []audit.Row{row}, at.Add(999*time.Nanosecond))

	key, err := hkdf.Key(sha256.New, secret('a'), nil, "presswork audit chain key v1", 32)
	if err != nil {
		t.Fatal(err)
	}
	sum := func(fields ...[]byte) []byte {
		h := hmac.New(sha256.New, key)
		for _, f := range fields {
			_, _ = h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(f)))) //nolint:gosec // short
			_, _ = h.Write(f)
		}
		return h.Sum(nil)
	}
	number := func(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) } //nolint:gosec // positive
	entry := append(number(9), sum([]byte("presswork audit row v1"), number(9), number(at.UnixMicro()), []byte("key:admin"),
		[]byte("topic.update"), []byte("topic"), uid, []byte("c1"), []byte(`{"fields": ["name"]}`))[:16]...)
	hash := sum([]byte("presswork audit block v1"), number(4), previous.Hash[:], number(9), number(9), number(at.UnixMicro()), entry)
	if got.N != 4 || got.First != 9 || got.Last != 9 || got.Previous != previous.Hash || !got.SealedAt.Equal(at) ||
		!bytes.Equal(got.Entries, entry) || !bytes.Equal(got.Hash[:], hash) || got.Rows() != 1 {
		t.Errorf("sealed %+v", got)
	}
	if want := "0ce68f478d28f389"; !strings.HasPrefix(got.Hash.String(), want) {
		t.Errorf("the hash of version 1 is now %s, which breaks every chain", got.Hash)
	}
}

// TestEveryFieldCounts: no two different rows have the same hash, however their fields are cut.
func TestEveryFieldCounts(t *testing.T) {
	t.Parallel()
	c := chainOf(t, 'a')
	text := rapid.SampledFrom([]string{"", "a", "ab", "b", "a.b", "{}", "\x00"})
	row := func(r *rapid.T, name string) audit.Row {
		uid := rapid.SampledFrom([][]byte{nil, bytes.Repeat([]byte{1}, 16)}).Draw(r, name+" uid")
		return audit.Row{ID: rapid.Int64Range(1, 3).Draw(r, name+" id"), At: rapid.Int64Range(-1, 1).Draw(r, name+" at"), Actor: text.Draw(r, name+" actor"),
			Action: text.Draw(r, name+" action"), Entity: text.Draw(r, name+" entity"), EntityUID: uid,
			CorrelationID: text.Draw(r, name+" correlation"), Changes: text.Draw(r, name+" changes")}
	}
	at := time.Unix(0, 0)
	rapid.Check(t, func(r *rapid.T) {
		a, b := row(r, "a"), row(r, "b")
		same := a.ID == b.ID && a.At == b.At && a.Actor == b.Actor && a.Action == b.Action && a.Entity == b.Entity &&
			bytes.Equal(a.EntityUID, b.EntityUID) && a.CorrelationID == b.CorrelationID && a.Changes == b.Changes
		sealedA, sealedB := c.Seal(chain.Block{}, []audit.Row{a}, at), c.Seal(chain.Block{}, []audit.Row{b}, at)
		if (sealedA.Hash == sealedB.Hash) != same || bytes.Equal(sealedA.Entries, sealedB.Entries) != same {
			r.Errorf("%+v and %+v", a, b)
		}
	})
}

// TestCheck: a block is authentic as it was sealed, and in no other way.
func TestCheck(t *testing.T) {
	t.Parallel()
	c := chainOf(t, 'a')
	b := c.Seal(chain.Block{N: 1, Last: 4}, []audit.Row{{ID: 5}, {ID: 7}}, time.Unix(1, 0))
	if err := c.Check(b); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*chain.Block){
		"number": func(b *chain.Block) { b.N++ }, "first": func(b *chain.Block) { b.First++ }, "last": func(b *chain.Block) { b.Last++ },
		"time": func(b *chain.Block) { b.SealedAt = b.SealedAt.Add(time.Microsecond) }, "previous": func(b *chain.Block) { b.Previous[31]++ },
		"hash":    func(b *chain.Block) { b.Hash[0]++ },
		"entries": func(b *chain.Block) { b.Entries = append(bytes.Clone(b.Entries[:47]), 0xee) },
		"shorter": func(b *chain.Block) { b.Entries = b.Entries[:24] }, "none": func(b *chain.Block) { b.Entries = nil },
	} {
		altered := b
		change(&altered)
		if err := c.Check(altered); !errors.Is(err, chain.ErrAltered) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := chainOf(t, 'b').Check(b); !errors.Is(err, chain.ErrKey) {
		t.Errorf("with another key: %v", err)
	}
	if err := chainOf(t, 'b', 'c', 'a').Check(b); err != nil {
		t.Errorf("with a previous key: %v", err)
	}
	anchor := c.Sign(b)
	if err := chainOf(t, 'b', 'a').CheckAnchor(anchor); err != nil {
		t.Error(err)
	}
	anchor.Last++
	if err := c.CheckAnchor(anchor); !errors.Is(err, chain.ErrAltered) {
		t.Errorf("an altered anchor: %v", err)
	}
	if err := chainOf(t, 'b').CheckAnchor(anchor); !errors.Is(err, chain.ErrKey) {
		t.Errorf("with another key: %v", err)
	}
	if _, err := audit.NewChain(secret('a')[:15]); err == nil {
		t.Error("a short secret is taken")
	}
}

// brokenSource fails at the nth call.
type brokenSource struct{ calls int }

var errAway = errors.New("away")

func (s *brokenSource) call() error {
	if s.calls--; s.calls < 0 {
		return errAway
	}
	return nil
}

func (s *brokenSource) Anchor(context.Context) (chain.Anchor, error) {
	return chain.Anchor{}, s.call()
}

func (s *brokenSource) Block(_ context.Context, n int64) (chain.Block, error) {
	return chain.Block{N: n + 2, First: 1, Last: 2}, s.call()
}

func (s *brokenSource) Rows(context.Context, int64, int64, int) ([]audit.Row, error) {
	return nil, s.call()
}

func (s *brokenSource) Unsealed(context.Context, int64, int) (int64, error) { return 0, s.call() }

// TestVerifyFails when it cannot read, and does not take that for a log without problems.
func TestVerifyFails(t *testing.T) {
	t.Parallel()
	for calls := range 6 {
		if _, err := chainOf(t, 'a').Verify(t.Context(), &brokenSource{calls}, 0, chain.Mark{}); !errors.Is(err, errAway) {
			t.Errorf("after %d calls: %v", calls, err)
		}
	}
}

func TestMark(t *testing.T) {
	t.Parallel()
	mark := chain.Mark{N: 12, Hash: chain.Hash{0xab}}
	if got, err := chain.ParseMark(mark.String()); err != nil || got != mark {
		t.Errorf("%s is read as %v, %v", mark, got, err)
	}
	for _, text := range []string{"", "12", "12:", "12:ab", ":" + mark.Hash.String(), "0:" + mark.Hash.String(), "-1:" + mark.Hash.String(), mark.String() + "00", "x" + mark.String()} {
		if got, err := chain.ParseMark(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}

// FuzzParseMark: what is read is written the same, but for upper case and leading zeros.
func FuzzParseMark(f *testing.F) {
	f.Add("1:" + chain.Hash{}.String())
	f.Add("12:ab")
	f.Add("9223372036854775808:" + chain.Hash{}.String())
	f.Fuzz(func(t *testing.T, text string) {
		mark, err := chain.ParseMark(text)
		if err != nil {
			return
		}
		if again, err := chain.ParseMark(mark.String()); err != nil || again != mark || mark.N < 1 {
			t.Errorf("%q is read as %v, %v", text, mark, err)
		}
	})
}
