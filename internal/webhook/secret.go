package webhook

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/presswork/presswork/internal/credential"
)

// SecretPrefix is what signing secrets begin with, as Standard Webhooks has it.
const SecretPrefix = "whsec_"

// The bytes of a signing secret: of those that are given, and of those that are made.
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme
const (
	leastSecret = 24
	mostSecret  = 64
	madeSecret  = 32
)

// How long secrets that were replaced go on signing, and how many may.
const (
	DefaultOverlap = 24 * time.Hour
	MaxOverlap     = 7 * 24 * time.Hour
	MaxPrevious    = 4
)

// ErrManySecrets refuses a rotation while MaxPrevious replaced secrets sign as well.
var ErrManySecrets = errors.New("too many secrets sign already")

// Secrets are the signing secrets of an endpoint. They are stored sealed, as JSON, and shown to nobody.
type Secrets struct {
	Current  string     `json:"current"`
	Previous []Previous `json:"previous,omitempty"` // the newest first
}

// Previous is a secret that was replaced.
type Previous struct {
	Secret string    `json:"secret"`
	Until  time.Time `json:"until"`
}

// NewSecret makes a signing secret.
func NewSecret() string {
	raw := make([]byte, madeSecret)
	_, _ = rand.Read(raw) // never fails
	return SecretPrefix + base64.StdEncoding.EncodeToString(raw)
}

// CheckSecret says why a text is no signing secret that guards anything, without quoting it: it has to be whsec_ and the
// base64 of 24 to 64 bytes.
func CheckSecret(text string) error {
	encoded, found := strings.CutPrefix(text, SecretPrefix)
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if !found || err != nil || strings.ContainsAny(encoded, "\r\n") || len(raw) < leastSecret || len(raw) > mostSecret {
		return fmt.Errorf("must be %s and the base64 of %d to %d bytes", SecretPrefix, leastSecret, mostSecret)
	}
	if err := credential.Check(text, 0); err != nil {
		return fmt.Errorf("must be a random value: it %w", err)
	}
	return nil
}

// Signing are the secrets that sign at a moment, the newest first.
func (s Secrets) Signing(at time.Time) []string {
	texts := []string{s.Current}
	for _, p := range s.live(at) {
		texts = append(texts, p.Secret)
	}
	return texts
}

// Rotate makes text the secret. Those before it end after overlap, or when they would have; with none, at once.
func (s Secrets) Rotate(text string, overlap time.Duration, at time.Time) (Secrets, error) {
	next := Secrets{Current: text}
	if overlap > 0 {
		end := at.Add(overlap).UTC()
		next.Previous = append(next.Previous, Previous{s.Current, end})
		for _, p := range s.live(at) {
			if p.Until.After(end) {
				p.Until = end
			}
			next.Previous = append(next.Previous, p)
		}
	}
	if len(next.Previous) > MaxPrevious {
		return s, ErrManySecrets
	}
	return next, nil
}

// PreviousUntil is when the last of those that were replaced ends; nil if none signs any more.
func (s Secrets) PreviousUntil(at time.Time) *time.Time {
	var last *time.Time
	for _, p := range s.live(at) {
		if last == nil || p.Until.After(*last) {
			last = &p.Until
		}
	}
	return last
}

func (s Secrets) live(at time.Time) []Previous {
	var list []Previous
	for _, p := range s.Previous {
		if p.Until.After(at) {
			list = append(list, p)
		}
	}
	return list
}

// Marshal is how secrets are sealed.
func (s Secrets) Marshal() ([]byte, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("write the secrets of an endpoint: %w", err)
	}
	return b, nil
}

// ParseSecrets reads what Marshal wrote.
func ParseSecrets(b []byte) (Secrets, error) {
	var s Secrets
	if err := json.Unmarshal(b, &s); err != nil || s.Current == "" {
		return Secrets{}, errors.New("the secrets of an endpoint cannot be read") // the library's error would quote them
	}
	return s, nil
}
