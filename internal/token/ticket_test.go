package token_test

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/token"
)

func tickets(of byte, previous ...byte) *token.Tickets {
	var old [][]byte
	for _, b := range previous {
		old = append(old, bytes.Repeat([]byte{b}, 32))
	}
	return token.NewTickets(bytes.Repeat([]byte{of}, 32), old...)
}

func anyTicket(r *rapid.T) token.Ticket {
	return token.Ticket{Use: rapid.SampledFrom([]token.Use{token.Confirm, token.Prefer}).Draw(r, "use"), Subscriber: rapid.Int64Min(1).Draw(r, "subscriber"),
		Request: rapid.Int64Min(0).Draw(r, "request"), Until: time.Unix(rapid.Int64Range(1, 1<<40).Draw(r, "until"), 0).UTC()}
}

// TestTickets: what is signed is read, before it expires, for its own use, with the keys that signed; and nothing else is.
func TestTickets(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		want := anyTicket(r)
		text := tickets('a').Sign(want)
		before := want.Until.Add(-time.Second)
		if got, err := tickets('b', 'a').Verify(text, want.Use, before); err != nil || got != want {
			r.Fatalf("%+v is read as %+v, %v", want, got, err)
		}
		if got, err := tickets('a').Verify(text, want.Use, want.Until); !errors.Is(err, token.ErrExpired) || got != want {
			r.Errorf("when it expires: %+v, %v", got, err)
		}
		for name, err := range map[string]error{
			"another key": second(tickets('b').Verify(text, want.Use, before)),
			"another use": second(tickets('a').Verify(text, 3-want.Use, before)),
			"a line end":  second(tickets('a').Verify(text+"\n", want.Use, before)),
			"cut off":     second(tickets('a').Verify(text[:len(text)-1], want.Use, before)),
		} {
			if !errors.Is(err, token.ErrInvalid) {
				r.Errorf("%s: %v", name, err)
			}
		}
		altered := []byte(text)
		altered[rapid.IntRange(0, len(text)-1).Draw(r, "place")] ^= 1
		if got, err := tickets('a').Verify(string(altered), want.Use, before); err == nil {
			r.Errorf("%s is read as %+v", altered, got)
		}
	})
}

func second(_ token.Ticket, err error) error { return err }

// TestSignedAndNoTicket: a ticket is what it says, no byte less and no byte more, with the key that is for tickets alone; so a link that
// was mailed by an earlier build works with a later one.
func TestSignedAndNoTicket(t *testing.T) {
	t.Parallel()
	key, err := hkdf.Key(sha256.New, bytes.Repeat([]byte("a"), 32), nil, "presswork subscriber ticket v1", sha256.Size)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(use token.Use, values ...uint64) string {
		body := []byte{byte(use)}
		for _, v := range values {
			body = binary.AppendUvarint(body, v)
		}
		tag := hmac.New(sha256.New, key)
		tag.Write(body)
		return base64.RawURLEncoding.EncodeToString(tag.Sum(body)[:len(body)+16])
	}
	now := time.Unix(8, 0)
	want := token.Ticket{Use: token.Confirm, Subscriber: 2, Request: 3, Until: time.Unix(9, 0).UTC()}
	if got, err := tickets('a').Verify(sign(token.Confirm, 2, 3, 9), token.Confirm, now); err != nil || got != want {
		t.Errorf("read as %+v, %v", got, err)
	}
	for name, text := range map[string]string{
		"less": sign(token.Confirm, 2, 9), "more": sign(token.Confirm, 2, 3, 9, 9), "no id": sign(token.Confirm, math.MaxInt64+1, 3, 9), "no time": sign(token.Confirm, 2, 3, math.MaxUint64),
	} {
		if got, err := tickets('a').Verify(text, token.Confirm, now); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// TestTicketsAreNoLinks: neither is taken for the other, whatever they say.
func TestTicketsAreNoLinks(t *testing.T) {
	t.Parallel()
	secret := bytes.Repeat([]byte("a"), 32)
	link := token.NewSigner(secret).Sign(token.Recipient{Publication: 1, Channel: 2, Recipient: 3})
	if _, err := tickets('a').Verify(link, token.Confirm, time.Unix(0, 0)); !errors.Is(err, token.ErrInvalid) {
		t.Errorf("a link is a ticket: %v", err)
	}
	ticket := tickets('a').Sign(token.Ticket{Use: token.Confirm, Subscriber: 2, Request: 3, Until: time.Unix(9, 0)})
	if _, err := token.NewSigner(secret).Verify(ticket); !errors.Is(err, token.ErrInvalid) {
		t.Errorf("a ticket is a link: %v", err)
	}
}

// FuzzTicket: nothing is read that was not signed.
func FuzzTicket(f *testing.F) {
	keys := tickets('a')
	good := keys.Sign(token.Ticket{Use: token.Confirm, Subscriber: 1, Request: 1, Until: time.Unix(1<<40, 0)})
	f.Add(good)
	f.Add("")
	f.Add(good[:20])
	f.Fuzz(func(t *testing.T, text string) {
		got, err := keys.Verify(text, token.Confirm, time.Unix(0, 0))
		if err == nil && text != keys.Sign(got) {
			t.Errorf("%q is read as %+v", text, got)
		}
	})
}
