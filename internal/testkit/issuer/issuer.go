// Package issuer stands in for a backend module that signs tokens: it publishes its keys over a real socket, and signs by the
// standard library alone, so that what the verifier's library does is held against something else.
package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// Key is one that signs by one algorithm.
type Key struct {
	tb       testing.TB
	KID, Alg string
	Secret   []byte // of HS256
	RSA      *rsa.PrivateKey
	EC       *ecdsa.PrivateKey
	Ed       ed25519.PrivateKey
}

// NewKey makes a key for RS256, PS256, ES256 or EdDSA.
func NewKey(tb testing.TB, alg, kid string) Key {
	tb.Helper()
	k := Key{tb: tb, KID: kid, Alg: alg}
	var err error
	switch alg {
	case "RS256", "PS256":
		k.RSA, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ES256":
		k.EC, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "EdDSA":
		_, k.Ed, err = ed25519.GenerateKey(rand.Reader)
	default:
		tb.Fatalf("no key for %s", alg)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// Shared is a key for HS256.
func Shared(tb testing.TB, secret []byte) Key { return Key{tb: tb, Alg: "HS256", Secret: secret} }

// Token signs claims. change, unless it is nil, adjusts the header first; a value of nil removes a member.
func (k Key) Token(claims, change map[string]any) string {
	k.tb.Helper()
	header := map[string]any{"alg": k.Alg, "typ": "JWT"}
	if k.KID != "" {
		header["kid"] = k.KID
	}
	for name, value := range change {
		if header[name] = value; value == nil {
			delete(header, name)
		}
	}
	signed := k.part(header) + "." + k.part(claims)
	return signed + "." + encode(k.sign([]byte(signed)))
}

func (k Key) part(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		k.tb.Fatal(err)
	}
	return encode(text)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// sign is RFC 7518, section 3, and RFC 8037, section 3.1.
func (k Key) sign(text []byte) []byte {
	digest := sha256.Sum256(text)
	var signature []byte
	var err error
	switch {
	case k.Secret != nil:
		mac := hmac.New(sha256.New, k.Secret)
		_, err = mac.Write(text)
		signature = mac.Sum(nil)
	case k.Ed != nil:
		signature = ed25519.Sign(k.Ed, text)
	case k.EC != nil:
		var r, s *big.Int
		if r, s, err = ecdsa.Sign(rand.Reader, k.EC, digest[:]); err == nil {
			signature = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		}
	case k.Alg == "PS256":
		signature, err = rsa.SignPSS(rand.Reader, k.RSA, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	default:
		signature, err = rsa.SignPKCS1v15(rand.Reader, k.RSA, crypto.SHA256, digest[:])
	}
	if err != nil {
		k.tb.Fatal(err)
	}
	return signature
}

// JWK is the public half (RFC 7517). change adjusts it as in Token.
func (k Key) JWK(change map[string]any) map[string]any {
	k.tb.Helper()
	out := map[string]any{"use": "sig", "alg": k.Alg}
	if k.KID != "" {
		out["kid"] = k.KID
	}
	switch {
	case k.RSA != nil:
		out["kty"], out["n"], out["e"] = "RSA", encode(k.RSA.N.Bytes()), encode(big.NewInt(int64(k.RSA.E)).Bytes())
	case k.EC != nil:
		point, err := k.EC.PublicKey.Bytes()
		if err != nil {
			k.tb.Fatal(err)
		}
		out["kty"], out["crv"], out["x"], out["y"] = "EC", "P-256", encode(point[1:33]), encode(point[33:])
	case k.Ed != nil:
		public, ok := k.Ed.Public().(ed25519.PublicKey)
		if !ok {
			k.tb.Fatal("no public key")
		}
		out["kty"], out["crv"], out["x"] = "OKP", "Ed25519", encode(public)
	default:
		out["kty"], out["k"] = "oct", encode(k.Secret)
	}
	for name, value := range change {
		if out[name] = value; value == nil {
			delete(out, name)
		}
	}
	return out
}

// Issuer publishes a JWK Set.
type Issuer struct {
	URL string

	mu      sync.Mutex
	answer  http.HandlerFunc
	fetches int
}

// New publishes these keys.
func New(tb testing.TB, keys ...Key) *Issuer {
	tb.Helper()
	i := &Issuer{}
	i.Publish(keys...)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		i.fetches++
		answer := i.answer
		i.mu.Unlock()
		answer(w, r)
	}))
	tb.Cleanup(server.Close)
	i.URL = server.URL + "/jwks.json"
	return i
}

// Publish is what it does from now on.
func (i *Issuer) Publish(keys ...Key) {
	list := make([]map[string]any, 0, len(keys))
	for _, k := range keys {
		list = append(list, k.JWK(nil))
	}
	i.Answer(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/jwk-set+json")
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": list}) // who asked has gone
	})
}

// Answer is what it does from now on.
func (i *Issuer) Answer(with http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.answer = with
}

// Fetches is how often it was asked.
func (i *Issuer) Fetches() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fetches
}
