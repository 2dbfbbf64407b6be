// Package ident makes and reads the identifiers the API shows: UUIDs of version 7 (RFC 9562).
// Inside, rows are joined by bigint keys, which keep indexes half as large; the API never shows those.
package ident

import (
	"crypto/rand"
	"database/sql/driver"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// UID is the public identifier of an entity. The zero value stands for none.
type UID [16]byte

// ErrFormat is returned for text that is not a UUID in its canonical form.
var ErrFormat = errors.New("not a UUID")

// New makes a UUIDv7: 48 bits of Unix milliseconds, then random bits, so that later ones sort later.
func New() UID { return at(time.Now()) }

func at(t time.Time) UID {
	var u UID
	_, _ = rand.Read(u[6:]) // never fails: crypto/rand aborts the process instead
	ms := uint64(t.UnixMilli())
	binary.BigEndian.PutUint64(u[0:], ms<<16|uint64(u[6])<<8|uint64(u[7]))
	u[6] = u[6]&0x0f | 0x70
	u[8] = u[8]&0x3f | 0x80
	return u
}

// Parse reads the canonical form of 36 characters, in either case, of any UUID version.
func Parse(s string) (UID, error) {
	var u UID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return UID{}, ErrFormat
	}
	plain := s[0:8] + s[9:13] + s[14:18] + s[19:23] + s[24:36]
	if _, err := hex.Decode(u[:], []byte(plain)); err != nil {
		return UID{}, ErrFormat
	}
	return u, nil
}

// String is the canonical form, in lower case.
func (u UID) String() string {
	var b [36]byte
	hex.Encode(b[0:8], u[0:4])
	b[8] = '-'
	hex.Encode(b[9:13], u[4:6])
	b[13] = '-'
	hex.Encode(b[14:18], u[6:8])
	b[18] = '-'
	hex.Encode(b[19:23], u[8:10])
	b[23] = '-'
	hex.Encode(b[24:36], u[10:16])
	return string(b[:])
}

// IsZero reports whether u stands for none.
func (u UID) IsZero() bool { return u == UID{} }

// MarshalText writes the canonical form.
func (u UID) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (u *UID) UnmarshalText(b []byte) error {
	parsed, err := Parse(string(b))
	if err != nil {
		return err
	}
	*u = parsed
	return nil
}

// Value stores a UID in a uuid column.
func (u UID) Value() (driver.Value, error) { return u.String(), nil }

// Scan reads a UID from a uuid column.
func (u *UID) Scan(src any) error {
	switch v := src.(type) {
	case string:
		return u.UnmarshalText([]byte(v))
	case [16]byte:
		*u = v
		return nil
	default:
		return fmt.Errorf("scan a UID from %T", src)
	}
}
