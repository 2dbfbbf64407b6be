package token

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"
)

// Use is what a ticket lets its bearer do.
type Use uint8

// The uses.
const (
	// Confirm: say that a request for messages was theirs.
	Confirm Use = 1
	// Prefer: choose what they get.
	Prefer Use = 2
)

// Ticket is what stands in a link that is mailed to one reader and works for a while.
type Ticket struct {
	Use Use
	// Subscriber is an internal id.
	Subscriber int64
	// Request is what is confirmed; 0 of what needs none.
	Request int64
	// Until is when it expires, to the second.
	Until time.Time
}

// ErrExpired is returned for a ticket that was good once.
var ErrExpired = errors.New("the link has expired")

const (
	// ticketInfo separates tickets from the links that a recipient gets, which do not expire.
	ticketInfo = "presswork subscriber ticket v1"
	// maxTicket bounds what is looked at, in characters: a byte, three varints of at most 10 bytes each, and the tag.
	maxTicket = 63
)

// Tickets signs tickets with one secret and verifies them with that and the previous ones. It is safe for concurrent use.
type Tickets struct{ keys []*key }

// NewTickets derives a key from each secret, as NewSigner does.
func NewTickets(secret []byte, previous ...[]byte) *Tickets {
	s := &Tickets{}
	for _, secret := range append([][]byte{secret}, previous...) {
		if len(secret) == 0 {
			panic("token: empty secret")
		}
		derived, err := hkdf.Key(sha256.New, secret, nil, ticketInfo, sha256.Size)
		if err != nil {
			panic(fmt.Sprintf("token: derive the key: %v", err)) // only for a length beyond RFC 5869's
		}
		s.keys = append(s.keys, &key{hashes: sync.Pool{New: func() any { return &digest{Hash: hmac.New(sha256.New, derived)} }}})
	}
	return s
}

// Sign makes the text of a ticket: letters, digits, - and _. The same ticket always gets the same text.
func (s *Tickets) Sign(t Ticket) string {
	b := []byte{byte(t.Use)}
	b = binary.AppendUvarint(b, uint64(t.Subscriber))   //nolint:gosec // Verify turns it back
	b = binary.AppendUvarint(b, uint64(t.Request))      //nolint:gosec // Verify turns it back
	b = binary.AppendUvarint(b, uint64(t.Until.Unix())) //nolint:gosec // after 1970
	return encoding.EncodeToString(s.keys[0].tag(b, b))
}

// Verify reads a ticket for a use at a time, or returns ErrInvalid, or ErrExpired with the ticket.
func (s *Tickets) Verify(text string, use Use, now time.Time) (Ticket, error) {
	if len(text) > maxTicket || strings.ContainsAny(text, "\r\n") { // base64 skips line ends, even when strict
		return Ticket{}, ErrInvalid
	}
	raw, err := encoding.DecodeString(text)
	if err != nil || len(raw) <= tagSize {
		return Ticket{}, ErrInvalid
	}
	body, tag := raw[:len(raw)-tagSize], raw[len(raw)-tagSize:]
	if !s.made(body, tag) || Use(body[0]) != use {
		return Ticket{}, ErrInvalid
	}
	var values [3]uint64
	rest := body[1:]
	for i := range values {
		v, n := binary.Uvarint(rest)
		if n <= 0 || v > math.MaxInt64 {
			return Ticket{}, ErrInvalid
		}
		values[i], rest = v, rest[n:]
	}
	if len(rest) > 0 {
		return Ticket{}, ErrInvalid
	}
	//nolint:gosec // bounded above
	t := Ticket{Use: use, Subscriber: int64(values[0]), Request: int64(values[1]), Until: time.Unix(int64(values[2]), 0).UTC()}
	if !now.Before(t.Until) {
		return t, ErrExpired
	}
	return t, nil
}

func (s *Tickets) made(body, tag []byte) bool {
	for _, k := range s.keys {
		if hmac.Equal(k.tag(nil, body), tag) {
			return true
		}
	}
	return false
}
