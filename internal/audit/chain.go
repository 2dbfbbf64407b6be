package audit

import (
	"crypto/hkdf"
	"crypto/sha256"

	"github.com/presswork/presswork/internal/chain"
)

// Chain seals the log: see internal/chain.
type Chain = chain.Chain[Row]

// The log's name among the chains, and the purposes of what is derived for it. A changed word breaks the chain.
const (
	logName    = "audit"
	purposeKey = "presswork audit chain key v1"
	purposeID  = "presswork audit chain key id v1"
)

// NewChain derives the keys of the audit log's chain; see chain.New.
func NewChain(secret []byte, previous ...[]byte) (*Chain, error) {
	return chain.New[Row](logName, derive, secret, previous...)
}

// derive has keys of 32 bytes and ids of 4, by HKDF-SHA256 (RFC 5869) without a salt.
func derive(secret []byte) (key, id []byte, err error) {
	if key, err = hkdf.Key(sha256.New, secret, nil, purposeKey, sha256.Size); err == nil {
		id, err = hkdf.Key(sha256.New, secret, nil, purposeID, len(chain.KeyID{}))
	}
	return key, id, err
}
