package auth

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// addressInfo separates this use of SECRET_KEY from every other (RFC 5869, section 3.2).
const addressInfo = "presswork client address v1"

// Addresses makes hashes of clients' addresses: the record tells which failures came from the same one, and not from which.
type Addresses struct{ key []byte }

// NewAddresses derives the key from SECRET_KEY. Hashes made under another one are other hashes.
func NewAddresses(secret []byte) (*Addresses, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, addressInfo, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive the key of addresses: %w", err)
	}
	return &Addresses{key}, nil
}

// Hash is 22 characters; of a nil Addresses, "".
func (a *Addresses) Hash(address string) string {
	if a == nil {
		return ""
	}
	mac := hmac.New(sha256.New, a.key)
	_, _ = mac.Write([]byte(address)) // a hash never fails
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}
