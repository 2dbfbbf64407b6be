package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"hash/crc32"
	"math/big"
	"strings"
	"time"

	"github.com/presswork/presswork/internal/ident"
)

// The text of an API key: "pwk_", a public prefix that finds it, "_", a random secret, and a check sum of all before. By the
// beginning and the sum, scanners for leaked secrets and typos are told without asking a database.
const (
	KeyStart  = "pwk_"
	prefixLen = 10
	// secretLen characters of 62 are 160.7 bits.
	secretLen = 27
	sumLen    = 6
	keyLen    = len(KeyStart) + prefixLen + 1 + secretLen + sumLen
	alphabet  = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// Hash is what is stored of a key: SHA-256 of its whole text. A slow hash is for secrets that people choose and others
// guess; nobody tries 2¹⁶⁰ values, and every request would pay for it.
type Hash [sha256.Size]byte

// Equal compares in constant time.
func (h Hash) Equal(other Hash) bool { return subtle.ConstantTimeCompare(h[:], other[:]) == 1 }

// NewSecret makes the text of a new key, which is shown once, and what is stored of it.
func NewSecret() (text, prefix string, hash Hash) {
	prefix = random(prefixLen)
	text = KeyStart + prefix + "_" + random(secretLen)
	text += checksum(text)
	return text, prefix, sha256.Sum256([]byte(text))
}

// ParseSecret reads a key's text: what finds it, and what is compared. false: nobody made this text.
func ParseSecret(text string) (prefix string, hash Hash, ok bool) {
	if len(text) != keyLen || !strings.HasPrefix(text, KeyStart) {
		return "", hash, false
	}
	prefix, secret, found := strings.Cut(text[len(KeyStart):], "_")
	if !found || len(prefix) != prefixLen || !plain(prefix) || !plain(secret) {
		return "", hash, false
	}
	if body := text[:keyLen-sumLen]; checksum(body) != text[keyLen-sumLen:] {
		return "", hash, false
	}
	return prefix, sha256.Sum256([]byte(text)), true
}

// plain reports whether a text has characters of the alphabet only.
func plain(text string) bool {
	for i := range len(text) {
		if !letterOrDigit(text[i]) {
			return false
		}
	}
	return true
}

func letterOrDigit(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// random is n characters, each of the alphabet's as likely.
func random(n int) string {
	out := make([]byte, n)
	for i := range out {
		k, err := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet))))
		if err != nil {
			panic("auth: the system has no randomness: " + err.Error()) // crypto/rand never fails
		}
		out[i] = alphabet[k.Int64()]
	}
	return string(out)
}

// checksum is CRC-32 (IEEE) in the alphabet. It guards against mistakes, not against people.
func checksum(body string) string {
	rest := crc32.ChecksumIEEE([]byte(body))
	var out [sumLen]byte
	for i := sumLen - 1; i >= 0; i-- {
		out[i] = alphabet[rest%uint32(len(alphabet))]
		rest /= uint32(len(alphabet))
	}
	return string(out[:])
}

// Key is an API key as it is kept: whom it stands for, and by which secrets.
type Key struct {
	ID   int64
	UID  ident.UID
	Name string
	Role Role
	// Scopes narrow the role; nil: all of it.
	Scopes      []Permission
	RatePerHour int
	// ExpiresAt is when all its secrets end; nil: not by itself.
	ExpiresAt *time.Time
	Version   int
	// CreatedBy is the principal that made it.
	CreatedBy            string
	CreatedAt, UpdatedAt time.Time
	// LastUsedAt is true to about two minutes.
	LastUsedAt *time.Time
	// RevokedAt is when it was revoked; nil: it was not.
	RevokedAt *time.Time
	// Secrets are those that may still open something, the newest first.
	Secrets []Secret
}

// Secret is one of a key's texts, by its public part.
type Secret struct {
	Prefix    string
	CreatedAt time.Time
	// ExpiresAt is when a secret that was rotated out ends; nil: with the key.
	ExpiresAt *time.Time
}

// Principal is whom the key stands for.
func (k Key) Principal() Principal {
	return Principal{ID: "key:" + k.UID.String(), Roles: []Role{k.Role}, Scopes: k.Scopes, RatePerHour: k.RatePerHour, KeyUID: k.UID}
}

// Stored is what a lookup by prefix finds: enough to tell whether a secret is good, and for whom.
type Stored struct {
	Key  Key // without Secrets
	Hash Hash
	// SecretExpiresAt is the secret's own end; nil: with the key.
	SecretExpiresAt *time.Time
	// Ended says that one of the two times is over by the store's clock, which a rotation goes by.
	Ended bool
}
