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
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/mailbox"
)

// Reason says why an address is on the list, as stored: 12 less than the delivery.Reason of who is not sent to for it.
type Reason int16

// The reasons.
const (
	// Bounce: a provider said that the mailbox does not exist, or never takes mail from us.
	Bounce Reason = 1
	// Complaint: its reader told their mail provider that a mail was spam.
	Complaint Reason = 2
	// Manual: an operator put it there.
	Manual Reason = 3
	// SoftBounce: mail to it bounced again and again for reasons that might have passed and did not; see
	// reputation.Policy.
	SoftBounce Reason = 5
)

// Withdraws reports a reason that is the reader's own or the operator's word: batches in hand look at it once more.
func (r Reason) Withdraws() bool { return r == Complaint || r == Manual }

// ParseReason reads a reason as the API shows it.
func ParseReason(text string) (Reason, bool) {
	for _, r := range []Reason{Bounce, Complaint, Manual, SoftBounce} {
		if r.String() == text {
			return r, true
		}
	}
	return 0, false
}

// String is the reason as the API shows it.
func (r Reason) String() string {
	switch r {
	case Bounce:
		return "bounce"
	case Complaint:
		return "complaint"
	case Manual:
		return "manual"
	case SoftBounce:
		return "soft_bounce"
	default:
		return "unknown"
	}
}

// Sources of entries.
const (
	SourceSES    = "ses"
	SourceAPI    = "api"
	SourceImport = "import"
	// SourceErasure is a person of whom everything else was erased.
	SourceErasure = "erasure"
)

// Entry is an address on the list. Which address cannot be told from it.
type Entry struct {
	ID     int64
	UID    ident.UID
	Reason Reason
	// Source is who said so: SourceSES, SourceAPI or SourceImport.
	Source string
	// Note is an operator's, for people; it may be empty.
	Note string
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

// Manually reads what an operator lists: the address in canonical form, and a note. Invalid with pointers to what is wrong.
func Manually(email, note string) (string, Entry, error) {
	var f fault.Fields
	address, err := mailbox.Parse(email)
	if err != nil {
		f.Add("/email", "invalid_email", "%s", err.Error())
	}
	note = strings.TrimSpace(note)
	if wrong := checkNote(note); wrong != "" {
		f.Add("/note", "format", "%s", wrong)
	}
	return address, Entry{Reason: Manual, Source: SourceAPI, Note: note}, f.Err()
}

// checkNote says what is wrong with a note, if anything is. An address in it would make the list one of addresses.
func checkNote(note string) string {
	switch {
	case utf8.RuneCountInString(note) > MaxNote:
		return fmt.Sprintf("may have at most %d characters", MaxNote)
	case strings.ContainsFunc(note, unicode.IsControl):
		return "must be one line of text"
	case strings.Contains(note, "@"):
		return "must not have an address in it: the list keeps none"
	default:
		return ""
	}
}

// hashSize is the length of a hash in bytes.
const hashSize = sha256.Size

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
