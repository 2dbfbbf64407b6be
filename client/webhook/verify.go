// Package webhook receives what Presswork posts: it verifies signatures (Standard Webhooks), and reads events (CloudEvents)
// into types.
//
//	verifier, err := webhook.NewVerifier(os.Getenv("PRESSWORK_WEBHOOK_SECRET"))
//	http.Handle("POST /presswork", webhook.Handler(verifier, func(ctx context.Context, e webhook.Event) error { … }))
package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Tolerance is how old a message may be, and how far ahead the sender's clock: what was recorded cannot be posted again
// later. https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#verifying-webhook-authenticity
const Tolerance = 5 * time.Minute

// What can be wrong with a message. All of them are the sender's fault, whoever that is: answer 400 or 401, and do nothing.
var (
	// ErrUnsigned is a message without one of the headers Webhook-Id, Webhook-Timestamp and Webhook-Signature.
	ErrUnsigned = errors.New("the message is not signed")
	// ErrSignature is one that was signed with another secret, or altered.
	ErrSignature = errors.New("the signature is of another secret, or of another message")
	// ErrTime is one from more than Tolerance ago, or ahead.
	ErrTime = errors.New("the message is too old, or from the future")
)

// Verifier tells messages of Presswork from others'. It is safe for concurrent use.
type Verifier struct {
	keys [][]byte
	now  func() time.Time
}

// NewVerifier takes the signing secrets ("whsec_…") of an endpoint or a channel: one of them has to have signed. While
// secrets are rotated give it the old and the new one.
func NewVerifier(secrets ...string) (*Verifier, error) {
	if len(secrets) == 0 {
		return nil, errors.New("a verifier needs a secret")
	}
	v := &Verifier{now: time.Now}
	for i, secret := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(strings.TrimSpace(secret), "whsec_"))
		if err != nil || len(key) == 0 { // the error would show a part of the secret
			return nil, fmt.Errorf("secret number %d is not whsec_ and base64", i+1)
		}
		v.keys = append(v.keys, key)
	}
	return v, nil
}

// Verify checks a message by its headers and its body, which must be as it came, byte by byte. The error is ErrUnsigned,
// ErrSignature or ErrTime.
func (v *Verifier) Verify(header http.Header, body []byte) error {
	id, at, signatures := header.Get("Webhook-Id"), header.Get("Webhook-Timestamp"), header.Get("Webhook-Signature")
	if id == "" || at == "" || signatures == "" {
		return ErrUnsigned
	}
	if !v.signed(id, at, body, signatures) {
		return ErrSignature
	}
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil || v.now().Sub(time.Unix(seconds, 0)).Abs() > Tolerance {
		return ErrTime
	}
	return nil
}

// signed reports whether one of the signatures is by one of the keys. Other versions than v1 are passed over.
func (v *Verifier) signed(id, at string, body []byte, signatures string) bool {
	for _, key := range v.keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + at + "."))
		mac.Write(body)
		want := mac.Sum(nil)
		for one := range strings.FieldsSeq(signatures) {
			version, text, _ := strings.Cut(one, ",")
			got, err := base64.StdEncoding.DecodeString(text)
			if version == "v1" && err == nil && hmac.Equal(got, want) {
				return true
			}
		}
	}
	return false
}
