// Package suppression is the list of addresses that nothing is sent to any more: those that bounced for good, those
// whose readers complained, and those that operators put there. An address is stored as a keyed hash only: who has the
// database but not SECRET_KEY cannot tell who is on it, and erasing a person leaves the list whole.
package suppression

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/mailbox"
)

// Reason says why an address is on the list, as stored.
type Reason int16

// The reasons.
const (
	// Bounce: a provider said that the mailbox does not exist, or never takes mail from us.
	Bounce Reason = 1
	// Complaint: its reader told their mail provider that a mail was spam.
	Complaint Reason = 2
	// Manual: an operator put it there.
	Manual Reason = 3
)

// String is the reason as the API shows it.
func (r Reason) String() string {
	switch r {
	case Bounce:
		return "bounce"
	case Complaint:
		return "complaint"
	case Manual:
		return "manual"
	default:
		return "unknown"
	}
}

// Sources of entries.
const (
	SourceSES = "ses"
	SourceAPI = "api"
)

// Entry is an address on the list. Which address cannot be told from it.
type Entry struct {
	ID     int64
	UID    ident.UID
	Reason Reason
	// Source is who said so: SourceSES or SourceAPI.
	Source string
	// Publication is what the bounce or complaint was about; zero if there was none.
	Publication ident.UID
	CreatedAt   time.Time
}

// Parse reads the address of a manual entry into its canonical form; Invalid with the pointer /email if it is none.
func Parse(email string) (string, error) {
	address, err := mailbox.Parse(email)
	if err != nil {
		var f fault.Fields
		f.Add("/email", "invalid_email", "%s", err.Error())
		return "", f.Err()
	}
	return address, nil
}

// purpose is the use of the derived key; a changed word would empty the list.
const purpose = "presswork suppression address v1"

// Hasher makes the hashes under which addresses are listed: HMAC-SHA256 under a key derived from SECRET_KEY by HKDF
// (RFC 5869). The newest key makes entries; those made with previous ones are found as well. It is safe for concurrent
// use. A nil Hasher belongs to a process without SECRET_KEY: it finds nothing and makes no entries.
type Hasher struct{ keys [][]byte }

// NewHasher derives the keys. Every secret must have at least 16 bytes; SECRET_KEY has 32 or more.
func NewHasher(secret []byte, previous ...[]byte) (*Hasher, error) {
	h := &Hasher{}
	for _, one := range append([][]byte{secret}, previous...) {
		if len(one) < 16 {
			return nil, errors.New("the secret is shorter than 16 bytes")
		}
		key, err := hkdf.Key(sha256.New, one, nil, purpose, sha256.Size)
		if err != nil {
			return nil, fmt.Errorf("derive the key of the suppression list: %w", err)
		}
		h.keys = append(h.keys, key)
	}
	return h, nil
}

// Hashes are those that an entry of a canonical address may have, the one for a new entry first.
func (h *Hasher) Hashes(address string) [][]byte {
	if h == nil {
		return nil
	}
	list := make([][]byte, 0, len(h.keys))
	for _, key := range h.keys {
		mac := hmac.New(sha256.New, key)
		_, _ = mac.Write([]byte(address)) // a hash does not fail
		list = append(list, mac.Sum(nil))
	}
	return list
}
