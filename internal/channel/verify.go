package channel

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/presswork/presswork/internal/fault"
)

// Verifier is a Sender that can find out whether what it was given works, without anybody being sent anything.
type Verifier interface {
	// Verify asks the provider, once, in a way that reaches no reader (SES GetAccount, Slack auth.test, SMTP NOOP, a webhook's
	// signed test). Its error says what is wrong. It may be repeated.
	Verify(ctx context.Context) error
}

// FromVerifier is a Sender whose provider has to know the address that mail comes from.
type FromVerifier interface {
	// VerifyFrom is nil if the provider sends mail from the address, or does not tell this account.
	VerifyFrom(ctx context.Context, address string) error
}

// VerifyTime is how long a verification takes at most (requirement D6).
const VerifyTime = 5 * time.Second

// CodeUnverified is the code of the Conflict error of a channel that is not switched on, since its verification failed.
const CodeUnverified = "channel_unverified"

// Verify finds out whether a channel works as it is set up: nil if it does, or if a placeholder stands in for it, else an
// Unverified error. from is the address that mail will come from; empty: none is known yet. It makes network calls, for
// VerifyTime at most, and may be repeated.
func (r *Registry) Verify(ctx context.Context, c Channel, from string) error {
	ctx, cancel := context.WithTimeout(ctx, VerifyTime)
	defer cancel()
	sender, err := r.Open(ctx, c)
	if err != nil {
		return r.unverified(c, err)
	}
	defer func() { _ = sender.Close() }() // its connections end with it
	if v, ok := sender.(Verifier); ok {
		err = v.Verify(ctx)
	}
	if v, ok := sender.(FromVerifier); ok && err == nil && from != "" {
		err = v.VerifyFrom(ctx, from)
	}
	if err != nil {
		return r.unverified(c, err)
	}
	return nil
}

// unverified is the error of a verification: a Conflict with what happened in its detail, and no secret.
func (r *Registry) unverified(c Channel, err error) error {
	why := err.Error()
	if errors.Is(err, context.DeadlineExceeded) {
		why = "no answer within " + VerifyTime.String()
	}
	return fault.New(fault.Conflict, CodeUnverified, "The channel does not work as it is set up: "+hide(why, r.filled(c).Secrets)+".")
}

// hide takes secrets out of a text that others wrote, and what an address that is a secret is made of.
func hide(text string, secrets map[string]string) string {
	for _, secret := range secrets {
		for _, word := range strings.Fields(secret) {
			for _, part := range partsOf(word) {
				text = strings.ReplaceAll(text, part, "[secret]")
			}
		}
	}
	words := strings.Fields(text)
	for i, word := range words {
		bare := strings.Trim(word, "(),;.")
		if !isAddress(bare) {
			bare = strings.TrimRight(bare, ":")
		}
		if isAddress(bare) {
			words[i] = strings.Replace(word, bare, "[address]", 1)
		}
	}
	return strings.TrimRight(strings.Join(words, " "), ". ")
}

// isAddress reports an address or a range of the network: where a name leads inside of it is nobody's business.
func isAddress(word string) bool {
	_, address := netip.ParseAddr(word)
	_, withPort := netip.ParseAddrPort(word)
	_, network := netip.ParsePrefix(word)
	return address == nil || withPort == nil || network == nil
}

// What is shorter than a password or a token may be is found in many a word.
const (
	leastPassword = 4
	leastToken    = 8
)

// partsOf is what of a secret must not be shown, from the whole to the parts of an address.
func partsOf(secret string) []string {
	var parts []string
	add := func(part string, least int) {
		if len(part) >= least {
			parts = append(parts, part)
		}
	}
	add(secret, leastPassword)
	if u, err := url.Parse(secret); err == nil && u.Host != "" {
		password, _ := u.User.Password()
		add(password, leastPassword)
		add(u.RawQuery, leastToken)
		for part := range strings.SplitSeq(u.Path, "/") {
			add(part, leastToken)
		}
	}
	return parts
}

// Proof is what a verification says something about: the provider and all that it is told, in a form that is the same for
// the same. How fast to send, and what stands in, is none of it. It holds the secrets: only a keyed hash of it may be kept.
func (r *Registry) Proof(c Channel) []byte {
	c = r.filled(c)
	proof := fmt.Appendf(nil, "%q\n", c.Provider)
	known := r.byName[c.Provider].Settings
	for _, name := range slices.Sorted(maps.Keys(c.Settings)) {
		if slices.ContainsFunc(known, func(s Setting) bool { return s.Name == name }) {
			proof = fmt.Appendf(proof, "setting %q=%q\n", name, c.Settings[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Secrets)) {
		proof = fmt.Appendf(proof, "secret %q=%q\n", name, c.Secrets[name])
	}
	return proof
}
