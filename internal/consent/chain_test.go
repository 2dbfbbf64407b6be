package consent_test

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/chain"
	"github.com/presswork/presswork/internal/consent"
)

func secret() []byte { return bytes.Repeat([]byte("a"), 32) }

// TestFormat computes a block by hand: others have to be able to verify a record, and a changed word would break every chain.
func TestFormat(t *testing.T) {
	t.Parallel()
	c, err := consent.NewChain(secret())
	if err != nil {
		t.Fatal(err)
	}
	row := consent.Row{ID: 9, At: 1234567, SubscriberID: 3, Subscriber: bytes.Repeat([]byte{7}, 16), Event: "granted", Status: "active", Topics: []string{"art", "go"},
		ChannelsOff: []int16{2}, Source: "api", By: "key:admin", TextHash: bytes.Repeat([]byte{8}, 32), Commitment: bytes.Repeat([]byte{9}, 32)}
	got := c.Seal(chain.Block{}, []consent.Row{row}, time.Unix(5, 0))
	key, err := hkdf.Key(sha256.New, secret(), nil, "presswork consent chain key v1", 32)
	if err != nil {
		t.Fatal(err)
	}
	id, err := hkdf.Key(sha256.New, secret(), nil, "presswork consent chain key id v1", 4)
	if err != nil {
		t.Fatal(err)
	}
	h := hmac.New(sha256.New, key)
	text := func(b []byte) {
		_, _ = h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(b)))) //nolint:gosec // short
		_, _ = h.Write(b)
	}
	number := func(n uint64) { text(binary.BigEndian.AppendUint64(nil, n)) }
	text([]byte("presswork consent row v1"))
	number(9)
	number(1234567)
	number(3)
	text(row.Subscriber)
	text([]byte("granted"))
	text([]byte("active"))
	number(2)
	text([]byte("art"))
	text([]byte("go"))
	number(1)
	number(2)
	text([]byte("api"))
	text([]byte("key:admin"))
	text(row.TextHash)
	text(row.Commitment)
	entry := append(binary.BigEndian.AppendUint64(nil, 9), h.Sum(nil)[:16]...)
	if !bytes.Equal(got.Entries, entry) || !bytes.Equal(got.Key[:], id) {
		t.Errorf("sealed %x with the key %x, want %x with %x", got.Entries, got.Key, entry, id)
	}
	if _, err := consent.NewChain(secret()[:15]); err == nil {
		t.Error("a short secret is taken")
	}
}

// TestEveryFieldCounts: no two different entries are sealed alike, however their lists and texts are cut.
func TestEveryFieldCounts(t *testing.T) {
	t.Parallel()
	c, err := consent.NewChain(secret())
	if err != nil {
		t.Fatal(err)
	}
	text := rapid.SampledFrom([]string{"", "a", "ab", "b", "\x00"})
	few := rapid.Custom(func(r *rapid.T) []byte { return []byte(text.Draw(r, "bytes")) })
	row := rapid.Custom(func(r *rapid.T) consent.Row {
		return consent.Row{ID: rapid.Int64Range(1, 2).Draw(r, "id"), At: rapid.Int64Range(-1, 1).Draw(r, "at"), SubscriberID: rapid.Int64Range(1, 2).Draw(r, "subscriber id"),
			Subscriber: few.Draw(r, "subscriber"), Event: text.Draw(r, "event"), Status: text.Draw(r, "status"), Topics: rapid.SliceOfN(text, 0, 3).Draw(r, "topics"),
			ChannelsOff: rapid.SliceOfN(rapid.Int16Range(0, 2), 0, 3).Draw(r, "channels"), Source: text.Draw(r, "source"), By: text.Draw(r, "by"),
			TextHash: few.Draw(r, "text"), Commitment: few.Draw(r, "commitment")}
	})
	rapid.Check(t, func(r *rapid.T) {
		a := row.Draw(r, "a")
		b := a
		b.Topics, b.ChannelsOff = slices.Clone(a.Topics), slices.Clone(a.ChannelsOff)
		if rapid.Bool().Draw(r, "one field") {
			fields, other := reflect.ValueOf(&b).Elem(), reflect.ValueOf(row.Draw(r, "other"))
			n := rapid.IntRange(0, fields.NumField()-1).Draw(r, "field")
			fields.Field(n).Set(other.Field(n))
		} else {
			b = row.Draw(r, "b")
		}
		sealedA, sealedB := c.Seal(chain.Block{}, []consent.Row{a}, time.Unix(0, 0)), c.Seal(chain.Block{}, []consent.Row{b}, time.Unix(0, 0))
		if same := reflect.DeepEqual(a, b); bytes.Equal(sealedA.Entries, sealedB.Entries) != same {
			r.Errorf("%+v and %+v", a, b)
		}
	})
}

// TestActs are carried by a context; without one there is a source at least. The words of events and sources are different ones.
func TestActs(t *testing.T) {
	t.Parallel()
	if got := consent.Of(context.Background(), consent.Import); got != (consent.Act{Source: consent.Import}) {
		t.Errorf("%+v", got)
	}
	act := consent.Act{Source: consent.Page, Granted: consent.Confirmed, IP: "192.0.2.7"}
	if got := consent.Of(consent.With(context.Background(), act), consent.API); got != act {
		t.Errorf("%+v", got)
	}
	events, sources := consent.Events(), consent.Sources()
	slices.Sort(events)
	slices.Sort(sources)
	if len(slices.Compact(events)) != 9 || len(slices.Compact(sources)) != 8 {
		t.Errorf("%v, %v", events, sources)
	}
}

// TestTextsAreTheirHashes: one word more, or another language, is another text, and neither can be taken for the other's beginning.
func TestTextsAreTheirHashes(t *testing.T) {
	t.Parallel()
	if (consent.Text{Language: "en", Body: "Yes"}).Hash() != sha256.Sum256([]byte("en\nYes")) {
		t.Error("the hash is not that of language, line feed and body")
	}
	seen := map[[32]byte]consent.Text{}
	for _, text := range []consent.Text{{Language: "en", Body: "Yes"}, {Language: "de", Body: "Yes"}, {Language: "en", Body: "Yes."}, {Language: "en"}, {}} {
		if other, ok := seen[text.Hash()]; ok {
			t.Errorf("%+v and %+v", text, other)
		}
		seen[text.Hash()] = text
	}
}
