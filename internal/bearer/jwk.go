package bearer

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
)

const (
	// maxKeys bounds how many keys of a set are looked at.
	maxKeys = 100
	// RSA keys below are too weak (RFC 7518, section 3.3), above too slow to verify with.
	minRSA, maxRSA = 2048, 8192
)

// agreed are the algorithms that an issuer may sign by. None of them takes a secret.
func agreed() []jwa.SignatureAlgorithm {
	return []jwa.SignatureAlgorithm{jwa.RS256(), jwa.PS256(), jwa.ES256(), jwa.EdDSA()}
}

// publicKey is a key of the issuer, with the algorithms that it may have signed by.
type publicKey struct {
	kid        string
	key        any
	algorithms []jwa.SignatureAlgorithm
}

// readSet reads the keys of a JWK Set that can be used here. Keys of other kinds are left out, symmetric ones above all: a
// secret that is published is none (RFC 7517, section 5: unknown ones are ignored). A set without any is an error.
func readSet(body []byte) ([]publicKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, errors.New("it is no JWK Set") // the error would repeat a part of it
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("it has more than %d keys", maxKeys)
	}
	var list []publicKey
	for _, text := range set.Keys {
		if key, ok := readKey(text); ok {
			list = append(list, key)
		}
	}
	if len(list) == 0 {
		return nil, errors.New("it has no key that can be used")
	}
	return list, nil
}

func readKey(text []byte) (publicKey, bool) {
	parsed, err := jwk.ParseKey(text)
	if err != nil {
		return publicKey{}, false
	}
	if use, given := parsed.KeyUsage(); given && use != string(jwk.ForSignature) {
		return publicKey{}, false
	}
	if parsed.KeyType() == jwa.OctetSeq() {
		return publicKey{}, false
	}
	raw, err := jwk.PublicRawKeyOf(parsed)
	if err != nil {
		return publicKey{}, false
	}
	k := publicKey{}
	k.kid, _ = parsed.KeyID()
	k.key, k.algorithms = usable(raw)
	if named, given := parsed.Algorithm(); given {
		k.algorithms = slices.DeleteFunc(k.algorithms, func(a jwa.SignatureAlgorithm) bool { return a.String() != named.String() })
	}
	return k, len(k.algorithms) > 0
}

// usable says which algorithms a key is for; none: it is not used here.
func usable(raw any) (any, []jwa.SignatureAlgorithm) {
	switch key := raw.(type) {
	case *rsa.PublicKey:
		if n := key.N.BitLen(); n >= minRSA && n <= maxRSA {
			return key, []jwa.SignatureAlgorithm{jwa.RS256(), jwa.PS256()}
		}
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() {
			return key, []jwa.SignatureAlgorithm{jwa.ES256()}
		}
	case ed25519.PublicKey:
		return key, []jwa.SignatureAlgorithm{jwa.EdDSA()}
	}
	return nil, nil
}
