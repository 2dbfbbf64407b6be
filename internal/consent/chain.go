package consent

import (
	"crypto/hkdf"
	"crypto/sha256"

	"github.com/presswork/presswork/internal/chain"
)

// Chain seals the record: see internal/chain.
type Chain = chain.Chain[Row]

// The record's name among the chains, the purposes of what is derived for it, and the label of its rows. A changed word breaks
// the chain.
const (
	logName    = "consent"
	purposeKey = "presswork consent chain key v1"
	purposeID  = "presswork consent chain key id v1"
	rowLabel   = "presswork consent row v1"
)

// NewChain derives the keys of the record's chain; see chain.New.
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

// Row is an entry as it is stored, in the form that is sealed: all of it but what it holds of a person, of which it has the
// commitment.
type Row struct {
	ID int64
	// At is in microseconds since 1970 in UTC; the least number if it is infinite.
	At int64
	// SubscriberID is the internal id, Subscriber the 16 bytes of the other.
	SubscriberID         int64
	Subscriber           []byte
	Event, Status        string
	Topics               []string
	ChannelsOff          []int16
	Source, By           string
	TextHash, Commitment []byte
}

// Number is the row's id.
func (r Row) Number() int64 { return r.ID }

// Seal writes the label and the row's fields in this order; lists behind the number of what is in them.
func (r Row) Seal(to chain.Hasher) {
	to.Text(rowLabel)
	to.Number(r.ID)
	to.Number(r.At)
	to.Number(r.SubscriberID)
	to.Bytes(r.Subscriber)
	to.Text(r.Event)
	to.Text(r.Status)
	to.Number(int64(len(r.Topics)))
	for _, topic := range r.Topics {
		to.Text(topic)
	}
	to.Number(int64(len(r.ChannelsOff)))
	for _, kind := range r.ChannelsOff {
		to.Number(int64(kind))
	}
	to.Text(r.Source)
	to.Text(r.By)
	to.Bytes(r.TextHash)
	to.Bytes(r.Commitment)
}
